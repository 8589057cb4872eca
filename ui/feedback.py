"""What people think of answers: a file of JSON lines that is only ever added to.

Each line is a question as `footnote eval` reads it, with what was answered and what was said of
it: for an answer called good the passages it cites are its gold. The answers are those that this
process gave and remembers; nobody can make up another's. This module knows nothing of HTTP.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from rag import __version__
from rag.data import Answer, FootnoteError, Message

REMEMBERED = 2000  # answers that can be rated; a few KB each
COMMENT = 2000  # characters


@dataclass(frozen=True, slots=True)
class _Given:
    """An answer without the texts of its passages."""

    question: str
    history: tuple[Message, ...]
    answerer: str
    text: str
    abstained: bool
    cited: tuple[tuple[str, str], ...]  # chunk_id, url
    found: tuple[tuple[str, str], ...]


class Feedback:
    """The file, and the answers that can still be rated."""

    def __init__(self, path: Path, versions: dict[str, str]):
        """`versions` are those of the sources that are answered from, by name."""
        self._path = path
        self._versions = versions
        self._given: dict[str, _Given] = {}
        self._writing = threading.Lock()

    def remember(
        self, question: str, history: Sequence[Message], answer: Answer, answerer: str
    ) -> str:
        """The name under which the answer can be rated from now on."""
        name = uuid4().hex
        with self._writing:
            self._given[name] = _Given(
                question=question,
                history=tuple(history),
                answerer=answerer,
                text=answer.text,
                abstained=answer.abstained,
                cited=tuple((note.chunk_id, note.url) for note in answer.citations),
                found=tuple((hit.passage.chunk_id, hit.passage.url) for hit in answer.hits),
            )
            if len(self._given) > REMEMBERED:
                del self._given[next(iter(self._given))]
        return name

    def add(self, name: str, rating: Literal["up", "down"], comment: str = "") -> None:
        """Writes a line. A second one on the same answer stands beside the first, and is newer.

        Raises FootnoteError where the answer is not known (any more), the comment is overlong, or
        the file cannot be written.
        """
        given = self._given.get(name)
        if given is None:
            raise FootnoteError("this answer is from too long ago to rate: ask again")
        if rating not in ("up", "down"):
            raise FootnoteError(f"the rating is {rating!r}: say 'up' or 'down'")
        if len(comment) > COMMENT:
            raise FootnoteError(f"the comment has {len(comment):,} characters: at most {COMMENT:,}")
        line = json.dumps(self._row(name, given, rating, comment), ensure_ascii=True) + "\n"
        try:
            with self._writing:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(line)
        except OSError as error:
            raise FootnoteError(f"the feedback cannot be written: {error.strerror}") from error

    def _row(self, name: str, given: _Given, rating: str, comment: str) -> dict[str, Any]:
        good = given.cited if rating == "up" else ()
        return {
            "id": f"feedback-{uuid4().hex[:12]}",
            "type": "followup" if given.history else "single",
            "kind": f"feedback-{rating}",
            "question": given.question,
            "history": list(given.history),
            "gold_chunk_ids": [chunk_id for chunk_id, _ in good],
            "gold_urls": [url for _, url in good],
            "reference_answer": given.text if good else "",
            "rating": rating,
            "comment": comment,
            "answer_id": name,
            "answer": given.text,
            "abstained": given.abstained,
            "passages": [{"chunk_id": chunk_id, "url": url} for chunk_id, url in given.found],
            "answerer": given.answerer,
            "version": __version__,
            "sources": self._versions,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
