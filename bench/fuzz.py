"""Feeds bytes that grow by coverage to every reader of documents, until told to stop.

    pip install atheris
    python -P bench/fuzz.py [-max_total_time=3600] [-timeout=20] [-rss_limit_mb=2048] [SEEDS]

The options are libFuzzer's; SEEDS is a folder of files to begin with. A FootnoteError is an
answer; anything else that is raised, a hang or too much memory is a find, and is kept in a file.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingest", "rag"]):
    from ingest import chunker, docstring, html, markdown, notebook, weblists
    from ingest.document import passages
    from ingest.reading import Options, read
    from rag.data import FootnoteError
    from rag.words import words

URL = "https://example.org/page"
FOLDER = Path(tempfile.mkdtemp())


def fuzz(data: bytes) -> None:
    kind, text = data[:1], data[1:].decode("utf-8", "replace")
    try:
        match ord(kind or b"\0") % 9:
            case 0:
                all_of(markdown.document(text, "page.md", URL))
            case 1:
                all_of(markdown.document(text, "page.mdx", URL))
            case 2:
                all_of(html.document(text, "page.html", URL))
            case 3:
                all_of(notebook.document(text, "page.ipynb", URL))
            case 4:
                docstring.pieces("name", "name(a, b)", text)
            case 5:
                weblists.links_in(text)
                list(weblists.pages_in(text, URL))
            case 6:
                weblists.locations_in(data[1:])
            case 7:
                table(".jsonl", data[1:])
                table(".csv", data[1:])
            case 8:
                table(".txt", data[1:])
                chunker.split(text)
                list(words(text))
    except (FootnoteError, weblists.NoSitemap):
        pass


def all_of(document) -> None:
    list(passages(document))


def table(ending: str, data: bytes) -> None:
    path = FOLDER / f"table{ending}"
    path.write_bytes(data)
    list(read(str(path), Options(skip_bad_rows=True), "table").passages)


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
