"""Reads a folder, or one file, of Markdown, notebooks and HTML, linked to the site it makes.

A site shows each file at its own path without the suffix, and a folder's index or README as the
folder. What cannot be read is counted and left out; nothing outside the folder is opened. This
module knows nothing of what stands in a file.
"""

import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlsplit

from ingest import html, markdown, notebook
from ingest.document import Document
from ingest.document import passages as cut
from ingest.reading import FILES, Options, Reading, url_fault
from rag.data import FootnoteError, Passage

MARKDOWN = (".md", ".mdx", ".markdown")
HTML = (".html", ".htm")
CHUNKINGS = ("own", "table")
LARGEST = 20_000_000  # bytes of a file

UNREADABLE = "file that cannot be opened"
TOO_LARGE = f"file of more than {LARGEST // 1_000_000} MB"
NOT_UTF8 = "file that is not UTF-8"
NOT_A_NOTEBOOK = "notebook that is damaged"
NOT_HTML = "HTML file that is damaged"
NOT_MARKDOWN = "file that is not Markdown"
LEADS_OUTSIDE = "link that leads outside the folder"
LEADS_NOWHERE = "link that leads nowhere"
LEADS_TO_FOLDER = "link to a folder"


def read(path: Path, options: Options) -> Reading:
    """Opens the folder or file at `path`, published under `options.base_url`.

    Raises FootnoteError when there is nothing to read, and at the end when nothing could be read.
    """
    base = _base(options.base_url)
    if options.chunking not in CHUNKINGS:
        raise FootnoteError(
            f"no chunking is called {options.chunking!r}; there are {', '.join(CHUNKINGS)}"
        )
    left_out: Counter[str] = Counter()
    root = path if path.is_dir() else path.parent
    files = list(_found(path, left_out))
    if not files:
        raise _nothing(path, left_out)
    if options.chunking == "table":
        from ingest import table_cut

        chosen = [file for file in files if file.suffix.lower() in MARKDOWN]
        left_out.update([NOT_MARKDOWN] * (len(files) - len(chosen)))
        passages: Iterable[Passage] = table_cut.passages(root, chosen, base)
    else:
        passages = _passages(root, files, base, left_out)
    title = path.name or path.resolve().name
    return Reading(
        name=path.as_posix(),
        title=title,
        version="",
        total=None,
        passages=_some(passages, path, left_out),
        left_out=left_out,
    )


def address(file: PurePosixPath, base: str) -> str:
    """Where the site under `base` shows the file with this path in its folder."""
    folder = "".join(f"{quote(part)}/" for part in file.parent.parts)
    name = file.stem.lower()
    if file.suffix.lower() in HTML:
        page = "" if name == "index" else quote(file.name)
    else:
        page = "" if name in ("index", "readme") else quote(file.stem)
    return f"{base}/{folder}{page}"


def _base(url: str | None) -> str:
    """The site's address without the slash at its end."""
    if not url:
        raise FootnoteError(
            "files are linked to the site they are published on; give its address,"
            " as in --base-url https://example.org/docs"
        )
    fault = url_fault(url)
    if not fault and (urlsplit(url).query or urlsplit(url).fragment):
        fault = "holds a query or a fragment"
    if fault:
        raise FootnoteError(f"--base-url {url!r} {fault}; give the address of the files' folder")
    return url.rstrip("/")


def _found(path: Path, left_out: Counter[str]) -> Iterator[Path]:
    """The files to read: a folder's own in the order of their names, then its subfolders'."""
    if not path.exists():
        raise FootnoteError(f"{path}: no such file or folder; check the path")
    if not path.is_dir():
        if path.suffix.lower() not in FILES:
            raise FootnoteError(f"{path}: no reader for this kind of file; give {', '.join(FILES)}")
        yield path
        return
    root = path.resolve()
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            left_out["folder that cannot be opened"] += 1
            continue
        visible = [entry for entry in entries if not entry.name.startswith(".")]
        links = [entry for entry in visible if entry.is_symlink()]
        barred = {entry: reason for entry in links if (reason := _barred(entry, root))}
        left_out.update(barred.values())
        yield from (
            entry
            for entry in visible
            if entry not in barred and entry.suffix.lower() in FILES and not entry.is_dir()
        )
        waiting += [entry for entry in reversed(visible) if entry not in links and entry.is_dir()]


def _barred(link: Path, root: Path) -> str | None:
    """Why a link is not followed, None when it is, or when it is none of our files."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links that lead to one another
        return LEADS_NOWHERE
    if not target.is_dir() and link.suffix.lower() not in FILES:
        return None
    if not target.is_relative_to(root):
        return LEADS_OUTSIDE
    # Its files are read where they are; followed, a link to a folder above would never end.
    return LEADS_TO_FOLDER if target.is_dir() else None


def _passages(
    root: Path, files: list[Path], base: str, left_out: Counter[str]
) -> Iterator[Passage]:
    expand = _expander(base)
    for file in files:
        text = _text(file, left_out)
        if text is None:
            continue
        name = file.relative_to(root)
        document = _document(text, PurePosixPath(name.as_posix()), base, expand, left_out)
        if document:
            yield from cut(document)


def _expander(base: str) -> markdown.Expand:
    """Expands directives from the package that is documented at `base`; made ready at the first."""

    @cache
    def ready() -> markdown.Expand:
        from ingest import autodoc

        package = autodoc.package_of(base)
        return autodoc.expander(package) if package else lambda name, members: None

    return lambda name, members: ready()(name, members)


def _document(
    text: str,
    name: PurePosixPath,
    base: str,
    expand: markdown.Expand,
    left_out: Counter[str],
) -> Document | None:
    url = address(name, base)
    suffix = name.suffix.lower()
    try:
        if suffix in HTML:
            return html.document(text, str(name), url)
        if suffix == ".ipynb":
            return notebook.document(text, str(name), url)
    except FootnoteError:
        left_out[NOT_HTML if suffix in HTML else NOT_A_NOTEBOOK] += 1
        return None
    return markdown.document(text, str(name), url, expand, left_out)


def _text(file: Path, left_out: Counter[str]) -> str | None:
    """The text of a file, None when it is left out."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for without end
            left_out[UNREADABLE] += 1
            return None
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError:
        left_out[UNREADABLE] += 1
        return None
    if len(content) > LARGEST:
        left_out[TOO_LARGE] += 1
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        left_out[NOT_UTF8] += 1
        return None


def _some(passages: Iterable[Passage], path: Path, left_out: Counter[str]) -> Iterator[Passage]:
    """The passages; raises FootnoteError at their end when there were none."""
    none = True
    for passage in passages:
        none = False
        yield passage
    if none:
        raise _nothing(path, left_out)


def _nothing(path: Path, left_out: Counter[str]) -> FootnoteError:
    counted = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
    return FootnoteError(
        f"{path} holds nothing that can be read{f' ({counted})' if counted else ''};"
        f" give a folder with text in {', '.join(FILES)}"
    )
