"""What a search costs, side by side with the least that a search by vectors can cost.

    python -P bench/query.py INDEX QUESTIONS.jsonl [--rounds 3]

The floor is the plain torch model on the question and one Chroma query for ten passages with
texts and metadata, on the same index. Both answer each question in turn. After that, fresh
processes: from the start of Python to the first result.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from rag import Chatbot
from rag.encoder import SentenceEncoder

FOOTNOTE = "from rag import Chatbot; Chatbot.open(sys.argv[1]).search('How do I start?')"
FLOOR = (
    "import chromadb; from rag.encoder import SentenceEncoder;"
    "vectors = SentenceEncoder().encode(['How do I start?']);"
    "chromadb.PersistentClient(sys.argv[1] + '/chroma')"
    ".get_collection('passages', embedding_function=None).query(vectors)"
)
FRESH = 3  # processes of each


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("index", type=Path)
    options.add_argument("questions", type=Path)
    options.add_argument("--rounds", type=int, default=3)
    given = options.parse_args()
    lines = given.questions.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    bot, encoder = Chatbot.open(given.index), SentenceEncoder()
    collection = bot._index._collection

    def floor(question: str) -> None:
        collection.query(
            encoder.encode([question]),
            n_results=10,
            include=["documents", "metadatas", "distances"],
        )

    seconds: dict[str, list[float]] = {"Footnote": [], "floor": []}
    for question in track(questions * given.rounds, "searching"):
        for name, search in (("Footnote", bot.search), ("floor", floor)):
            begin = time.perf_counter()
            search(question)
            seconds[name].append(time.perf_counter() - begin)
    fresh = {
        name: statistics.median(from_the_start(code, given.index) for _ in range(FRESH))
        for name, code in (("Footnote", FOOTNOTE), ("floor", FLOOR))
    }
    table = Table("", "p50 ms", "p95 ms", "fresh process s", title=f"{len(bot._index):,} passages")
    for name, values in seconds.items():
        p50, p95 = np.quantile(values[10:], [0.5, 0.95]) * 1000
        table.add_row(name, f"{p50:.1f}", f"{p95:.1f}", f"{fresh[name]:.1f}")
    ratios = np.quantile(np.divide(seconds["Footnote"], seconds["floor"]), 0.5)
    table.caption = f"median of the ratios {ratios:.2f}"
    Console().print(table)


def from_the_start(code: str, index: Path) -> float:
    """Seconds that a process of its own takes."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import sys; {code}", str(index)], check=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
