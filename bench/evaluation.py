"""What an evaluation costs, side by side with the sum of its parts: retrieval and answering.

    python -P bench/evaluation.py INDEX QUESTIONS.jsonl [--limit 300]

The run is a real one, written to a folder that goes afterwards. Between its questions the same
chatbot searches ten passages for the same question and answers from them; every other time before
the run asks it, so that neither side always comes second. What a run does once (looking up the
gold, figures, reports) counts for the run. The goal is a ratio of at most 1.2.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from eval.gold import find_gold, with_pages
from eval.questions import Question
from eval.reading import read_questions
from eval.run import evaluate, read_rows
from rag import Chatbot
from rag.chatbot import PASSAGES
from rag.index import Index

GOAL = 1.2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("index", type=Path)
    options.add_argument("questions", type=Path)
    options.add_argument("--limit", type=int, default=300)
    given = options.parse_args()
    bot = Chatbot.open(given.index)
    bases = [source["base_url"] for source in bot.info()["sources"].values()]
    questions = with_pages(read_questions(given.questions)[: given.limit], bases)
    answer(bot, questions[0])  # what is only loaded when it is first needed

    parts: list[float] = []

    def between(done: int, total: int) -> None:
        """The parts of the question just asked, if even, and of the one to come, if odd."""
        now = [at for at in ((done - 1), done) if at < total and at % 2 == (at == done)]
        parts.extend(answer(bot, questions[at]) for at in now)

    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        gold = find_gold(Index.open(given.index), questions)
        evaluate(bot, questions, gold, Path(folder) / "run", progress=between)
        whole = time.perf_counter() - begin - sum(parts)
        asked = [row["seconds"] for row in read_rows(Path(folder) / "run" / "rows.jsonl")]

    medians = [statistics.median(seconds) for seconds in (asked, parts)]
    table = Table("", "run", "parts", "ratio", title=f"{len(questions)} questions, seconds")
    table.add_row("median", *(f"{m:.3f}" for m in medians), f"{medians[0] / medians[1]:.2f}")
    table.add_row("in all", f"{whole:.1f}", f"{sum(parts):.1f}", f"{whole / sum(parts):.2f}")
    table.caption = (
        f"once a run {whole - sum(asked):.1f} s; the ratio of the medians should be {GOAL} at most"
    )
    Console().print(table)


def answer(bot: Chatbot, question: Question) -> float:
    """Seconds that retrieval and answering take by themselves."""
    begin = time.perf_counter()
    history = list(question.history)
    hits = bot.search(question.question, PASSAGES, history)
    bot.ask(question.question, history, hits=hits)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
