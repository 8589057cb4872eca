"""Questions to begin with, made from what the documentation itself says.

Where it says "To load a model in 8-bit, set ...", somebody may ask "How do I load a model in
8-bit?"; failing that, what a name among its headings does. Each is tried on the chatbot, and kept
if the answer cites the passage that it was made from. This module knows nothing of pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.data import Passage, page_address

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

SEEDS = [
    "to do this, use",
    "to enable it, set or pass the argument",
    "to change the default, set",
    "run the command to start",
    "call this method to load",
    "to create your own",
    "use this function to save",
    "an example of loading and running",
    "configure options with a file",
    "speed up and use less memory",
]
FOUND = 60  # passages for each seed
TRIED = 40  # questions at most

_AIM = r"([a-z]{3,12} (?:[^.,;:()\[\]`*_<>|\"\n]|`[^`\n]{2,40}`){8,56})"
_TELLS_HOW = [
    re.compile(rf"(?<![\w`,] )\b(?:To|In order to) {_AIM},\s(?=[a-z`])"),
    re.compile(
        rf"\b(?:Use|Set|Call|Pass|Add|Run)s? (?:[^.\n;:]{{1,50}}?) to {_AIM}(?:\.(?:\s|\Z)|:|\n\n)"
    ),
    re.compile(rf"(?:\A|\n)(?:You can|It is possible to) {_AIM} (?:with|by|using) "),
]
_NAME = re.compile(r"(?=.{6,40}\Z)(?=.*[_.]|.*[a-z][A-Z])[A-Za-z]\w*(?:\.[A-Za-z]\w*)*")
_POINTS_ELSEWHERE = re.compile(
    r"\b(this|these|that|those|it|its|them|their|above|below|following|here|such|so|same|other|more|"
    r"both|each|your|you|our|we|learn|see|know|help|find|ensure|avoid|make|get started)\b",
    re.IGNORECASE,
)


def examples(bot: Chatbot, count: int = 4) -> list[str]:
    """Up to so many questions, each from another page."""
    chosen: list[str] = []
    for tried, (question, passage) in enumerate(_questions(bot)):
        if len(chosen) == count or tried == TRIED:
            break
        answer = bot.ask(question) if bot.answerer == "extractive" else None
        cited = answer.citations if answer else [h.passage for h in bot.search(question, 3)]
        if any(note.chunk_id == passage.chunk_id for note in cited):
            chosen.append(question)
    return chosen


def _questions(bot: Chatbot) -> Iterator[tuple[str, Passage]]:
    """Questions with the passages they were made from, a page at most once, the seeds in turn."""
    found = [iter(bot.search(seed, FOUND)) for seed in SEEDS]
    pages = set()
    while found:
        for hits in list(found):
            for hit in hits:
                page = page_address(hit.passage.url)
                question = "" if page in pages else _question(hit.passage.text)
                if question:
                    pages.add(page)
                    yield question, hit.passage
                    break
            else:
                found.remove(hits)
    for seed in SEEDS:  # documentation without instructions has names and headings at least
        for hit in bot.search(seed, FOUND):
            page, heading = page_address(hit.passage.url), ("", *hit.passage.headings)[-1]
            if heading and page not in pages:
                pages.add(page)
                is_name = _NAME.fullmatch(heading)
                asks = "What does {} do?" if is_name else "What should I know about “{}”?"
                yield asks.format(heading), hit.passage


def _question(text: str) -> str:
    """A question that the text answers; empty where none is seen."""
    for pattern in _TELLS_HOW:
        for tells in pattern.finditer(text):
            aim = tells[1].strip()
            if not _POINTS_ELSEWHERE.search(aim) and 4 <= len(aim.split()) <= 11:
                return f"How do I {aim}?".replace("`", "")
    return ""
