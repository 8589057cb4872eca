"""What writes: chat messages -> a stream of text.

A local model (local.py) or one behind a server (served.py). This module knows nothing of
passages, prompts or citations.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from rag.data import FootnoteError, Message, Thought

NEW_TOKENS = 512  # at most, an answer
CONTEXT = 8192  # tokens that a model reads, where nobody says how many: what nearly all have

Pieces = Generator[str | Thought, None, None]


class ChatModel(Protocol):
    """A language model as the answerer sees it."""

    name: str
    room: int  # tokens of prompt that leave room for the answer

    def count(self, messages: list[Message]) -> int:
        """The messages' length in tokens, the chat template's included."""

    def stream(self, messages: list[Message], stop: threading.Event) -> Pieces:
        """The answer's text as it is written; it ends soon after `stop` is set or it is closed.

        Raises FootnoteError if generation fails.
        """


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen: the likeliest one at a `temperature` of 0, by chance from
    `seed` above it."""

    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises FootnoteError for a temperature that no model takes."""
        if not 0 <= self.temperature <= 2:
            raise FootnoteError(f"the temperature is {self.temperature}: choose one from 0 to 2")


GREEDY = Sampling()


def load_generator(model: str, device_map: str = "auto", sampling: Sampling = GREEDY) -> ChatModel:
    """The generator for a hub id, a path, or the URL of an OpenAI-style server.

    A hub id or path may end in `#4bit` or `#8bit` (bitsandbytes). Raises FootnoteError if the model
    cannot be loaded or the server does not answer.
    """
    if model.startswith(("http://", "https://")):
        from rag.served import ServedModel

        return ServedModel(model, sampling)
    from rag.local import LocalModel

    return LocalModel(model, device_map, sampling)


def first_line(error: BaseException) -> str:
    """What an error says in one line, and what it is if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
