"""The events of an answer -> plain values for the page, as often as a browser can show them.

This module knows nothing of HTTP or of how the page looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict
from typing import Any

from rag.data import Answer, Citation, Found, Hit, Thought
from ui.markdown import Growing, answer_html, place_name, safe_url, text_html

# Seconds between updates: a browser keeps up with this, token by token it does not.
BEAT = 0.1


def shown(
    events: Generator[Found | Thought | Citation | str | Answer, None, None],
    remember: Callable[[Answer], str],
) -> Iterator[dict[str, Any]]:
    """What the page is sent: `found`, `thought`, `note` and `text` as they come, and `answer` last.

    `remember` gives the answer the name under which people rate it.
    """
    growing, waiting, thought = Growing(), "", ""
    shown_at = 0.0
    for event in events:
        if isinstance(event, Found):
            yield {
                "event": "found",
                "searched": event.question,
                "seconds": event.seconds,
                "hits": [hit_row(hit) for hit in event.hits],
            }
            continue
        if isinstance(event, Citation):
            growing.notes.append(event)
            yield {"event": "note", **note_row(event)}
            continue
        if isinstance(event, Answer):
            yield {"event": "answer", "id": remember(event), **answer_row(event)}
            continue
        if isinstance(event, Thought):
            thought += event.text
        else:
            waiting += event
        if time.monotonic() - shown_at < BEAT:
            continue
        if waiting:
            finished, rest = growing.feed(waiting)
            yield {"event": "text", "finished": finished, "rest": rest}
            waiting = ""
        if thought:
            yield {"event": "thought", "text": thought}
            thought = ""
        shown_at = time.monotonic()


def answer_row(answer: Answer) -> dict[str, Any]:
    """The answer for the page: its HTML, what its footnotes rest on, and its plain text."""
    html, notes = answer_html(answer)
    return {
        "html": html,
        "notes": [note_row(note) for note in notes],
        "text": answer.text,
        "citations": [asdict(note) for note in answer.citations],
        "abstained": answer.abstained,
        "unread": answer.unread,
        "searched": answer.searched,
        "thought": text_html(answer.thought) if answer.thought else "",
        "timings": answer.timings,
    }


def note_row(note: Citation) -> dict[str, Any]:
    """What a footnote's number shows."""
    return asdict(note) | {"url": safe_url(note.url)}


def hit_row(hit: Hit) -> dict[str, Any]:
    """A passage for the page; `place` is its title and heading path."""
    passage = hit.passage
    return {
        "chunk_id": passage.chunk_id,
        "url": safe_url(passage.url),
        "place": place_name(passage),
        "text": passage.text,
    }
