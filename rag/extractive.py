"""The embedded answerer: it quotes the sentences and code that answer best, and invents nothing.

No language model. Sentences of the retrieved passages are ranked by their similarity to the
question and their passage's; the best few are quoted in reading order, each with the marker of
its passage. This module knows nothing of how passages were found or how markers are shown.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from rag.data import Draft, Hit, Message
from rag.encoder import Encoder
from rag.prompt import NOT_FOUND
from rag.retriever import in_context
from rag.sentences import spans

READ = 6  # passages that sentences are taken from
SENTENCES = 4  # quoted at most
WORDS = 120  # of prose at most
SAME = 0.9  # cosine from which two sentences say the same
BEHIND = 0.3  # of the best sentence's score; what is further is not about the question
CODE_LINES = 30  # at most

# Below this confidence nothing is said: about 8% of the answerable development questions lie
# there, and 75% of the unanswerable ones.
ENOUGH = 0.4
# A block that holds no more than package.module.Name(parameters) shows nobody how.
_SIGNATURE = re.compile(r"\A```\w*\n(?:\w+\.)+\w+(?:\(.*\))?(?:(?: ->|:) .*)?\n```\Z")
_ASKS_HOW = re.compile(r"\b(how|code|example|snippet|command|syntax|show|way to)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Candidate:
    rank: int  # of its hit, from 0
    start: int  # in the passage
    text: str  # as quoted
    is_code: bool


@dataclass(frozen=True, slots=True)
class _Scored:
    candidate: _Candidate
    vector: np.ndarray  # unit
    score: float


class ExtractiveAnswerer:
    """Answers with quotations."""

    name = "extractive"

    def __init__(self, encoder: Encoder):
        self._encoder = encoder

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
        candidates = [c for rank, hit in enumerate(hits[:READ]) for c in _candidates(rank, hit)]
        scored = self._score(in_context(question, history), candidates, hits)
        chosen = _best_prose(scored)
        quoted = sorted(chosen, key=lambda c: (c.rank, c.start))
        read = {0} | {candidate.rank for candidate in chosen}
        code = [o.candidate for o in scored if o.candidate.is_code and o.candidate.rank in read]
        if _ASKS_HOW.search(question) or not chosen:
            quoted += code[:1]
        for at, candidate in enumerate(quoted):
            if stop.is_set():
                return
            marker = (
                f"\n[{candidate.rank + 1}]" if candidate.is_code else f" [{candidate.rank + 1}]"
            )
            yield ("\n\n" if at else "") + candidate.text + marker
        if not quoted:
            yield NOT_FOUND

    def _score(
        self, question: str, candidates: Sequence[_Candidate], hits: Sequence[Hit]
    ) -> list[_Scored]:
        """The candidates by their own similarity to the question plus their passage's."""
        vectors = self._encoder.encode([question, *(c.text for c in candidates)])
        scores = vectors[1:] @ vectors[0] + [hits[c.rank].similarity for c in candidates]
        scored = map(_Scored, candidates, vectors[1:], scores)
        return sorted(scored, key=lambda one: -one.score)


def _nothing() -> Generator[str, None, None]:
    yield NOT_FOUND


def _best_prose(scored: Sequence[_Scored]) -> list[_Candidate]:
    """The best sentences that do not repeat each other, within the words allowed."""
    prose = [one for one in scored if not one.candidate.is_code]
    chosen: list[_Scored] = []
    words = 0
    for one in prose:
        length = len(one.candidate.text.split())
        if len(chosen) == SENTENCES or one.score < prose[0].score - BEHIND:
            break
        repeats = any(one.vector @ other.vector > SAME for other in chosen)
        if repeats or (chosen and words + length > WORDS):
            continue
        chosen.append(one)
        words += length
    return [one.candidate for one in chosen]


def _candidates(rank: int, hit: Hit) -> Iterator[_Candidate]:
    """The passage's whole sentences and code blocks; not what its edges cut in two."""
    text = hit.passage.text
    for span in spans(text):
        piece = text[span.start : span.end]
        if span.is_code:
            block = _as_block(piece)
            if not _SIGNATURE.search(block):
                yield _Candidate(rank, span.start, block, True)
            continue
        quoted = _as_sentence(piece)
        cut_off = (span.start == 0 and quoted[:1].islower()) or (
            span.end == len(text) and quoted[-1:] not in set(".!?:)`")
        )
        if not cut_off and ">>>" not in quoted and 4 <= len(quoted.split()) <= 70:
            yield _Candidate(rank, span.start, quoted, False)


def _as_sentence(piece: str) -> str:
    """A sentence as it can stand in an answer: no list mark, tag or footnote number, and
    references such as [`Name`] without their brackets."""
    piece = re.sub(r"^\s*(?:[-*+]|\d{1,2}[.)]|#{1,6}|>)\s+", "", piece)
    piece = re.sub(r"\[\^?\d+\]|</?[A-Z]\w*(?: [^<>]*)?>|</?hf\w+(?: [^<>]*)?>", "", piece)
    piece = re.sub(r"\[(`[^`\n]+`)\](?!\()", r"\1", piece).replace("``", "`")
    return " ".join(piece.split())


def _as_block(piece: str) -> str:
    """A code block with its fences on lines of their own, closed if the passage cut it off."""
    mark, body = piece[:3], piece[3:]
    body = body.removesuffix(mark)
    language = re.match(r"[\w+-]*(?=\s)", body)
    name = language[0] if language else ""
    lines = body[len(name) :].strip("\n").rstrip().split("\n")
    lines[0] = lines[0].lstrip() if len(lines) == 1 else lines[0]
    return "\n".join([f"```{name}", *lines[:CODE_LINES], "```"])
