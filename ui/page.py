"""The page as files: its frame with what is answered from, its style and its scripts.

Everything is read once, from the package's own folder; no request names a file. This module
knows nothing of servers or of answers.
"""

from __future__ import annotations

import json
import mimetypes
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

FOLDER = Path(__file__).parent / "static"
SHOWN = 4  # sources that are listed one by one


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is answered from: the sources of an index's manifest."""

    sources: dict[str, Any]

    @property
    def name(self) -> str:
        """The sources' names: "httpx and lantern"."""
        names = [source["title"] for source in self.sources.values()]
        if len(names) > SHOWN:
            names = [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more"]
        *first, last = names or ["nothing yet"]
        return f"{', '.join(first)} and {last}" if first else last

    @property
    def facts(self) -> list[str]:
        """A line for each source: pages, passages, version and date."""
        lines = []
        for source in list(self.sources.values())[:SHOWN]:
            facts = [
                source["title"] if len(self.sources) > 1 else "",
                f"version {source['version']}" if source["version"] else "",
                _counted(source["pages"], "page"),
                _counted(source["passages"], "passage"),
                _date(source["ingested"]),
            ]
            lines.append(" · ".join(fact for fact in facts if fact))
        return lines

    @property
    def versions(self) -> dict[str, str]:
        """The sources' versions by name; a source without one has its date."""
        return {
            name: source["version"] or source["ingested"] for name, source in self.sources.items()
        }


def start_page(corpus: Corpus, state: dict[str, Any]) -> str:
    """The page, with what it has to know to begin."""
    return _filled("index.html", corpus, state)


def login_page() -> str:
    """The page for those who have not logged in, which says nothing of what is behind it."""
    return (FOLDER / "login.html").read_text(encoding="utf-8")


def files() -> dict[str, tuple[bytes, str]]:
    """Style and scripts by name: their bytes and media types."""
    return {
        path.name: (path.read_bytes(), mimetypes.guess_type(path.name)[0] or "text/plain")
        for path in FOLDER.iterdir()
        if path.suffix in (".css", ".js", ".svg")
    }


def _filled(name: str, corpus: Corpus, state: dict[str, Any]) -> str:
    template = Template((FOLDER / name).read_text(encoding="utf-8"))
    # In a script element nothing but "</script" and "<!--" could end the JSON early.
    about = json.dumps({**state, "corpus": corpus.name}).replace("<", "\\u003c")
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in corpus.facts)
    return template.substitute(corpus=escape(corpus.name), facts=facts, about=about)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _date(ingested: str) -> str:
    """2026-11-23T05:06:52+00:00 -> read 23 November 2026"""
    if not ingested:
        return ""
    day = datetime.fromisoformat(ingested)
    return f"read {day.day} {day:%B %Y}"
