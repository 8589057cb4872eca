"""What a thinking model writes -> what it thinks and what it says.

Qwen3, DeepSeek R1 and their kind think first, between tags. Only tags at the very beginning
count: later ones are words of the answer. This module knows nothing of models.
"""

from collections.abc import Generator
from contextlib import closing

from rag.data import Thought

OPEN, CLOSE = "<think>", "</think>"


def told_apart(
    pieces: Generator[str | Thought, None, None],
) -> Generator[str | Thought, None, None]:
    """Thoughts, and then the text from its first word on; closing it closes the pieces.

    Joined, they are the same however the text was cut into pieces.
    """
    with closing(pieces):
        held = ""  # what may still be the beginning of a tag
        where = "before"
        for piece in pieces:
            if isinstance(piece, Thought):
                yield piece
                continue
            held += piece
            if where == "before":
                held = held.lstrip()
                if held.startswith(OPEN):
                    held, where = held.removeprefix(OPEN), "thought"
                elif not OPEN.startswith(held):
                    where = "text"
            if where == "thought":
                thought, tag, rest = held.partition(CLOSE)
                if tag:
                    held, where = rest.lstrip(), "after"
                else:
                    end = _certain(held)
                    thought, held = held[:end], held[end:]
                if thought:
                    yield Thought(thought)
            if where == "after" and (held := held.lstrip()):
                where = "text"
            if where == "text" and held:
                yield held
                held = ""
        if held:
            yield Thought(held) if where == "thought" else held


def _certain(text: str) -> int:
    """How much of it cannot be the beginning of the closing tag."""
    for length in range(min(len(CLOSE) - 1, len(text)), 0, -1):
        if CLOSE.startswith(text[-length:]):
            return len(text) - length
    return len(text)
