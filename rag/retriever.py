"""A question -> the passages most likely to answer it, best first.

Three kinds of evidence, since people's words and the documentation's pull apart: the vectors
(what is meant), the words (identifiers, rare terms), and the page (a page with many good
passages is more likely to be the right one). The figures behind the constants are in LOG.md.
This module knows nothing of answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rag.data import Hit, Message, Passage, Place, page_address
from rag.encoder import Encoder
from rag.index import Candidates, Index
from rag.reranker import DEPTH, CrossEncoder
from rag.stored import passage_id

POOL = 100  # candidates from each side
LEXICAL = 0.4  # the words' share of a passage's score; each side is scaled by its best
# What a page's share of the evidence adds to its best passage, and how much less to each next.
PAGE, PAGE_DECAY = 0.15, 0.7
EVIDENCE = 50  # passages that count as evidence for their pages
# A follow-up leaves out its subject: the words of the question and answer before it.
ASKED_BEFORE, ANSWERED_BEFORE = 0.7, 0.3


class Retriever:
    """Hybrid retrieval over an index. Threads may share it."""

    def __init__(self, index: Index, encoder: Encoder, reranker: CrossEncoder | None = None):
        """Raises FootnoteError if the index was made with another embedder."""
        index.check_embedder({"name": "given", "fingerprint": encoder.fingerprint})
        self._index = index
        self.encoder = encoder
        self._reranker = reranker

    def search(self, question: str, k: int, history: Sequence[Message] = ()) -> list[Hit]:
        """The k best passages for the question in the light of the conversation before it."""
        if self._reranker is None:
            return self._ranked(question, k, history)
        hits = self._ranked(question, max(k, DEPTH), history)
        return self._reranker.rerank(in_context(question, history), hits)[:k]

    def _ranked(self, question: str, k: int, history: Sequence[Message]) -> list[Hit]:
        (vector,) = self.encoder.encode([in_context(question, history)])
        terms = self._terms(question, history)
        self._index.refresh()
        hits = self._best(vector, terms, k)
        if not hits:  # another process may have removed all that this one knew
            self._index.reconnect()
            hits = self._best(vector, terms, k)
        return hits

    def _best(self, vector: np.ndarray, terms: Mapping[str, float], k: int) -> list[Hit]:
        pool = max(POOL, k)
        near = self._index.nearest(vector, pool)
        worded = self._index.words.query(terms, pool)
        found = self._index.candidates(list(dict.fromkeys([*near, *worded])))
        similarities = found.vectors @ vector
        lexical = np.array([worded.get(name, 0.0) for name in found.ids])
        scores = (1 - LEXICAL) * _scaled(similarities) + LEXICAL * _scaled(lexical)
        scores, shares = _pooled_by_page(scores, found)
        best = [int(i) for i in np.argsort(-scores, kind="stable")[:k]]
        passages = self._index.passages([found.ids[i] for i in best])
        by_id = {passage_id(passage): passage for passage in passages}
        return [
            Hit(
                _at_best_place(by_id[found.ids[i]], shares),
                score=float(scores[i]),
                similarity=float(similarities[i]),
            )
            for i in best
            if found.ids[i] in by_id  # a writer may have removed it meanwhile
        ]

    def _terms(self, question: str, history: Sequence[Message]) -> dict[str, float]:
        """The words to look for with their weights; common ones that are nowhere are left out,
        since they are no slips of the pen."""
        terms: dict[str, float] = {}
        for text, weight in (
            (question, 1.0),
            (last_question(history), ASKED_BEFORE),
            (_last(history, "assistant"), ANSWERED_BEFORE),
        ):
            for term, word in self._index.words.terms(text).items():
                if self._index.words.passages_with(term) or not self.encoder.knows(word):
                    terms[term] = terms.get(term, 0.0) + weight
        return terms


def in_context(question: str, history: Sequence[Message]) -> str:
    """The question with the user's one before it, whose subject a follow-up leaves out."""
    return f"{last_question(history)} {question}".strip()


def last_question(history: Sequence[Message]) -> str:
    """What the user asked last; empty at the start of a conversation."""
    return _last(history, "user")


def _last(history: Sequence[Message], role: str) -> str:
    said = [turn["content"] for turn in history if turn["role"] == role]
    return said[-1] if said else ""


def _scaled(scores: np.ndarray) -> np.ndarray:
    """The scores over their best, so that two kinds can be added."""
    best = scores.max(initial=0.0)
    return scores / best if best > 0 else np.zeros_like(scores)


def _pooled_by_page(scores: np.ndarray, found: Candidates) -> tuple[np.ndarray, dict[str, float]]:
    """The scores raised by what their pages hold, and each page's share of the evidence.

    Evidence is what the best passages score above the last of them. A page's best passage is
    raised by the page's share, its others by less and less, so that other pages stay in sight.
    """
    order = np.argsort(-scores, kind="stable")[:EVIDENCE]
    if not len(order):
        return scores, {}
    evidence = scores[order] - scores[order[-1]]
    shares: dict[str, float] = {}
    for i, worth in zip(order, evidence / max(evidence.sum(), 1e-9), strict=True):
        for page in found.pages[i]:
            # A text that stands on several pages speaks for each of them a little.
            shares[page] = shares.get(page, 0.0) + float(worth) / len(found.pages[i])
    raised = scores.copy()
    seen: dict[str, int] = {}
    for i in order:
        page = max(found.pages[i], key=lambda page: shares.get(page, 0.0))
        raised[i] += PAGE * shares[page] * PAGE_DECAY ** seen.get(page, 0)
        seen[page] = seen.get(page, 0) + 1
    return raised, shares


def _at_best_place(passage: Passage, shares: dict[str, float]) -> Passage:
    """The passage at the place, of all where its text stands, whose page has most evidence."""
    own = Place(passage.chunk_id, passage.url, passage.title, passage.headings)
    places = [own, *passage.repeats]
    best = max(places, key=lambda place: shares.get(page_address(place.url), 0.0))
    return replace(
        passage,
        chunk_id=best.chunk_id,
        url=best.url,
        title=best.title,
        headings=best.headings,
        repeats=tuple(place for place in places if place is not best),
    )
