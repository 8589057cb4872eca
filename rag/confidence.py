"""How likely it is that the retrieved passages hold the answer.

Four signs, none of which suffices: how near the best passage's vector is, how much of the
question's weight in words one of the first passages covers, how far vectors, words and pages
agree on the first passage, and how many of the question's words the whole documentation never
uses (one about something else is full of them). Names are told from common words, which small
documentation lacks, too, by the embedder: to it a common word is one token. A logistic curve
joins the signs; it was fitted on four sets of questions, answerable against unanswerable, and then
scaled so that of the embedded answers of a confidence of .8 about .8 are right (Platt 1999;
LOG.md).
This module knows nothing of answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from rag.data import Hit
from rag.encoder import Encoder
from rag.lexical import LexicalIndex
from rag.stored import context

SIMILARITY, COVERAGE, AGREEMENT, NAMES, COMMON = 2.18, 0.84, 7.17, -14.39, -12.24
INTERCEPT = -7.65
READ = 3  # the first passages
WORDS = 4  # at least, of a sentence that may be a question by itself
_END = re.compile(r"(?<=[.?!>])\s+|\n+")
# The share of all words that the embedder knows, at least, where it can tell common words from
# names: in English documentation .46 to .95, in German .25 to .33.
ITS_LANGUAGE = 0.4
# Below this many passages an unknown common word counts in proportion to their number.
PASSAGES = 10_000


def confidence(
    question: str, before: str, hits: Sequence[Hit], words: LexicalIndex, encoder: Encoder
) -> float:
    """Between 0 and 1, for the question and the one before it that it may depend on.

    It is that of its surest sentence where it has several: what people tell around their question
    the documentation need not hold.
    """
    if not hits:
        return 0.0
    sentences = [part for part in _END.split(question) if len(part.split()) >= WORDS]
    asked = [[question, before]]
    if len(sentences) > 1:
        asked += [[sentence] for sentence in sentences]
    return max(_likely(*signs(each, hits, words, encoder)) for each in asked)


def _likely(
    similarity: float, coverage: float, agreement: float, names: float, common: float
) -> float:
    found = SIMILARITY * similarity + COVERAGE * coverage + AGREEMENT * agreement
    return 1 / (1 + math.exp(-(found + NAMES * names + COMMON * common + INTERCEPT)))


def signs(
    questions: Iterable[str], hits: Sequence[Hit], words: LexicalIndex, encoder: Encoder
) -> tuple[float, float, float, float, float]:
    """The best similarity (a cosine), the greatest share of the question's words, weighted by
    rarity, that one of the first passages holds, the score of the first (which is high where it
    is the best by its vector, by its words and by its page), and the shares of names and of
    common words that no passage holds."""
    asked = "\n".join(questions)
    weights = words.weights(asked)
    read = [words.terms(f"{context(hit.passage)}\n{hit.passage.text}") for hit in hits[:READ]]
    covered = [sum(weights[term] for term in weights.keys() & terms.keys()) for terms in read]
    unknown = [
        word
        for term, word in words.terms(asked).items()
        if not words.passages_with(term) and not words.resembles(term)
    ]
    names = sum(not encoder.knows(word) for word in unknown)
    if names and not _reads([word for terms in read for word in terms.values()], encoder):
        names = 0
    return (
        max(hit.similarity for hit in hits),
        max(covered) / (sum(weights.values()) or 1.0),
        hits[0].score,
        names / max(1, len(weights)),
        (len(unknown) - names) / max(1, len(weights)) * min(1.0, len(words) / PASSAGES),
    )


def _reads(written: Sequence[str], encoder: Encoder) -> bool:
    """Whether these words are in a language whose common words the embedder knows."""
    return sum(map(encoder.knows, written)) >= ITS_LANGUAGE * len(written)
