"""Fills in `[[autodoc]] Name` lines of Hugging Face documentation from the installed package.

Their doc-builder imports the library to do so; here its source is read, and nothing is run. So
what decorators add to a docstring at run time is missing, and a name made at run time is not
found. Anchors are the published site's: the package's name and the shortest path through the
modules around an object. This module knows nothing of Markdown or pages.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import griffe

from ingest import api, docstring
from ingest.document import Section
from ingest.modules import Modules, is_public, locate, walk
from rag.data import FootnoteError

Expander = Callable[[str, tuple[str, ...]], tuple[Section, ...] | None]

# https://huggingface.co/docs/transformers/v4.48.0/en/
DOCS_PATH = re.compile(r"/docs/(?P<package>[A-Za-z][\w-]*)(?:/|$)")


def package_of(base_url: str) -> str | None:
    """The package that a published Hugging Face documentation is of, None when it is no such."""
    found = DOCS_PATH.match(urlsplit(base_url).path)
    return found["package"].replace("-", "_") if found else None


def expander(package: str = "transformers") -> Expander:
    """What turns a directive's name and listed members into sections, None for a name that is not
    found; so all names, where the package is not installed.

    An object's text may take several sections, one after the other and alike but for their text,
    each a passage's length. Modules are parsed as they are needed, each once for one expander.
    """
    try:
        _, start = locate(package)
    except FootnoteError:
        return lambda name, members: None
    modules = Modules(dict(reversed([*walk(start, package)])))

    def expand(name: str, members: tuple[str, ...]) -> tuple[Section, ...] | None:
        item = _find(modules, f"{package}.{name}")
        if item is None or item.is_module:
            return None
        shown = [(item, tuple(_within(item)))]
        for member in _listed(item, members):
            if found := _member(modules, item, member):
                shown.append((found, (*_within(item), member)))
        return tuple(
            section for one, headings in shown for section in _sections(modules, one, headings)
        )

    return expand


def _find(modules: Modules, path: str) -> griffe.Object | None:
    """The object at the dotted path, a method that its class inherits included."""
    found = modules.find(path)
    if found is not None:
        return found
    owner, _, name = path.rpartition(".")
    above = modules.find(owner)
    return _member(modules, above, name) if above is not None else None


def _member(modules: Modules, owner: griffe.Object, name: str) -> griffe.Object | None:
    """The class's member, its own or inherited."""
    for one in api.lineage(owner, modules) if isinstance(owner, griffe.Class) else ():
        member = one.members.get(name)
        # `name = copy_of(Base.name)` tells less than the base's own.
        if isinstance(member, griffe.Object) and (api.documentation(member) or member.is_function):
            return member
    return None


def _listed(item: griffe.Object, members: tuple[str, ...]) -> list[str]:
    """The names of the members to show: those that are listed, and all that the class documents
    itself where "all" or nothing is. Doc-builder takes methods only for "all"."""
    names = [name for name in members if name != "all"]
    if isinstance(item, griffe.Class) and (not members or "all" in members):
        documented = sorted(
            member.name
            for member in api.members(item)
            if member.is_function and is_public(member.name) and api.documentation(member)
        )
        names += [name for name in documented if name not in names]
    return names


def _sections(
    modules: Modules, item: griffe.Object, headings: tuple[str, ...]
) -> Iterator[Section]:
    name = _site_name(modules, item)
    text = api.documentation(item)
    signature = api.signature(item, name, modules, docstring.documented(text))
    for piece in docstring.pieces(name, signature, text):
        yield Section(headings, name, piece)


def _site_name(modules: Modules, item: griffe.Object) -> str:
    """The name under which the site documents an object, which is its anchor: from the outermost
    of the modules around it that knows its first name."""
    names = _within(item)
    around = item.module.path.split(".")
    for depth in range(1, len(around)):
        outer = ".".join(around[:depth])
        first = modules.find(f"{outer}.{names[0]}")
        if first is not None and first.path == f"{item.module.path}.{names[0]}":
            return ".".join([outer, *names])
    return item.path


def _within(item: griffe.Object) -> list[str]:
    """An object's names within its module."""
    return item.path.removeprefix(f"{item.module.path}.").split(".")
