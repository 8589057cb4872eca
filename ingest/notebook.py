"""Reads a Jupyter notebook into sections: its Markdown cells, and its code cells as fenced code.

Outputs are left out: they repeat the code's effect, and much of them is images and logs. This
module knows nothing of files and sites; the anchors are those of its Markdown.
"""

import json
import re
from typing import Any

from ingest import markdown
from ingest.chunker import fenced
from ingest.document import Document
from rag.data import FootnoteError


def document(text: str, name: str, url: str) -> Document:
    """The notebook `name` at `url`; raises FootnoteError when it is none."""
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise FootnoteError(
            f"{name} is not a notebook ({fault}); save it again in Jupyter"
        ) from fault
    cells = _cells(notebook)
    if cells is None:
        raise FootnoteError(f"{name} is not a notebook: it has no cells; save it again in Jupyter")
    language = _language(notebook)
    texts = [_as_markdown(cell, language) for cell in cells if isinstance(cell, dict)]
    return markdown.document("\n\n".join(text for text in texts if text.strip()), name, url)


def _cells(notebook: Any) -> list[Any] | None:
    """The notebook's cells, in the format since version 4 or the one before it."""
    if not isinstance(notebook, dict):
        return None
    cells = notebook.get("cells")
    if cells is None and isinstance(sheets := notebook.get("worksheets"), list):
        cells = [
            cell
            for sheet in sheets
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    return cells if isinstance(cells, list) else None


def _as_markdown(cell: dict[str, Any], language: str) -> str:
    source = _joined(cell.get("source", cell.get("input")))
    match cell.get("cell_type"):
        case "markdown":
            return markdown.closed(source)
        case "heading":  # version 3
            level = cell.get("level")
            marker = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1)
            return f"{marker} {' '.join(source.split())}"
        case "code" if source.strip():
            return fenced(source.rstrip(), language)
    return ""


def _joined(source: Any) -> str:
    """A cell's source, which is one text or a list of lines; nothing when it is neither."""
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str))
    # JSON can spell half a surrogate pair, which no file can hold.
    return text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")


def _language(notebook: dict[str, Any]) -> str:
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    for place, key in (("kernelspec", "language"), ("language_info", "name")):
        described = metadata.get(place)
        named = described.get(key) if isinstance(described, dict) else None
        if isinstance(named, str) and re.fullmatch(r"[\w+#-]{1,20}", named):
            return named.lower()
    return "python"
