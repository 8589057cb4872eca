"""The records that everything else passes around: passages, hits, citations, answers.

Plain frozen dataclasses. This module knows nothing of Chroma, models or files, and imports
nothing outside the standard library.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict


class FootnoteError(Exception):
    """Something the caller can put right: bad input, a missing model, an index in use.

    The message is one line that says what was wrong, with the value, and what to do; the
    command line prints it and exits with status 1.
    """


class Message(TypedDict):
    """One turn of a conversation, in the convention of transformers and Gradio."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where else a passage's text stands word for word."""

    chunk_id: str
    url: str
    title: str = ""
    headings: tuple[str, ...] = ()


def page_address(url: str) -> str:
    """The page's own address, of a passage's that may lead to a section."""
    return url.partition("#")[0]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of documentation small enough to cite.

    `chunk_id` is the source's own name for it, unique within that source; `title` names its
    page and `headings` is the path of headings above it, outermost first. `repeats` are the
    places where the same text stands again; they were left out of the index in its favour.
    """

    chunk_id: str
    url: str
    text: str
    title: str = ""
    headings: tuple[str, ...] = ()
    source: str = ""
    repeats: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage; `score` ranks it among the hits of one question, higher is better.

    `similarity` is the cosine of the question's vector and the passage's, at most 1: unlike the
    score it can be compared between questions.
    """

    passage: Passage
    score: float
    similarity: float = 0.0


@dataclass(frozen=True, slots=True)
class Citation:
    """A footnote: the number in the text, the passage it stands for, and the words it rests on.

    `quote` is a span of the passage's text, character for character.
    """

    marker: int
    url: str
    chunk_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence or code block of an answer: `text[start:end]` of the answer's text, without its
    markers.

    `citations` are its own, each with the words that this sentence rests on; `supported` is
    whether they say what it says.
    """

    start: int
    end: int
    citations: tuple[Citation, ...]
    supported: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was retrieved for an answer, before it is written: for the question as it was searched
    (a follow-up rewritten to stand alone, where a language model does so), in so many seconds."""

    question: str
    hits: tuple[Hit, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what a thinking model says to itself; never part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer being written: `pieces` of text in which [n] cites read[n - 1]."""

    read: Sequence[Hit]
    pieces: Generator[str | Thought, None, None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the chatbot says to one question.

    `text` carries markers such as [1] that `citations` resolves; `claims` are its sentences, each
    with what it rests on. `abstained` is true when the documentation did not support an answer;
    then `text` says so and `citations` is empty. `confidence` is between 0 and 1. `hits` are the
    passages retrieved, best first; the last `unread` of them had no room in the model's context.
    `searched` is the question as it was searched; `thought` is what a thinking model said to
    itself. `timings` are seconds by step (`search`, `first_token`, `total`).
    """

    text: str
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    abstained: bool = False
    confidence: float = 0.0
    hits: tuple[Hit, ...] = ()
    unread: int = 0
    searched: str = ""
    thought: str = ""
    timings: dict[str, float] = field(default_factory=dict)
