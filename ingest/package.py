"""Reads the documentation of an installed Python package from its source files, never running it.

Griffe parses each file by itself; every public module, class, function, method and property with
a docstring becomes a document, linked to its lines in the project's public repository at the
installed version. Names imported from elsewhere are not followed, so each object is read once,
where it is defined. This module knows nothing of docstring styles and does not import what it
reads; a compiled package, stubs included, is out of its reach.
"""

import importlib.util
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import griffe
import httpx

from ingest.chunker import split
from ingest.reading import Reading, url_fault
from rag.data import FootnoteError, Passage

# Where a repository shows a file at a tag.
FILE_AT_TAG = {
    "github.com": "{repository}/blob/{tag}/",
    "gitlab.com": "{repository}/-/blob/{tag}/",
    "codeberg.org": "{repository}/src/tag/{tag}/",
}
REPOSITORY = re.compile(
    r"https?://(?:www\.)?(?P<host>github\.com|gitlab\.com|codeberg\.org)"
    r"/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)"
)
EXAMPLE = "--source-url https://github.com/OWNER/PROJECT/blob/v{version}/src/"
SECONDS = 5.0  # for one answer of the repository's host
HOPS = 3  # redirects followed


def read(name: str, *, exclude: Sequence[str] = (), source_url: str | None = None) -> Reading:
    """Opens the installed package, sub-package or module with the dotted `name`.

    `exclude` are dotted prefixes of modules to leave out unread. `source_url` is what stands
    before a file's path in a link, with `{version}` for the version; without it the project's
    repository is asked. Raises FootnoteError when the package or its source is not there, or
    when no repository is known to show it.
    """
    root, start = _find(name)
    files = [
        (dotted, file)
        for dotted, file in _modules(start, name)
        if not any(f"{dotted}.".startswith(f"{prefix}.") for prefix in exclude)
    ]
    if not files:
        raise FootnoteError(f"{name} has no module left to read; give fewer --exclude")
    project = _distribution(name.split(".")[0], files[0][1])
    version = project.version if project else ""
    # Repositories have no tag for a local build such as 2.13.0+cpu.
    tagged = version.partition("+")[0]
    first = files[0][1].relative_to(root).as_posix()
    base = _given(source_url, tagged) if source_url else _asked(name, project, tagged, first)
    left_out: Counter[str] = Counter()
    return Reading(
        name=f"python:{name}",
        title=f"{name} {version}".strip(),
        version=version,
        total=None,
        passages=_passages(name, root, files, base, left_out),
        left_out=left_out,
    )


def _find(name: str) -> tuple[Path, Path]:
    """The folder that file paths are relative to, and the module's own folder or file."""
    top, *rest = name.split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        raise FootnoteError(
            f"python:{name} names no Python module; write python:PACKAGE, as in python:json"
        )
    try:
        spec = importlib.util.find_spec(top)  # does not import a name without dots
    except ValueError:  # __main__ has no specification
        spec = None
    if spec is None:
        raise FootnoteError(f"no package {top} is installed here; run pip install {top}")
    places = [Path(place) for place in spec.submodule_search_locations or ()]
    if not places and spec.has_location and spec.origin and spec.origin.endswith(".py"):
        places = [Path(spec.origin)]
    if rest:
        inside = [place.joinpath(*rest) for place in places]
        places = [*inside, *(folder.with_name(f"{folder.name}.py") for folder in inside)]
    found = [place for place in places if place.exists()]
    for place in found:
        if next(_modules(place, name), None):
            return place.parents[len(rest)], place
    if found or not rest or _compiled(places):
        raise FootnoteError(f"{name} has no Python source to read here: it is compiled")
    raise FootnoteError(f"{top} is installed, but has no module {name}; check the name")


def _compiled(places: list[Path]) -> bool:
    """Whether an extension module stands where one of the modules would."""
    return any(
        place.with_name(place.stem + suffix).exists()
        for place in places
        for suffix in EXTENSION_SUFFIXES
    )


def _modules(start: Path, dotted: str) -> Iterator[tuple[str, Path]]:
    """The dotted names and files of the public modules from `start` on, packages first."""
    if start.is_file():
        yield dotted, start
        return
    if (start / "__init__.py").is_file():
        yield dotted, start / "__init__.py"
    for entry in sorted(start.iterdir()):
        public = entry.stem.isidentifier() and not entry.stem.startswith("_")
        if public and (entry.suffix == ".py" or (entry.is_dir() and not entry.suffix)):
            yield from _modules(entry, f"{dotted}.{entry.stem}")


def _passages(
    name: str, root: Path, files: list[tuple[str, Path]], base: str, left_out: Counter[str]
) -> Iterator[Passage]:
    """The passages of every documented object in `files`; raises FootnoteError when none is."""
    extensions = griffe.load_extensions()
    documents: Counter[str] = Counter()
    for dotted, file in files:
        try:
            with tokenize.open(file) as source:  # minds a coding line
                module = griffe.visit(dotted, file, source.read(), extensions=extensions)
        except (SyntaxError, ValueError):  # ValueError: bytes that are not text
            left_out["file that is not valid Python"] += 1
            continue
        for item, headings in _objects(module, ()):
            docstring = item.docstring
            if docstring is None or not docstring.value:
                left_out["no docstring"] += 1
                continue
            documents[item.path] += 1
            # A function may bear the name of a module beside it.
            again = f"#{documents[item.path]}" if documents[item.path] > 1 else ""
            # A module has no first line of its own; its docstring has.
            shown = docstring if item.is_module else item
            url = f"{base}{file.relative_to(root).as_posix()}#L{shown.lineno}-L{shown.endlineno}"
            text = f"```python\n{_signature(item)}\n```\n\n{docstring.value}".replace("\0", "")
            for number, piece in enumerate(split(text)):
                chunk_id = f"{item.path}{again}:{number}" if number else f"{item.path}{again}"
                yield Passage(chunk_id, url, piece, module.path, headings)
    if not documents:
        raise FootnoteError(f"{name} has no public object with a docstring; nothing to read")


def _objects(
    item: griffe.Object, headings: tuple[str, ...]
) -> Iterator[tuple[griffe.Object, tuple[str, ...]]]:
    """`item` and the public objects defined in it, each with its names within the module."""
    yield item, headings
    if item.is_module or item.is_class:
        for member in item.members.values():
            public = not member.name.startswith("_") or member.name in ("__init__", "__call__")
            # An alias, which is a name imported from elsewhere, is no Object to griffe.
            if public and isinstance(member, griffe.Object) and _takes_docstring(member):
                yield from _objects(member, (*headings, member.name))


def _takes_docstring(member: griffe.Object) -> bool:
    return member.is_class or member.is_function or "property" in member.labels


def _signature(item: griffe.Object) -> str:
    """The dotted path with parameters and their defaults; a class takes those of __init__."""
    call = item.members.get("__init__") if item.is_class else item
    if not isinstance(call, griffe.Function):
        return item.path
    for parameter in call.parameters:
        parameter.annotation = None  # docstrings tell types shorter
    return call.signature(return_type=False, name=item.path)


def _distribution(top: str, file: Path) -> metadata.Distribution | None:
    """The installed project that brought `file`, None when no record tells."""
    names = list(dict.fromkeys(metadata.packages_distributions().get(top, [top])))
    for name in names:
        try:
            project = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        # Several projects may share a top folder, as those under google do.
        if len(names) == 1 or any(project.locate_file(f) == file for f in project.files or ()):
            return project
    return None


def _given(source_url: str, version: str) -> str:
    """The template the caller gave, filled in; raises FootnoteError when it makes no link."""
    if "{version}" in source_url and not version:
        raise FootnoteError(
            f"--source-url {source_url!r}: the installed version is unknown; write it out"
        )
    url = source_url.replace("{version}", version)
    if fault := url_fault(url):
        raise FootnoteError(f"--source-url {source_url!r} {fault}; give one like {EXAMPLE}")
    return url.rstrip("/") + "/"


def _asked(name: str, project: metadata.Distribution | None, version: str, file: str) -> str:
    """What the project's own repository answers to; raises FootnoteError when none does."""
    candidates = likely_places(project, version) if project else []
    base = first_that_answers(candidates, file)
    if base is None:
        tried = "its repository did not show it" if candidates else "no repository is known"
        raise FootnoteError(
            f"cannot link {name} {version} to its source: {tried};"
            f" pass its address, such as {EXAMPLE}"
        )
    return base


def likely_places(project: metadata.Distribution, version: str) -> list[str]:
    """Addresses under which the project's files may stand at the version's tag, to be tried."""
    fields = project.metadata.get_all("Project-URL", [])  # each "Label, URL"
    addresses = [field.rpartition(",")[2].strip() for field in fields]
    addresses += project.metadata.get_all("Home-page", [])
    shows = []
    for address in addresses:
        if found := REPOSITORY.match(address):
            repository = "https://{host}/{owner}/{name}".format(**found.groupdict())
            shows.append(
                FILE_AT_TAG[found["host"]].replace("{repository}", repository.removesuffix(".git"))
            )
    return [
        show.replace("{tag}", tag) + layout
        for show in dict.fromkeys(shows)
        for tag in (f"v{version}", version)
        for layout in ("", "src/")
    ]


def first_that_answers(candidates: Sequence[str], file: str) -> str | None:
    """The first of the addresses under which `file` is found, None when none is or offline."""
    with httpx.Client(timeout=SECONDS) as client:
        for base in candidates:
            try:
                if _answers(client, base + file, file):
                    return base
            except httpx.TransportError:
                return None  # offline: the others would only cost their time
    return None


def _answers(client: httpx.Client, url: str, file: str) -> bool:
    """Whether the host shows `file` at `url`, be it renamed, but not a page to sign in."""
    response = client.head(url)
    for _ in range(HOPS):
        onward = response.next_request
        if onward is None or onward.url.netloc != response.url.netloc:
            break
        response = client.send(onward)
    return response.status_code == 200 and response.url.path.endswith(f"/{file}")
