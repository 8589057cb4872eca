"""The embedded answerer: it quotes the sentences and code that answer best, and invents nothing.

No language model. Sentences of the retrieved passages are ranked by what they share with the
question and by their passage's rank; the best are quoted in reading order, each with the marker
of its passage, those of one passage under its headings. This module knows nothing of how
passages were found, how they are cut up (quotations.py) or how markers are shown.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from rag.data import Draft, Hit, Message, page_address
from rag.encoder import Encoder
from rag.lexical import LexicalIndex
from rag.prompt import NOT_FOUND
from rag.quotations import Quotation, position, quotations
from rag.retriever import in_context

WORDS = 120  # of prose at most
SAME = 0.9  # cosine from which two sentences say the same
LEAST = 0.2  # nearness to the question, of code and of all sentences but the first
BEHIND = 1.0  # at most, a sentence's score behind the first one's
# What a sentence's share of the question's words, its passage's score (over the best), and that it
# names code weigh beside its cosine. Measured: see LOG.md.
SHARED, PASSAGE, NAMES_CODE = 0.5, 2.0, 0.1

# Below this confidence nothing is said: about 6% of the answerable development questions lie
# there, and 80% of the unanswerable ones.
ENOUGH = 0.44


@dataclass(frozen=True, slots=True)
class _Scored:
    quotation: Quotation
    vector: np.ndarray  # unit
    near: float  # to the question
    score: float  # with its passage's


class ExtractiveAnswerer:
    """Answers with quotations."""

    name = "extractive"

    def __init__(self, encoder: Encoder, words: LexicalIndex):
        self._encoder = encoder
        self._words = words

    def standalone(self, question: str, history: Sequence[Message], stop: Event) -> str:
        """Nothing: without a language model the search takes the conversation into account."""
        return ""

    def draft(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Message],
        confidence: float,
        stop: Event,
    ) -> Draft:
        """An answer of quotations, from all of the hits if need be."""
        if confidence < ENOUGH:
            return Draft(hits, _nothing())
        return Draft(hits, self._write(question, hits, history, stop))

    def _write(
        self, question: str, hits: Sequence[Hit], history: Sequence[Message], stop: Event
    ) -> Generator[str, None, None]:
        """Quoted sentences, each followed by the marker of its passage, then perhaps a code
        block; or `NOT_FOUND`, where the passages do not support an answer."""
        scored = self._score(question, in_context(question, history), hits)
        prose = _best_prose(scored)
        quoted = [*prose, *_best_code(scored, prose, hits)]
        if not quoted:
            yield NOT_FOUND
        for at, paragraphs in enumerate(_laid_out(quoted, hits)):
            if stop.is_set():
                return
            yield ("\n\n" if at else "") + "\n\n".join(paragraphs)

    def _score(self, question: str, in_full: str, hits: Sequence[Hit]) -> list[_Scored]:
        """All that can be quoted, best first.

        The passages were found for the question `in_full`, with the one before a follow-up; of
        their sentences, those are wanted that answer the follow-up itself.
        """
        quotable = quotations(hits)
        texts = [one.text for one in quotable]
        alone, full, *vectors = self._encoder.encode([question, in_full, *texts])
        meant = (alone + full) / np.linalg.norm(alone + full)
        asked = self._words.weights(question)
        all_asked = sum(asked.values()) or 1.0
        scored = []
        for one, vector in zip(quotable, vectors, strict=True):
            shared = asked.keys() & set(self._words.terms(one.text))
            near = float(vector @ meant) + SHARED * sum(asked[t] for t in shared) / all_asked
            score = near + PASSAGE * hits[one.rank].score / (hits[0].score or 1.0)
            score += NAMES_CODE * ("`" in one.text)
            scored.append(_Scored(one, vector, near, score))
        return sorted(scored, key=lambda one: -one.score)


def _nothing() -> Generator[str, None, None]:
    yield NOT_FOUND


def _laid_out(quoted: Sequence[Quotation], hits: Sequence[Hit]) -> Iterator[list[str]]:
    """For each heading, in the order of the hits: itself, its sentences, its code block; those of
    one section as they stand in it."""
    first: dict[str, int] = {}
    for rank, hit in enumerate(hits):
        first.setdefault(hit.passage.url, rank)

    def place(one: Quotation) -> tuple[int, list[int], int]:
        hit = hits[one.rank]
        return first[hit.passage.url], position(hit), one.start

    by_heading: dict[str, list[Quotation]] = {}
    for one in sorted(quoted, key=place):
        by_heading.setdefault(_heading(hits[one.rank]), []).append(one)
    for heading, group in by_heading.items():
        prose = " ".join(f"{c.text} {c.markers}" for c in group if not c.is_code)
        code = [f"{c.text}\n{c.markers}" for c in group if c.is_code]
        yield [f"#### {heading}", *filter(None, [prose]), *code]


def _heading(hit: Hit) -> str:
    """Where the passage stands: its page and the headings above it."""
    names = [hit.passage.title, *hit.passage.headings]
    return (
        " › ".join(dict.fromkeys(" ".join(name.split()) for name in names if name))
        or hit.passage.url
    )


def _best_prose(scored: Sequence[_Scored]) -> list[Quotation]:
    """The best sentences that do not repeat each other, within the words allowed."""
    chosen: list[_Scored] = []
    words = 0
    for one in scored:
        length = len(one.quotation.text.split())
        repeats = any(one.vector @ other.vector > SAME for other in chosen)
        if one.quotation.is_code or repeats or (chosen and not _beside(chosen[0], one, words)):
            continue
        chosen.append(one)
        words += length
    return [one.quotation for one in chosen]


def _beside(first: _Scored, one: _Scored, words: int) -> bool:
    """Whether a sentence belongs into an answer of so many words that the first one begins."""
    fits = words + len(one.quotation.text.split()) <= WORDS
    return fits and one.near >= LEAST and one.score >= first.score - BEHIND


def _best_code(
    scored: Sequence[_Scored], prose: Sequence[Quotation], hits: Sequence[Hit]
) -> list[Quotation]:
    """The best code block, if there is one on the best passage's page or on those of the prose."""
    read = {0, *(one.rank for one in prose)}
    pages = {page_address(hit.passage.url) for rank, hit in enumerate(hits) if rank in read}
    return [
        one.quotation
        for one in scored
        if one.quotation.is_code
        and one.near >= LEAST
        and page_address(hits[one.quotation.rank].passage.url) in pages
    ][:1]
