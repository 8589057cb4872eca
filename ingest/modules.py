"""The modules of an installed package, found and parsed without running any of them.

Griffe parses a file when its module is first asked for. Names are followed through imports, star
imports included, within the package only: from them comes the public name under which people
import an object that is defined deeper, or in a private module. Names that a module makes while
it runs (`setattr`, a module's `__getattr__`) stay unknown. This module knows nothing of
docstrings or links.
"""

import importlib.util
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import griffe

from rag.data import FootnoteError

# A list of public names that is written out, and so can be read without parsing the file.
ALL = re.compile(r"^__all__\s*=\s*\[([\w\s\"',#.]*)\]\s*$", re.MULTILINE)


def locate(name: str) -> tuple[Path, Path]:
    """The folder that file paths are relative to, and the module's own folder or file.

    Raises FootnoteError when no such module is installed, or when it has no source to read.
    """
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
    if not places and spec.has_location and spec.origin:
        places = [place for place in _sources(Path(spec.origin).parent / top) if place.is_file()]
    if rest:
        inside = [place.joinpath(*rest) for place in places]
        places = [*inside, *(file for folder in inside for file in _sources(folder))]
    found = [place for place in places if place.exists()]
    for place in found:
        if next(walk(place, name), None):
            return place.parents[len(rest)], place
    if found or not rest or _compiled(places):
        raise FootnoteError(f"{name} has no Python source to read here: it is compiled")
    raise FootnoteError(f"{top} is installed, but has no module {name}; check the name")


def _sources(stem: Path) -> list[Path]:
    """Where the source of a module that is one file may stand, the stub of a compiled one last."""
    return [stem.with_name(stem.name + suffix) for suffix in (".py", ".pyi")]


def _compiled(places: list[Path]) -> bool:
    """Whether an extension module stands where one of the modules would."""
    return any(
        place.with_name(place.stem + suffix).exists()
        for place in places
        for suffix in EXTENSION_SUFFIXES
    )


def walk(start: Path, dotted: str) -> Iterator[tuple[str, Path]]:
    """The dotted names and files of the modules from `start` on, packages first.

    A stub (.pyi) is given only where the module itself is compiled. Private modules are given,
    __main__ is not.
    """
    if start.is_file():
        yield dotted, start
        return
    own = [file for file in _sources(start / "__init__") if file.is_file()]
    if own:
        yield dotted, own[0]
    entries = sorted(start.iterdir())
    for entry in entries:
        if not entry.stem.isidentifier() or entry.stem in ("__init__", "__main__"):
            continue
        stub = entry.suffix == ".pyi" and entry.with_suffix(".py") not in entries
        if stub or entry.suffix == ".py" or (entry.is_dir() and not entry.suffix):
            yield from walk(entry, f"{dotted}.{entry.stem}")


def is_public(dotted: str) -> bool:
    """Whether no part of a dotted name begins with an underscore."""
    return not any(part.startswith("_") for part in dotted.split("."))


def _around(dotted: str) -> tuple[griffe.Module | None, str]:
    """Empty packages around a module, by which griffe resolves relative imports, and its name."""
    *outer, name = dotted.split(".")
    package = None
    for one in outer:
        package = griffe.Module(one, parent=package)
    return package, name


def _distance(own: str, path: str) -> tuple[object, ...]:
    """How far a name is from the best for what is defined at `own`: private, long, elsewhere,
    called otherwise, late in the alphabet."""
    renamed = own.rpartition(".")[2] != path.rpartition(".")[2]
    return not is_public(path), path.count("."), path != own, renamed, path


class Modules:
    """A package's modules by their dotted names, and what their names stand for."""

    def __init__(self, files: Mapping[str, Path]):
        """`files` holds the file of each module, by dotted name; others are not looked into."""
        self.files = files
        self._lines = griffe.LinesCollection()  # where griffe's objects look up their source
        self._parsed: dict[str, griffe.Module | None] = {}
        self._exports: dict[str, dict[str, str]] = {}
        self._words: dict[str, frozenset[str] | None] = {}

    def module(self, dotted: str) -> griffe.Module | None:
        """The parsed module; None for one that is not there or is not valid Python."""
        if dotted not in self._parsed:
            self._parsed[dotted] = self._parse(dotted)
        return self._parsed[dotted]

    def _parse(self, dotted: str) -> griffe.Module | None:
        if dotted not in self.files:
            return None
        file = self.files[dotted]
        try:
            with tokenize.open(file) as source:  # minds a coding line
                code = source.read()
            self._lines[file] = code.splitlines()
            around, name = _around(dotted)
            return griffe.visit(name, file, code, parent=around, lines_collection=self._lines)
        except (SyntaxError, ValueError):  # ValueError: bytes that are not text
            return None

    def find(self, path: str) -> griffe.Object | None:
        """What the dotted `path` stands for, followed through imports; None when unknown."""
        return self._find(path, frozenset())

    def _find(self, path: str, behind: frozenset[str]) -> griffe.Object | None:
        """`find`, where `behind` are the paths that led here: imports may go round in circles."""
        owner_path, _, name = path.rpartition(".")
        if not owner_path or path in behind:
            return self.module(path)
        behind |= {path}
        owner = self._find(owner_path, behind)
        if owner is None:
            return self.module(path)
        # A name in a package hides the module beside it that is called the same.
        found = self._followed(owner, owner.members.get(name), behind)
        if found is None and owner.is_module:
            found = self.module(f"{owner.path}.{name}") or self._starred(owner.path, name, behind)
        return found

    def _followed(
        self,
        owner: griffe.Object,
        member: griffe.Object | griffe.Alias | None,
        behind: frozenset[str],
    ) -> griffe.Object | None:
        """What a member of `owner` stands for: an import, or one name written as another's."""
        if isinstance(member, griffe.Alias):
            return self._find(member.target_path, behind)
        if isinstance(member, griffe.Attribute) and isinstance(member.value, griffe.ExprName):
            path = member.value.canonical_path
            other = self._find(path, behind) or self._find(f"{owner.path}.{path}", behind)
            return other or member
        return member

    def _starred(self, owner: str, name: str, behind: frozenset[str]) -> griffe.Object | None:
        """What `name` stands for by the star imports of the module `owner`."""
        for star in self._stars(owner):
            path = f"{star}.{name}"
            if path not in behind and self._may_hold(star, name) and self._shows(star, name):
                found = self._find(path, behind)
                if found is not None:
                    return found
        return None

    def _may_hold(self, dotted: str, name: str) -> bool:
        """False when the file's text is proof enough that `name` is not exported.

        A package may have hundreds of star imports; their modules are not all to be parsed.
        """
        if dotted not in self.files or self.files[dotted].stem == "__init__":
            return True
        if dotted not in self._words:
            text = self.files[dotted].read_text(encoding="utf-8", errors="replace")
            listed = ALL.search(text) if text.count("__all__") == 1 else None
            words = frozenset(re.findall(r"\w+", listed[1] if listed else text))
            self._words[dotted] = None if "import *" in text and not listed else words
        words_or_any = self._words[dotted]
        return words_or_any is None or name in words_or_any

    def _shows(self, dotted: str, name: str) -> bool:
        """Whether a star import of the module brings `name`."""
        listed = self._listed(dotted)
        return name in listed if listed is not None else not name.startswith("_")

    def _stars(self, dotted: str) -> list[str]:
        """The modules whose names the module imports by a star."""
        module = self.module(dotted)
        members = module.members.values() if module else ()
        return [m.target_path for m in members if isinstance(m, griffe.Alias) and m.wildcard]

    def _listed(self, dotted: str) -> set[str] | None:
        """The names in the module's `__all__`, None when it has none."""
        module = self.module(dotted)
        if module is None or module.exports is None:
            return None
        names: set[str] = set()
        for entry in module.exports:
            if isinstance(entry, str):
                names.add(entry)
            else:  # another module's: __all__ = [...] + other.__all__
                other = self.find(f"{dotted}.{entry.canonical_path}".rpartition(".")[0])
                if other is not None and other.is_module and other.path != dotted:
                    names |= self._listed(other.path) or set()
        return names

    def exports(self, dotted: str) -> dict[str, str]:
        """The names that a star import of the module brings, each with the path it stands for."""
        if dotted not in self._exports:
            self._exports[dotted] = {}  # a circle of star imports ends here
            module = self.module(dotted)
            names: dict[str, str] = {}
            for star in self._stars(dotted):
                names |= self.exports(star)
            for name, member in module.members.items() if module else ():
                if not isinstance(member, griffe.Alias):
                    names[name] = member.path
                elif not member.wildcard:
                    names[name] = member.target_path
            self._exports[dotted] = {n: path for n, path in names.items() if self._shows(dotted, n)}
        return self._exports[dotted]

    def public_names(self) -> dict[str, str]:
        """The shortest path by which a public module offers another's object, by the path where
        the object is defined; that path itself where it is public and as short."""
        shortest: dict[str, str] = {}
        for module in filter(is_public, self.files):
            for name, target in self._offered(module).items():
                found = self.find(target)
                if found is None or found.is_module:
                    continue
                known = shortest.get(found.path, found.path)
                shortest[found.path] = min(
                    known, f"{module}.{name}", key=partial(_distance, found.path)
                )
        return shortest

    def _offered(self, dotted: str) -> dict[str, str]:
        """The names of another module's that a module means to pass on.

        All in its `__all__`; without one, what a package imports from inside itself or by a star.
        A name that a module imports for its own work is not offered.
        """
        module = self.module(dotted)
        if module is None:
            return {}
        exports = self.exports(dotted)
        if self._listed(dotted) is None:
            if not module.is_init_module:
                return {}
            own = {m.name for m in module.members.values()}
            inside = f"{dotted}."
            exports = {
                n: path for n, path in exports.items() if path.startswith(inside) or n not in own
            }
        return exports
