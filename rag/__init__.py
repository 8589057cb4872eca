"""Footnote's core: a question in, a cited answer out.

    from rag import Chatbot
    bot = Chatbot.open("my-index")
    print(bot.ask("how do I batch a pipeline?").text)

Importing this package loads no model library; `Chatbot` is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from rag.data import (
    Answer,
    Citation,
    Claim,
    FootnoteError,
    Found,
    Hit,
    Message,
    Passage,
    Place,
    Thought,
)

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

__all__ = [
    "Answer",
    "Chatbot",
    "Citation",
    "Claim",
    "FootnoteError",
    "Found",
    "Hit",
    "Message",
    "Passage",
    "Place",
    "Thought",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Chatbot":
        from rag.chatbot import Chatbot

        return Chatbot
    raise AttributeError(f"module 'rag' has no attribute {name!r}")
