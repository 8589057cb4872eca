"""Reads the documentation of an installed Python package from its source files, never running it.

Every public module, class, function, method and property with a docstring, and every attribute
of a module with one, becomes a document of its own under the shortest name by which people
import it, linked to its lines in the project's public repository at the installed version. This
module knows nothing of docstring styles or of how names are followed.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import griffe
import httpx

from ingest import api, docstring
from ingest.modules import Modules, is_public, locate, walk
from ingest.reading import Options, Reading, url_fault
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


def read(name: str, options: Options) -> Reading:
    """Opens the installed package, sub-package or module with the dotted `name`.

    `options.exclude` are dotted prefixes of modules to leave out unread. `options.source_url` is
    what stands before a file's path in a link, with `{version}` for the version; without it the
    project's repository is asked. Raises FootnoteError when the package or its source is not
    there, or when no repository is known to show it.
    """
    root, start = locate(name)
    files = dict(_ancestors(name, root))
    above = set(files)
    for dotted, file in walk(start, name):
        left = any(f"{dotted}.".startswith(f"{prefix}.") for prefix in options.exclude)
        if not left:
            files.setdefault(dotted, file)  # a package comes before a file of its name
    inside = [dotted for dotted in files if dotted not in above]
    if not any(is_public(dotted) for dotted in inside):
        raise FootnoteError(f"{name} has no module left to read; give fewer --exclude")
    project = _distribution(name.split(".")[0], files[inside[0]])
    version = project.version if project else ""
    # Repositories have no tag for a local build such as 2.13.0+cpu.
    tagged = version.partition("+")[0]
    first = files[inside[0]].relative_to(root).as_posix()
    base = (
        _given(options.source_url, tagged)
        if options.source_url
        else _asked(name, project, tagged, first)
    )
    left_out: Counter[str] = Counter()
    return Reading(
        name=f"python:{name}",
        title=f"{name} {version}".strip(),
        version=version,
        total=None,
        passages=_passages(name, root, Modules(files), inside, base, left_out),
        left_out=left_out,
    )


def _ancestors(name: str, root: Path) -> Iterator[tuple[str, Path]]:
    """The packages around `name`, which may offer its objects under shorter names."""
    outer = name.split(".")[:-1]
    for depth in range(1, len(outer) + 1):
        file = root.joinpath(*outer[:depth], "__init__.py")
        if file.is_file():
            yield ".".join(outer[:depth]), file


def _passages(
    name: str, root: Path, modules: Modules, inside: list[str], base: str, left_out: Counter[str]
) -> Iterator[Passage]:
    """The passages of every documented object in the modules `inside` the package.

    Raises FootnoteError when there is none.
    """
    public_names = modules.public_names()
    passing_on = {path.rpartition(".")[0] for path in public_names}
    documents: Counter[str] = Counter()
    for dotted in inside:
        if not is_public(dotted) and dotted not in passing_on:
            continue
        module = modules.module(dotted)
        if module is None:
            left_out["file that is not valid Python"] += 1
            continue
        file = modules.files[dotted].relative_to(root).as_posix()
        for item, public in _objects(module, public_names):
            text = api.documentation(item)
            if not text:
                left_out["no docstring"] += 1
                continue
            documents[public] += 1
            # A function may bear the name of a module beside it.
            again = f"#{documents[public]}" if documents[public] > 1 else ""
            title, headings = _place(item, public)
            signature = api.signature(item, public, modules, docstring.documented(text))
            for number, piece in enumerate(docstring.pieces(public, signature, text)):
                chunk_id = f"{public}{again}:{number}" if number else f"{public}{again}"
                url = f"{base}{file}{_lines(item)}"
                yield Passage(chunk_id, url, piece.replace("\0", ""), title, headings)
    if not documents:
        raise FootnoteError(f"{name} has no public object with a docstring; nothing to read")


def _objects(
    module: griffe.Module, public_names: dict[str, str]
) -> Iterator[tuple[griffe.Object, str]]:
    """The module and what is public in it, each with the name it is known by."""
    if is_public(module.path):
        yield module, module.path
    for item in api.members(module):
        own = item.path if is_public(item.path) else ""
        if public := public_names.get(item.path, own):
            yield from _within(item, public)


def _within(item: griffe.Object, public: str) -> Iterator[tuple[griffe.Object, str]]:
    """An object and, where it is a class, what is public in it."""
    yield item, public
    if item.is_class:
        for member in api.members(item):
            if is_public(member.name) or member.name in api.SPECIAL:
                yield from _within(member, f"{public}.{member.name}")


def _place(item: griffe.Object, public: str) -> tuple[str, tuple[str, ...]]:
    """The public module that an object belongs to, and its names within."""
    module = item.module.path
    depth = item.path.count(".") - module.count(".")
    parts = public.split(".")
    outer, names = parts[: len(parts) - depth], parts[len(parts) - depth :]
    return module if is_public(module) else ".".join(outer), tuple(names)


def _lines(item: griffe.Object) -> str:
    """The fragment that marks an object's lines."""
    # A module has no first line of its own; its docstring has.
    shown = item.docstring if item.is_module and item.docstring else item
    return f"#L{shown.lineno}-L{shown.endlineno}"


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
