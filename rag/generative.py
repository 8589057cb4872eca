"""The language model as an answerer: question and passages into a prompt, the prompt into text.

This module knows nothing of how a model runs (generator.py) or what it is told (prompt.py).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING

from rag.data import Draft, FootnoteError, Hit, Message, Thought
from rag.prompt import prompt, rewriting
from rag.thoughts import told_apart

if TYPE_CHECKING:
    from rag.generator import ChatModel

QUESTION = 300  # characters; a rewritten question that is longer is none


class GenerativeAnswerer:
    """Answers with a language model."""

    def __init__(self, generator: ChatModel):
        self._generator = generator
        self.name = generator.name

    def standalone(self, question: str, history: Sequence[Message], stop: Event) -> str:
        """The question in words that need no conversation; empty if the model finds none."""
        words = ""
        messages = rewriting(question, history, self._generator.count, self._generator.room)
        with closing(told_apart(self._generator.stream(messages, stop))) as pieces:
            for piece in pieces:
                if isinstance(piece, str):
                    words += piece
                if "\n" in words or len(words) > QUESTION:
                    break
        words = words.partition("\n")[0].strip().strip("\"'")
        return words if len(words) <= QUESTION else ""

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
        return Draft(hits[: asked.used], self._write(asked.messages, stop))

    def _write(self, messages: list[Message], stop: Event) -> Generator[str | Thought, None, None]:
        thought = text = False
        with closing(told_apart(self._generator.stream(messages, stop))) as pieces:
            for piece in pieces:
                thought |= isinstance(piece, Thought)
                text |= isinstance(piece, str)
                yield piece
        if thought and not text and not stop.is_set():
            raise FootnoteError(
                f"the model {self.name!r} thought until its tokens were used up, and said nothing: "
                "ask again in other words, or choose a model that answers at once"
            )
