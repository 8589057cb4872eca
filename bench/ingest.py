"""What an ingest costs, side by side with the least it can cost and with other frameworks.

    python -P bench/ingest.py TABLE [--rows 1000] [--rounds 3] [--as-published]
    python -P bench/ingest.py --synthetic 1000000

Each takes the same rows with the same embedder into a fresh folder, in a process of its own, in
turn. The floor is the plain torch model on batches of 8 sorted by length and bulk adds;
LangChain (langchain-chroma, langchain-huggingface) and LlamaIndex
(llama-index-vector-stores-chroma, llama-index-embeddings-huggingface) do what their
documentation shows, and are left out where they are not installed. Rows are of different texts,
or with `--as-published` a sample of texts each with all its repeats, as the table has them.
Times are those of the work, without imports and the loading of models. `--synthetic` makes up
passages and vectors, to see what a large source costs without an encoder. (-P, since this file
has the name of a package.)
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
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from ingest.build import build, open_encoder
from ingest.reading import Reading, read
from rag.data import Passage

BULK = 2000  # rows of one add
PUBLISHED = 21_533  # rows of the table of the transformers documentation
NEEDS = {"LangChain": "langchain_chroma", "LlamaIndex": "llama_index.vector_stores.chroma"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("table", nargs="?")
    options.add_argument("--rows", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--as-published", action="store_true")
    options.add_argument("--synthetic", type=int, metavar="ROWS")
    options.add_argument("--one", help=argparse.SUPPRESS)  # what a process of its own does
    given = options.parse_args()
    if given.synthetic:
        synthetic(given.synthetic)
    elif given.one:
        with tempfile.TemporaryDirectory() as folder:
            seconds = WAYS[given.one](Path(given.table), Path(folder))
        print(json.dumps([seconds, peak()]))
    elif given.table:
        compare(Path(given.table), given.rows, given.rounds, given.as_published)
    else:
        options.error("name a TABLE, or --synthetic ROWS")


def compare(table: Path, rows: int, rounds: int, as_published: bool) -> None:
    """Prints medians and ratios of all ways that are installed."""
    ways = [name for name in WAYS if name not in NEEDS or installed(NEEDS[name])]
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / table.name
        count = sample(table, part, rows, as_published)
        for _ in range(rounds):
            for name in ways:
                command = [sys.executable, "-P", __file__, str(part), "--one", name]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
                print(name, *runs[name][-1], file=sys.stderr, flush=True)
    kind = "as published" if as_published else "of different texts"
    shown = Table("", "s", "rows/s", "to the floor", "peak MiB", title=f"{count:,} rows {kind}")
    for name, values in runs.items():
        seconds = statistics.median(s for s, _ in values)
        # Of pairs that ran one after the other, since shared machines change speed.
        to_floor = [
            mine / least for (mine, _), (least, _) in zip(values, runs["floor"], strict=True)
        ]
        shown.add_row(
            name,
            f"{seconds:.1f}",
            f"{count / seconds:.1f}",
            f"{statistics.median(to_floor):.2f}",
            f"{max(most for _, most in values):,}",
        )
    Console().print(shown)


def installed(module: str) -> bool:
    """Whether it can be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def sample(table: Path, to: Path, rows: int, as_published: bool) -> int:
    """Writes texts taken evenly from a table, once or with all their repeats; returns rows."""
    columns = pq.read_table(table).to_pylist()
    by_text: dict[str, list[dict[str, str]]] = {}
    for row in columns:
        by_text.setdefault(row["chunk"], []).append(row)
    groups = list(by_text.values())
    step = max(1, (len(columns) if as_published else len(groups)) // rows)
    taken = [row for group in groups[::step] for row in (group if as_published else group[:1])]
    pq.write_table(pa.Table.from_pylist(taken), to)
    return len(taken)


def footnote(table: Path, folder: Path) -> float:
    import chromadb  # noqa: F401 - as in the other ways, its import is not timed

    encoder = open_encoder(folder / "kept", None)
    begin = time.perf_counter()
    build(read(str(table)), folder / "index", encoder)
    return time.perf_counter() - begin


def floor(table: Path, folder: Path) -> float:
    import chromadb

    from rag.encoder import SentenceEncoder

    rows = pq.read_table(table).to_pylist()
    encoder = SentenceEncoder()
    begin = time.perf_counter()
    collection = chromadb.PersistentClient(str(folder)).create_collection("bench")
    vectors = encoder.encode([row["chunk"] for row in rows])
    for start in range(0, len(rows), BULK):
        part = rows[start : start + BULK]
        collection.add(
            ids=[str(start + at) for at in range(len(part))],
            documents=[row["chunk"] for row in part],
            metadatas=[{"url": row["url"], "chunk_id": row["chunk_id"]} for row in part],
            embeddings=vectors[start : start + BULK],
        )
    return time.perf_counter() - begin


def langchain(table: Path, folder: Path) -> float:
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings

    from rag.encoder import _embedded_model

    rows = pq.read_table(table).to_pylist()
    embeddings = HuggingFaceEmbeddings(model_name=str(_embedded_model()))
    begin = time.perf_counter()
    store = Chroma("bench", embeddings, persist_directory=str(folder))
    # Chroma takes no more than 5,461 at once, and the wrapper does not divide them.
    for start in range(0, len(rows), BULK):
        store.add_documents(
            [
                Document(row["chunk"], metadata={"url": row["url"], "chunk_id": row["chunk_id"]})
                for row in rows[start : start + BULK]
            ]
        )
    return time.perf_counter() - begin


def llamaindex(table: Path, folder: Path) -> float:
    import chromadb
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from rag.encoder import _embedded_model

    rows = pq.read_table(table).to_pylist()
    embedding = HuggingFaceEmbedding(model_name=str(_embedded_model()))
    begin = time.perf_counter()
    collection = chromadb.PersistentClient(str(folder)).create_collection("bench")
    storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(collection))
    VectorStoreIndex.from_documents(
        [
            Document(text=row["chunk"], metadata={"url": row["url"], "chunk_id": row["chunk_id"]})
            for row in rows
        ],
        storage_context=storage,
        embed_model=embedding,
    )
    return time.perf_counter() - begin


class MadeUp:
    """Unit vectors out of a random generator, as fast as they come.

    Like those of texts they lie around subjects, in far fewer directions than they have
    dimensions. Of a million that fill all directions evenly, Chroma's graph does not find every
    fourth again by itself.
    """

    name = fingerprint = "made up"
    dimension = 384
    directions, subjects = 48, 2000

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._axes = self._normal(self.directions, self.dimension)
        self._centres = self._normal(self.subjects, self.directions)

    def _normal(self, *shape: int) -> np.ndarray:
        return self._random.standard_normal(shape, dtype=np.float32)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        subjects = self._centres[self._random.integers(0, self.subjects, len(texts))]
        inner = subjects + 0.7 * self._normal(len(texts), self.directions)
        vectors = inner @ self._axes + 0.5 * self._normal(len(texts), self.dimension)
        if progress:
            progress(len(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def knows(self, word: str) -> bool:
        return False


def synthetic(rows: int) -> None:
    """Ingests made-up passages with made-up vectors, and searches them, beside a table's worth."""
    p50 = {count: made_up(count) for count in (PUBLISHED, rows)}
    print(f"a search at {rows:,} takes {p50[rows] / p50[PUBLISHED]:.2f} of one at {PUBLISHED:,}")


def made_up(rows: int) -> float:
    """Prints rate and memory as it goes; returns the median seconds of a search."""
    from rag.index import Index
    from rag.retriever import Retriever

    random = np.random.default_rng(1)
    words = np.array([f"word{n}" for n in range(30_000)])
    # Words as common as Zipf's law has them.
    chances = 1 / np.arange(1, len(words) + 1)
    chances /= chances.sum()

    def passages() -> Iterator[Passage]:
        for start in range(0, rows, 1000):
            drawn = random.choice(words, (min(1000, rows - start), 60), p=chances)
            for at, text in enumerate(drawn, start):
                page = f"https://example.org/page{at // 20}"
                yield Passage(str(at), f"{page}#part-{at}", " ".join(text), f"Page {at // 20}")

    begin, done = time.perf_counter(), 0

    def progress(step: str, more: int, total: int | None) -> None:
        nonlocal done
        done = done + more if step == "embedding" else 0
        if step == "embedding" and done % 50_000 < more:
            seconds = time.perf_counter() - begin
            print(f"{done:,} rows, {seconds:,.0f} s, peak {peak():,} MiB", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        reading = Reading("made-up", "made up", "", rows, passages(), Counter())
        build(reading, Path(folder) / "index", MadeUp(), progress)
        seconds = time.perf_counter() - begin
        print(f"{rows:,} rows in {seconds:,.0f} s, {rows / seconds:,.0f}/s, peak {peak():,} MiB")
        retriever = Retriever(Index.open(Path(folder) / "index"), MadeUp())
        taken = []
        for question in random.choice(words, (200, 8), p=chances):
            begin = time.perf_counter()
            retriever.search(" ".join(question), 10)
            taken.append(time.perf_counter() - begin)
        p50, p95 = np.quantile(taken[10:], [0.5, 0.95])
        print(f"a search takes p50 {p50 * 1000:.1f}, p95 {p95 * 1000:.1f} ms", flush=True)
        return float(p50)


def peak() -> int:
    """The most memory this process held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


WAYS = {"Footnote": footnote, "floor": floor, "LangChain": langchain, "LlamaIndex": llamaindex}

if __name__ == "__main__":
    main()
