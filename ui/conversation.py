"""A conversation, as the page keeps it, -> a Markdown file with footnotes.

What comes in is what a browser sent and hostile like every text: it is checked for its form,
and nothing of it becomes HTML or a link other than its footnotes' web addresses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypedDict

from rag.data import FootnoteError
from ui.markdown import line_markdown, safe_url, text_markdown

TURNS = 500
CHARACTERS = 100_000  # of a text


class Note(TypedDict):
    """A footnote: `place` names its passage for people."""

    marker: int
    url: str
    place: str
    quote: str


class Turn(TypedDict):
    """A question and its answer."""

    question: str
    answer: str
    notes: list[Note]


def conversation_markdown(name: str, turns: Sequence[Turn]) -> str:
    """The file's text. The second answer's first footnote is called 2-1."""
    parts = [f"# {line_markdown(name)}"]
    for number, turn in enumerate(turns, 1):
        labels = {note["marker"]: f"[^{number}-{note['marker']}]" for note in turn["notes"]}
        body = re.sub(r" *(\[\^\d+-\d+\])", r"\1", text_markdown(turn["answer"], labels))
        parts += [f"## {line_markdown(turn['question'])}", body.strip()]
        parts += [
            f"{labels[note['marker']]}: {_link(note)} “{line_markdown(note['quote'])}”"
            for note in turn["notes"]
        ]
    return "\n\n".join(parts) + "\n"


def read_conversation(given: Any) -> tuple[str, list[Turn]]:
    """The name and turns of what a browser sent; raises FootnoteError for any other form."""
    if not isinstance(given, dict) or not isinstance(given.get("turns"), list):
        raise FootnoteError("not a conversation: it needs a name and turns")
    if len(given["turns"]) > TURNS:
        raise FootnoteError(f"the conversation has more than {TURNS} turns")
    turns: list[Turn] = [
        {
            "question": _text(turn, "question"),
            "answer": _text(turn, "answer"),
            "notes": [_note(note) for note in _list(turn, "notes")],
        }
        for turn in given["turns"]
    ]
    return _text(given, "name"), turns


def _note(note: Any) -> Note:
    marker = note.get("marker") if isinstance(note, dict) else None
    if not isinstance(marker, int):
        raise FootnoteError(f"a footnote's marker is {str(marker)[:40]!r}: it is a number")
    return {
        "marker": marker,
        "url": _text(note, "url"),
        "place": _text(note, "place"),
        "quote": _text(note, "quote"),
    }


def _text(row: Any, key: str) -> str:
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, str) or len(value) > CHARACTERS:
        raise FootnoteError(f"{key} is not a text of at most {CHARACTERS:,} characters")
    return value.encode("utf-8", "replace").decode("utf-8")


def _list(row: Any, key: str) -> list[Any]:
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, list):
        raise FootnoteError(f"{key} is not a list")
    return value


def _link(note: Note) -> str:
    address = safe_url(note["url"])
    name = line_markdown(note["place"])
    return f"[{name}]({address})" if address else name
