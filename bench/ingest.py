"""What an ingest costs, side by side with the least it can cost and with LangChain.

    python -P bench/ingest.py TABLE [--rows 500] [--rounds 3]

Each takes the same distinct rows with the same embedder into a fresh folder, in a process of its
own, in turn. The floor is the plain torch model on batches of 8 sorted by length and one bulk
add; LangChain (langchain-chroma, langchain-huggingface) is left out where it is not installed.
Times are those of the work, without imports and the loading of models. (-P, since this file has
the name of a package.)
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ingest.reading import Reading, read
from rag.data import Passage


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("table")
    options.add_argument("--rows", type=int, default=500)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--one", help=argparse.SUPPRESS)  # what a process of its own does
    given = options.parse_args()
    if given.one:
        print(json.dumps(WAYS[given.one](given.table, given.rows)))
        return
    ways = [name for name in WAYS if name != "LangChain" or find_spec("langchain_chroma")]
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name in ways:
            command = [sys.executable, "-P", __file__, given.table, "--rows", str(given.rows)]
            done = subprocess.run([*command, "--one", name], check=True, capture_output=True)
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    table = Table("", "s", "rows/s", "of the floor's time", "peak MiB", title=f"{given.rows} rows")
    floor = statistics.median(seconds for seconds, _ in runs["floor"])
    for name, values in runs.items():
        seconds = statistics.median(s for s, _ in values)
        table.add_row(
            name,
            f"{seconds:.1f}",
            f"{given.rows / seconds:.1f}",
            f"{seconds / floor:.2f}",
            f"{max(peak for _, peak in values):,}",
        )
    Console().print(table)


def distinct(table: str, rows: int) -> list[Passage]:
    """The first rows of different texts, evenly from the whole table."""
    seen: dict[str, Passage] = {}
    for passage in read(table).passages:
        seen.setdefault(passage.text, passage)
    every = list(seen.values())
    return every[:: max(1, len(every) // rows)][:rows]


def footnote(table: str, rows: int) -> tuple[float, int]:
    from ingest.build import build, open_encoder

    passages = distinct(table, rows)

    reading = Reading("bench", "bench", "", rows, iter(passages), Counter())
    with tempfile.TemporaryDirectory() as folder:
        encoder = open_encoder(Path(folder) / "kept", None)
        begin = time.perf_counter()
        build(reading, Path(folder) / "index", encoder)
        return time.perf_counter() - begin, peak()


def floor(table: str, rows: int) -> tuple[float, int]:
    import chromadb

    from rag.encoder import SentenceEncoder

    passages = distinct(table, rows)
    encoder = SentenceEncoder()
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        collection = chromadb.PersistentClient(folder).create_collection("bench")
        vectors = encoder.encode([passage.text for passage in passages])
        for start in range(0, rows, 2000):
            part = passages[start : start + 2000]
            collection.add(
                ids=[passage.chunk_id for passage in part],
                documents=[passage.text for passage in part],
                metadatas=[{"url": passage.url} for passage in part],
                embeddings=vectors[start : start + 2000],
            )
        return time.perf_counter() - begin, peak()


def langchain(table: str, rows: int) -> tuple[float, int]:
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

    from rag.encoder import _embedded_model

    passages = distinct(table, rows)
    embeddings = HuggingFaceEmbeddings(model_name=str(_embedded_model()))
    documents = [Document(p.text, metadata={"url": p.url}) for p in passages]
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        store = Chroma("bench", embeddings, persist_directory=folder)
        store.add_documents(documents, ids=[passage.chunk_id for passage in passages])
        return time.perf_counter() - begin, peak()


def peak() -> int:
    """The most memory this process held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


WAYS = {"Footnote": footnote, "floor": floor, "LangChain": langchain}

if __name__ == "__main__":
    main()
