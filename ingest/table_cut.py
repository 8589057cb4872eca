"""Cuts Markdown exactly as the published table of transformers' documentation was cut.

A file is cut at its headings and blank lines, and a section at most 512 characters at a time with
up to 128 of overlap, by langchain-text-splitters. Chunks come out with the table's own ids and
URLs, so an index of the Markdown answers as one of the table does, faults of the cut included:
indentation is lost, and a heading's explicit `[[anchor]]` becomes part of the fragment. This
module knows nothing of other cuts, and leaves nothing out, licence notices neither.
"""

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ingest.table import title_and_headings
from rag.data import FootnoteError, Passage

if TYPE_CHECKING:
    from langchain_core.documents import Document

LEVELS = [("#", "1"), ("##", "2"), ("###", "3")]
LONGEST = 512
OVERLAP = 128

# CRC-32C, its polynomial with the bits in reverse.
POLYNOMIAL = 0x82F63B78
NAME_BITS = 22


def passages(root: Path, files: list[Path], base_url: str) -> Iterator[Passage]:
    """The chunks of the `files` under `root`, in the order of the table.

    `base_url` is the published address of `root`. Raises FootnoteError for a file that cannot be
    read as UTF-8.
    """
    # Here, since the import takes half a second, which most folders can do without.
    from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

    at_headings = MarkdownHeaderTextSplitter(LEVELS)
    to_length = RecursiveCharacterTextSplitter(chunk_size=LONGEST, chunk_overlap=OVERLAP)
    for document, file in enumerate(table_order(root, files)):
        page = quote(os.fsencode(file.relative_to(root).with_suffix("").as_posix()))
        url = f"{base_url.rstrip('/')}/{page}/"
        sections = at_headings.split_text(_text(file))
        title = _title(sections, url)
        for number, section in enumerate(sections):
            path = list(section.metadata.values())
            fragment = f"#{slug(path[-1])}" if path and slug(path[-1]) else ""
            headings = tuple(map(_plain, path))
            if headings[:1] == (title,):
                headings = headings[1:]
            for chunk, text in enumerate(to_length.split_text(section.page_content)):
                chunk_id = f"{document}_{number}_{chunk}"
                yield Passage(chunk_id, url + fragment, text, title, headings)


def table_order(root: Path, files: list[Path]) -> list[Path]:
    """The `files` under `root` as the table numbers them: a folder's own before its subfolders'.

    Within a folder they stand as the file system of the table's author kept them (APFS), by a
    hash of the name.
    """

    def place(file: Path) -> list[tuple[bool, int, str]]:
        *folders, name = file.relative_to(root).parts
        return [
            *((True, _name_hash(folder), folder) for folder in folders),
            (False, _name_hash(name), name),
        ]

    return sorted(files, key=place)


def slug(heading: str) -> str:
    """The fragment that the table links a heading by: ASCII words, joined by hyphens."""
    return re.sub(r"[^a-z0-9_ -]", "", heading.lower()).strip().replace(" ", "-")


def _name_hash(name: str) -> int:
    """The low bits of the CRC-32C, without its last inversion, of the name's code points."""
    folded = unicodedata.normalize("NFD", name).casefold()
    crc = 0xFFFFFFFF
    for byte in folded.encode("utf-32-le", "surrogatepass"):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc & ((1 << NAME_BITS) - 1)


def _text(file: Path) -> str:
    if not file.is_file():  # a pipe would be waited for without end
        raise FootnoteError(f"{file} is no file with text; take it away, or give another folder")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as fault:
        raise FootnoteError(
            f"{file}: not UTF-8 (byte {fault.object[fault.start]:#04x} at {fault.start});"
            " convert the file to UTF-8"
        ) from fault
    except OSError as fault:
        raise FootnoteError(f"{file}: cannot be read ({fault.strerror or fault})") from fault


def _title(sections: "list[Document]", url: str) -> str:
    """The page's first heading of the first level, or else its name in words."""
    headings = (section.metadata.get("1") for section in sections)
    first = next(filter(None, headings), None)
    return _plain(first) if first else title_and_headings(url)[0]


def _plain(heading: str) -> str:
    """A heading for people, without the anchor that documentation builders read."""
    return re.sub(r"\s*\[\[[^\[\]]*\]\]\s*$", "", heading)
