"""The embedded answerer: it quotes the sentences and code that answer best, and invents nothing.

No language model. Sentences of the retrieved passages are ranked by what they share with the
question and by their passage's rank; the best are quoted in reading order, each with the marker
of its passage, those of one passage under its headings. This module knows nothing of how
passages were found or how markers are shown.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event

import numpy as np

from rag.data import Draft, Hit, Message
from rag.encoder import Encoder
from rag.lexical import LexicalIndex
from rag.prompt import NOT_FOUND
from rag.retriever import in_context
from rag.sentences import is_code, passage_spans

WORDS = 120  # of prose at most
SAME = 0.9  # cosine from which two sentences say the same
LEAST = 0.2  # nearness to the question of all but the first sentence
LONGEST = 110  # words of a sentence; what is longer is none
CODE_LINES = 30  # at most
OVERLAP = range(1000, 9, -1)  # characters that passages may share where one goes on after the other
# What a sentence's share of the question's words, and its passage's score (over the best), weigh
# beside its cosine. Measured: see LOG.md.
SHARED, PASSAGE = 0.5, 2.0

# Below this confidence nothing is said: about 6% of the answerable development questions lie
# there, and 74% of the unanswerable ones.
ENOUGH = 0.4
# A block that holds no more than package.module.Name(parameters) shows nobody how.
_SIGNATURE = re.compile(r"\A```\w*\n(?:\w+\.)+\w+(?:\(.*\))?(?:(?: ->|:) .*)?\n```\Z")

# A sentence that begins with a lower letter because a parameter's name does.
_NAMED = re.compile(r"\w+ \(`|\w*_\w")


@dataclass(frozen=True, slots=True)
class _Candidate:
    rank: int  # of its hit, from 0
    start: int  # in the passage
    text: str  # as quoted
    is_code: bool
    ends_in: int | None = None  # the rank of the hit where code goes on that this one cuts off

    @property
    def markers(self) -> str:
        ends = "" if self.ends_in is None else f"[{self.ends_in + 1}]"
        return f"[{self.rank + 1}]{ends}"


@dataclass(frozen=True, slots=True)
class _Scored:
    candidate: _Candidate
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
        candidates = _candidates(hits)
        scored = self._score(question, in_context(question, history), candidates, hits)
        prose = _best_prose(scored)
        read = {0} | {candidate.rank for candidate in prose}
        code = [o.candidate for o in scored if o.candidate.is_code and o.candidate.rank in read]
        quoted = [*prose, *code[:1]]
        if not quoted:
            yield NOT_FOUND
        for at, paragraphs in enumerate(_laid_out(quoted, hits)):
            if stop.is_set():
                return
            yield ("\n\n" if at else "") + "\n\n".join(paragraphs)

    def _score(
        self,
        question: str,
        in_full: str,
        candidates: Sequence[_Candidate],
        hits: Sequence[Hit],
    ) -> list[_Scored]:
        """The candidates, best first.

        The passages were found for the question `in_full`, with the one before a follow-up; of
        their sentences, those are wanted that answer the follow-up itself.
        """
        alone, full, *vectors = self._encoder.encode(
            [question, in_full, *(c.text for c in candidates)]
        )
        meant = (alone + full) / np.linalg.norm(alone + full)
        asked = self._words.weights(question)
        all_asked = sum(asked.values()) or 1.0
        scored = []
        for candidate, vector in zip(candidates, vectors, strict=True):
            shared = asked.keys() & set(self._words.terms(candidate.text))
            near = float(vector @ meant) + SHARED * sum(asked[t] for t in shared) / all_asked
            score = near + PASSAGE * hits[candidate.rank].score / (hits[0].score or 1.0)
            scored.append(_Scored(candidate, vector, near, score))
        return sorted(scored, key=lambda one: -one.score)


def _nothing() -> Generator[str, None, None]:
    yield NOT_FOUND


def _laid_out(quoted: Sequence[_Candidate], hits: Sequence[Hit]) -> Iterator[list[str]]:
    """For each heading, in the order of the hits: itself, its sentences, its code block; those of
    one section as they stand in it."""
    first: dict[str, int] = {}
    for rank, hit in enumerate(hits):
        first.setdefault(hit.passage.url, rank)

    def place(candidate: _Candidate) -> tuple[int, list[int], int]:
        hit = hits[candidate.rank]
        return first[hit.passage.url], _numbers(hit), candidate.start

    by_heading: dict[str, list[_Candidate]] = {}
    for candidate in sorted(quoted, key=place):
        by_heading.setdefault(_heading(hits[candidate.rank]), []).append(candidate)
    for heading, group in by_heading.items():
        prose = " ".join(f"{c.text} {c.markers}" for c in group if not c.is_code)
        code = [f"{c.text}\n{c.markers}" for c in group if c.is_code]
        yield [f"#### {heading}", *filter(None, [prose]), *code]


def _heading(hit: Hit) -> str:
    """Where the passage stands: its page and the nearest heading."""
    names = [hit.passage.title, *hit.passage.headings[-1:]]
    return (
        " › ".join(dict.fromkeys(" ".join(name.split()) for name in names if name))
        or hit.passage.url
    )


def _best_prose(scored: Sequence[_Scored]) -> list[_Candidate]:
    """The best sentences that do not repeat each other, within the words allowed."""
    chosen: list[_Scored] = []
    words = 0
    for one in scored:
        length = len(one.candidate.text.split())
        repeats = any(one.vector @ other.vector > SAME for other in chosen)
        beside_it = bool(chosen) and (one.near < LEAST or words + length > WORDS)
        if one.candidate.is_code or repeats or beside_it:
            continue
        chosen.append(one)
        words += length
    return [one.candidate for one in chosen]


def _candidates(hits: Sequence[Hit]) -> list[_Candidate]:
    """The passages' sentences and code blocks."""
    by_hit = [list(_quotable(rank, hit)) for rank, hit in enumerate(hits)]
    by_place = {(hit.passage.url, *_numbers(hit)): rank for rank, hit in enumerate(hits)}
    for rank, hit in enumerate(hits):
        *before, number = _numbers(hit) or [0]
        after = by_place.get((hit.passage.url, *before, number + 1))
        if after is not None and by_hit[rank] and by_hit[after]:
            tail, head = by_hit[rank][-1], by_hit[after][0]
            if joined := _joined(tail, hit, head, hits[after]):
                del by_hit[rank][-1]
                by_hit[after][0] = joined
    return [c for found in by_hit for c in found if not c.is_code or _shows_how(c.text)]


def _shows_how(block: str) -> bool:
    return not _SIGNATURE.search(block) and len(block.split()) > 3  # more than its fences


def _numbers(hit: Hit) -> list[int]:
    """Those of the passage's id: passages of a page are numbered as they stand in it."""
    return [int(digits) for digits in re.findall(r"\d{1,18}", hit.passage.chunk_id)]


def _joined(tail: _Candidate, hit: Hit, head: _Candidate, after: Hit) -> _Candidate | None:
    """The code block that begins in one passage and ends in the next, if there is one."""
    if not (tail.is_code and head.is_code) or head.start:
        return None
    last = passage_spans(hit.passage.text)[-1]
    first, second = hit.passage.text[last.start : last.end], after.passage.text
    if last.start != tail.start or first[3:].endswith(("```", "~~~")):
        return None
    if second.startswith(first):  # passages may overlap
        return head
    if is_code(second):
        return None
    whole = (n for n in OVERLAP if first.endswith(second[:n]) and second[n : n + 1].isspace())
    shared = next(whole, 0)
    rest = second[shared : passage_spans(second)[0].end]
    block = _as_block(first + ("" if shared else "\n") + rest)
    return replace(tail, text=block, ends_in=head.rank)


def _quotable(rank: int, hit: Hit) -> Iterator[_Candidate]:
    """The passage's whole sentences and its code blocks; no sentence that its edges cut in two."""
    text = hit.passage.text
    for span in passage_spans(text):
        piece = text[span.start : span.end]
        if span.is_code:
            yield _Candidate(rank, span.start, _as_block(piece), True)
            continue
        quoted = _as_sentence(piece)
        cut_off = (span.start == 0 and quoted[:1].islower() and not _NAMED.match(quoted)) or (
            span.end == len(text) and quoted[-1:] not in set(".!?:)`")
        )
        if ">>>" in quoted:  # an interpreter's lines, whose fences the table's cut has lost
            yield _Candidate(rank, span.start, _as_block(f"```py\n{piece.strip()}```"), True)
        elif not cut_off and 4 <= len(quoted.split()) <= LONGEST:
            yield _Candidate(rank, span.start, quoted, False)


def _as_sentence(piece: str) -> str:
    """A sentence as it can stand in an answer: no list mark, tag, directive such as
    [[open-in-colab]] or footnote number, and references such as [`Name`] without their
    brackets."""
    piece = re.sub(r"^\s*(?:[-*+]|\d{1,2}[.)]|#{1,6}|>)\s+", "", piece)
    piece = re.sub(r"\[\[[a-z-]{4,}\]\]", "", piece)
    piece = re.sub(r"\[\^?\d+\]|</?[A-Z]\w*(?: [^<>]*)?>|</?hf\w+(?: [^<>]*)?>", "", piece)
    piece = re.sub(r"\[(`[^`\n]+`)\](?!\()", r"\1", piece).replace("``", "`")
    return " ".join(piece.split())


def _is_interpreter(code: str) -> bool:
    return code.lstrip().startswith((">>> ", "... "))


def _as_block(piece: str) -> str:
    """A code block with its fences on lines of their own, also where the passage cut them off."""
    piece = piece if is_code(piece) else f"```{'py' * _is_interpreter(piece)}\n{piece}"
    mark, body = piece[:3], piece[3:]
    body = body.removesuffix(mark)
    language = re.match(r"[\w+-]*(?=\s)", body)
    name = language[0] if language else ""
    body = body[len(name) :].lstrip(" ").strip("\n").rstrip()
    if _is_interpreter(body):  # its lines are known even where its breaks are lost
        body = re.sub(r" (?=>>> |\.\.\. )", "\n", body.lstrip())
    lines = body.split("\n")
    return "\n".join([f"```{name}", *lines[:CODE_LINES], "```"])
