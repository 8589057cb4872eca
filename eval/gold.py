"""The gold of a question set, looked up in an index: which of it is there, and what it says.

This module knows nothing of answers or measures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eval.measures import page_names, page_of
from eval.questions import Question
from rag.data import Passage
from rag.stored import passage_hash

if TYPE_CHECKING:
    from rag.index import Index


@dataclass(frozen=True, slots=True)
class Gold:
    """What one look through an index found.

    `fingerprint` is equal for indexes of the same passages, embedded by the same model.
    `passages` are those of a question's gold chunks, or of its gold pages where it names no
    chunks; `missing` are the gold pages and chunks that the index lacks. Both by question id.
    """

    fingerprint: str
    passages: dict[str, tuple[Passage, ...]]
    missing: dict[str, tuple[str, ...]]


def with_pages(questions: Sequence[Question], bases: Sequence[str]) -> list[Question]:
    """Returns the questions, with the pages of their gold urls as gold where none are named.

    `bases` are the addresses where the documentations begin.
    """

    def page(url: str) -> str:
        below = [base for base in bases if url.startswith(base)]
        return page_of(url, max(below, key=len, default=""))

    return [
        question
        if question.gold_pages
        else replace(question, gold_pages=tuple(dict.fromkeys(map(page, question.gold_urls))))
        for question in questions
    ]


def find_gold(index: Index, questions: Sequence[Question]) -> Gold:
    """Returns what the index has of the gold of the questions, whose pages are known (see
    `with_pages`); it reads every passage once.

    A passage counts at every place where its text stands.
    """
    of_page: dict[str, list[Passage]] = {p: [] for one in questions for p in one.gold_pages}
    of_chunk: dict[str, Passage] = {}
    chunks = {chunk for question in questions for chunk in question.gold_chunk_ids}
    hashes = []
    for passage in index.all_passages():
        hashes.append(passage_hash(passage))
        base = index.base_url(passage)
        urls = dict.fromkeys([passage.url, *(place.url for place in passage.repeats)])
        for name in {name for url in urls for name in page_names(page_of(url, base))}:
            if name in of_page:
                of_page[name].append(passage)
        for chunk in {passage.chunk_id, *(place.chunk_id for place in passage.repeats)} & chunks:
            of_chunk[chunk] = passage
    embedder = index.manifest["embedder"]["fingerprint"]
    content = "\n".join([embedder, *sorted(hashes)])
    return Gold(
        fingerprint=hashlib.sha256(content.encode()).hexdigest()[:16],
        passages={
            one.id: tuple(
                [of_chunk[name] for name in one.gold_chunk_ids if name in of_chunk]
                or [passage for page in one.gold_pages for passage in of_page[page]]
            )
            for one in questions
        },
        missing={
            one.id: missing
            for one in questions
            if (
                missing := tuple(
                    [f"page {page}" for page in one.gold_pages if not of_page[page]]
                    + [f"chunk {name}" for name in one.gold_chunk_ids if name not in of_chunk]
                )
            )
        },
    )
