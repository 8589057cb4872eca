"""Pages as a site last gave them, on disk, so that the next run fetches only what has changed.

A file holds one address: a line of JSON, then the body. What does not read back whole is taken
for not there. This module knows nothing of HTTP beyond the names of the two validators.
"""

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stored:
    """A page's body and type, with the site's own marks of this version of it."""

    content_type: str
    etag: str
    last_modified: str
    body: bytes


def folder_for(origin: str) -> Path:
    """Where the pages of `origin` are kept: under FOOTNOTE_CACHE, or the user's cache folder."""
    chosen = os.environ.get("FOOTNOTE_CACHE")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (Path(chosen) if chosen else caches / "footnote") / "web" / _digest(origin.encode())[:16]


class PageCache:
    """The stored pages of one origin, in `folder`."""

    def __init__(self, folder: Path):
        self._folder = folder

    def find(self, url: str) -> Stored | None:
        """What is stored of `url`, None when nothing is or it is damaged."""
        try:
            head, _, body = self._file(url).read_bytes().partition(b"\n")
            entry = json.loads(head)
            sound = entry["url"] == url and entry["sha256"] == _digest(body)
            page = Stored(entry["content_type"], entry["etag"], entry["last_modified"], body)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return page if sound else None

    def keep(self, url: str, page: Stored) -> None:
        """Stores `page`, whole or not at all; a folder that cannot be written costs only time."""
        entry = {
            "url": url,
            "content_type": page.content_type,
            "etag": page.etag,
            "last_modified": page.last_modified,
            "sha256": _digest(page.body),
        }
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(json.dumps(entry).encode() + b"\n" + page.body)
                Path(name).replace(self._file(url))
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def _file(self, url: str) -> Path:
        return self._folder / _digest(url.encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
