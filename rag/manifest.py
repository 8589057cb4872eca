"""What an index folder says of itself, and the right to write to it.

    manifest.json   embedder and sources, each complete or not
    lock            held by the one process that writes

This module knows nothing of passages or vectors.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.data import FootnoteError

FORMAT = 2
# What a stop may leave in a new folder before anything is in the index.
OURS = {"lock", "encoder", "encoder.tmp", "lexical"}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the index in that folder; raises as `Index.open` does."""
    if not folder.exists():
        raise FootnoteError(
            f"no index at {str(folder)!r}: make one with 'footnote ingest SOURCE --index {folder}'"
        )
    path = folder / "manifest.json"
    if not path.is_file():
        if (folder / "chroma").is_dir():
            raise FootnoteError(
                f"the index at {str(folder)!r} is not finished: run its ingest again, it goes on "
                "where it stopped"
            )
        raise FootnoteError(f"{str(folder)!r} is not an index: it has no manifest.json")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        made_by = manifest["format"]
        manifest["embedder"]["fingerprint"], manifest["sources"]
    except (ValueError, KeyError, TypeError) as error:
        raise FootnoteError(f"{str(path)!r} is not an index's manifest") from error
    if made_by != FORMAT:
        raise FootnoteError(
            f"the index at {str(folder)!r} has format {made_by}, this version reads {FORMAT}: "
            "ingest into a new folder"
        )
    if not (folder / "chroma" / "chroma.sqlite3").is_file():
        raise FootnoteError(
            f"the index at {str(folder)!r} has lost its passages (no chroma/chroma.sqlite3): "
            "remove the folder and ingest again"
        )
    return manifest


@contextmanager
def write_lock(folder: Path) -> Iterator[None]:
    """Holds the right to write to the index in that folder; leaves no folder it made unused.

    Raises FootnoteError if another process holds it, or the folder holds something else or
    cannot be written.
    """
    from filelock import FileLock, Timeout

    if folder.is_file():
        raise FootnoteError(f"{str(folder)!r} is a file: an index needs a folder")
    made = not folder.exists()
    is_index = made or (folder / "manifest.json").exists() or (folder / "chroma").exists()
    if not is_index and {path.name for path in folder.iterdir()} - OURS:
        raise FootnoteError(f"{str(folder)!r} holds other files and no index: choose another")
    lock = FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FootnoteError(
            f"another process is writing to the index at {str(folder)!r}: wait until it is done"
        ) from error
    except OSError as error:
        raise FootnoteError(f"cannot write to {str(folder)!r}: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
        if made and not (folder / "chroma").exists():
            shutil.rmtree(folder)


def manifest_stamp(folder: Path) -> tuple[int, int]:
    """Another after each writing of the manifest: its inode and its time in nanoseconds."""
    try:
        about = (folder / "manifest.json").stat()
    except FileNotFoundError:
        return 0, 0
    return about.st_ino, about.st_mtime_ns


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Puts the manifest in the place of the one there; a stop leaves one or the other whole."""
    draft = folder / "manifest.tmp"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / "manifest.json")
