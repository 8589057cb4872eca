"""The language model as an answerer: question and passages into a prompt, the prompt into text.

This module knows nothing of how a model runs (generator.py) or what it is told (prompt.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING

from rag.data import Draft, Hit, Message
from rag.prompt import prompt

if TYPE_CHECKING:
    from rag.generator import ChatModel


class GenerativeAnswerer:
    """Answers with a language model."""

    def __init__(self, generator: ChatModel):
        self._generator = generator
        self.name = generator.name

    def draft(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Message],
        confidence: float,
        stop: Event,
    ) -> Draft:
        """The model's answer from as many hits as have room in its context; whether they hold
        one is left to the model.

        Raises FootnoteError if not even one has.
        """
        asked = prompt(question, hits, history, self._generator.count, self._generator.room)
        pieces = self._generator.stream(asked.messages, stop)
        return Draft(hits[: asked.used], pieces)
