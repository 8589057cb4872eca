"""What any system must beat, and what it could reach: answers made without answering.

This module knows nothing of how they are judged.
"""

import re
from collections.abc import Sequence

from eval.measures import fold
from eval.questions import Nugget
from rag.data import Answer, Citation, Claim, Hit, Passage
from rag.sentences import passage_spans

WORDS = 120  # at most, as in an answer of the embedded answerer


def top_passage(hits: Sequence[Hit]) -> Answer:
    """Returns the first 120 words of the best hit, cited to it; an abstention without hits."""
    if not hits:
        return abstention(hits)
    return _copied([hits[0].passage], hits, confidence=min(1.0, max(0.0, hits[0].similarity)))


def abstention(hits: Sequence[Hit]) -> Answer:
    """Returns the answer that says nothing."""
    return Answer("", abstained=True, hits=tuple(hits))


def oracle(gold: Sequence[Passage], nuggets: Sequence[Nugget]) -> Answer:
    """Returns the first 120 words of the gold passages, cited to them; an abstention without gold.

    The ceiling of copying: retrieval that never errs, and of several gold passages first the one
    that holds most of the nuggets. It abstains where there is nothing to find, so it does so
    rightly on every unanswerable question.
    """

    def held(passage: Passage) -> int:
        text = fold(passage.text)
        return sum(any(fold(alias) in text for alias in nugget.aliases) for nugget in nuggets)

    if not gold:
        return abstention(())
    best_first = sorted(gold, key=lambda passage: -held(passage))
    hits = [Hit(passage, 1.0) for passage in best_first]
    return _copied(best_first, hits, confidence=1.0)


def _copied(passages: Sequence[Passage], hits: Sequence[Hit], confidence: float) -> Answer:
    """The passages' first words, each passage's sentences cited to it."""
    text = ""
    room = WORDS
    citations: list[Citation] = []
    claims: list[Claim] = []
    for passage in passages:
        ends = [word.end() for word in re.finditer(r"\S+", passage.text)][:room]
        if not ends:
            continue
        room -= len(ends)
        quote = passage.text[: ends[-1]]
        note = Citation(len(citations) + 1, passage.url, passage.chunk_id, quote)
        start = len(text) + (2 if text else 0)
        text += ("\n\n" if text else "") + f"{quote} [{note.marker}]"
        citations.append(note)
        claims += [
            Claim(start + span.start, start + span.end, (note,), True)
            for span in passage_spans(quote)
        ]
    return Answer(text, tuple(citations), tuple(claims), confidence=confidence, hits=tuple(hits))
