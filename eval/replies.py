"""A generator's reply to a prompt, whole: for those who read it rather than show it."""

from __future__ import annotations

from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING

from rag.data import Message
from rag.thoughts import told_apart

if TYPE_CHECKING:
    from rag.generator import ChatModel


def reply(generator: ChatModel, messages: list[Message], longest: int) -> str:
    """Returns what the generator says, without what it thinks, cut soon after `longest` characters;
    nothing where the prompt has no room in its context.

    Raises FootnoteError when the generator fails.
    """
    if generator.count(messages) > generator.room:
        return ""
    text = ""
    with closing(told_apart(generator.stream(messages, Event()))) as pieces:
        for piece in pieces:
            text += piece if isinstance(piece, str) else ""
            if len(text) > longest:
                break
    return text
