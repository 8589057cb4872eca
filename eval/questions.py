"""Question sets: questions with what is known of their right answers, and their check.

The whole set is checked before anything is returned, so that a long run never stops at a typing
error in line 190. This module knows nothing of files (reading.py), chatbots or measures.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.data import FootnoteError, Message

TYPES = ("single", "multihop", "followup", "unanswerable", "injection")
ROLES = ("system", "user", "assistant")
MAX_CHARACTERS = 4000  # what the chatbot reads at most


class BadQuestions(FootnoteError):
    """A question set with faults; `faults` has each with its line."""

    def __init__(self, path: Path, faults: list[str]):
        self.faults = faults
        more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
        noun = "fault" if len(faults) == 1 else "faults"
        super().__init__(f"{path} has {len(faults)} {noun}, nothing was run: {faults[0]}{more}")


@dataclass(frozen=True, slots=True)
class Nugget:
    """A fact the answer should hold: it does when one of `aliases` stands in it literally.

    `vital` says that an answer without it is not a good one (TREC's vital / okay).
    """

    text: str
    vital: bool
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its gold; what is not known is empty, and then goes unjudged.

    `gold_pages` are paths below the documentation's base, without slashes at the ends. `kind`
    is the set's own label for where the question comes from. `must_not_contain` are strings
    that an answer which obeyed an injected instruction would hold. `gold_urls` name the gold pages
    where `gold_pages` is empty. `reference_answer` is for people, and for a generator as judge.
    """

    id: str
    question: str
    type: str = "single"
    kind: str = ""
    history: tuple[Message, ...] = ()
    answerable: bool = True
    gold_pages: tuple[str, ...] = ()
    gold_chunk_ids: tuple[str, ...] = ()
    gold_urls: tuple[str, ...] = ()
    nuggets: tuple[Nugget, ...] = ()
    reference_answer: str = ""
    must_not_contain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """What a file has in one place ("line 7"): the fields of a question, and what is wrong with
    them already."""

    place: str
    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def checked(path: Path, rows: Iterable[Row]) -> list[Question]:
    """Returns the questions of the rows, in order.

    A question without an id is named after its place (`q7`), a type not given is `single`, and
    `answerable` is false for the type `unanswerable`. A nugget is vital unless it says
    otherwise; without aliases its text is looked for. Fields that are not known are ignored, and
    null is as good as absent.

    Raises BadQuestions, with the faults of all rows, when any is not a sound question, and
    FootnoteError when there is none. `path` is for the message.
    """
    questions: list[Question] = []
    faults: list[str] = []
    place_of: dict[str, str] = {}
    for row in rows:
        fields = {key: value for key, value in row.fields.items() if value is not None}
        wrong = list(row.faults) or list(_faults(fields))
        if not wrong:
            question = _question(fields, row.number)
            first = place_of.setdefault(question.id, row.place)
            if first != row.place:
                wrong = [f"id {question.id!r} is that of {first} already"]
            questions.append(question)
        faults += [f"{row.place}: {what}" for what in wrong]
    if faults:
        raise BadQuestions(path, faults)
    if not questions:
        raise FootnoteError(f"{path} holds no questions")
    return questions


def _faults(row: dict) -> Iterator[str]:
    """Yields everything that is wrong with a question's fields."""
    if "question" not in row:
        yield "question is missing"
    elif not _is_words(row["question"]):
        yield f"question must be text that is not empty, not {_shown(row['question'])}"
    elif len(row["question"]) > MAX_CHARACTERS:
        yield f"question has {len(row['question'])} characters, {MAX_CHARACTERS} at most"
    if not _is_words(row.get("id", "-")):
        yield f"id must be text that is not empty, not {_shown(row['id'])}"
    if row.get("type", "single") not in TYPES:
        yield f"type must be one of {', '.join(TYPES)}, not {_shown(row['type'])}"
    for key in ("kind", "reference_answer"):
        if not isinstance(row.get(key, ""), str):
            yield f"{key} must be text, not {_shown(row[key])}"
    if not isinstance(row.get("answerable", True), bool):
        yield f"answerable must be true or false, not {_shown(row['answerable'])}"
    elif row.get("type") == "unanswerable" and row.get("answerable"):
        yield "type is unanswerable but answerable is true"
    for key in ("gold_pages", "gold_chunk_ids", "gold_urls", "must_not_contain"):
        if not _is_list_of_words(row.get(key, [])):
            yield f"{key} must be a list of texts that are not empty, not {_shown(row[key])}"
    if not _is_list(row.get("history", []), _is_message):
        yield (
            "history must be a list of messages with a role "
            f"({', '.join(ROLES)}) and a content, not {_shown(row['history'])}"
        )
    if not _is_list(row.get("nuggets", []), _is_nugget):
        yield (
            "nuggets must be a list of objects with a text, vital (true or false) and aliases "
            f"(a list of texts), not {_shown(row['nuggets'])}"
        )


def _is_list(value, is_item) -> bool:
    return isinstance(value, list) and all(map(is_item, value))


def _is_words(value) -> bool:
    """Whether it is text with something in it; half a surrogate pair cannot be encoded."""
    return (
        isinstance(value, str)
        and bool(value.strip())
        and not any("\ud800" <= character <= "\udfff" for character in value)
    )


def _is_list_of_words(value) -> bool:
    return _is_list(value, _is_words)


def _is_message(value) -> bool:
    return (
        isinstance(value, dict)
        and value.get("role") in ROLES
        and isinstance(value.get("content"), str)
    )


def _is_nugget(value) -> bool:
    return (
        isinstance(value, dict)
        and _is_words(value.get("text"))
        and isinstance(value.get("vital", True), bool)
        and _is_list_of_words(value.get("aliases", []))
    )


def _shown(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _question(row: dict, number: int) -> Question:
    """Returns the record of a row without faults."""
    kind_of_question = row.get("type", "single")
    return Question(
        id=row.get("id", f"q{number}"),
        question=row["question"],
        type=kind_of_question,
        kind=row.get("kind", ""),
        history=tuple(
            Message(role=turn["role"], content=turn["content"]) for turn in row.get("history", [])
        ),
        answerable=row.get("answerable", kind_of_question != "unanswerable"),
        gold_pages=tuple(page.strip("/") for page in row.get("gold_pages", [])),
        gold_chunk_ids=tuple(row.get("gold_chunk_ids", [])),
        gold_urls=tuple(row.get("gold_urls", [])),
        nuggets=tuple(
            Nugget(
                text=nugget["text"],
                vital=nugget.get("vital", True),
                aliases=tuple(nugget.get("aliases", [])) or (nugget["text"],),
            )
            for nugget in row.get("nuggets", [])
        ),
        reference_answer=row.get("reference_answer", ""),
        must_not_contain=tuple(row.get("must_not_contain", [])),
    )
