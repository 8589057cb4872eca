"""A question -> the passages most likely to answer it, best first.

This module knows nothing of answers. More evidence than the vectors' (words, headings, pages)
comes in here, behind `search`.
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.data import Hit, Message
from rag.encoder import Encoder
from rag.index import Index


class Retriever:
    """Dense retrieval: the question's vector against the passages'."""

    def __init__(self, index: Index, encoder: Encoder):
        """Raises FootnoteError if the index was made with another embedder."""
        self._index = index
        self._encoder = encoder

    def search(self, question: str, k: int, history: Sequence[Message] = ()) -> list[Hit]:
        """The k best passages for the question in the light of the conversation before it."""
        (vector,) = self._encoder.encode([in_context(question, history)])
        return self._index.query(vector, k)


def in_context(question: str, history: Sequence[Message]) -> str:
    """The question with the user's one before it, whose subject a follow-up leaves out."""
    asked = [turn["content"] for turn in history if turn["role"] == "user"]
    return f"{asked[-1]} {question}" if asked else question
