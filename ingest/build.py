"""Passages into an index: what changed is embedded and written, what vanished is removed.

The order makes it safe to stop anywhere: the source is read to its end before anything is
written, and the manifest, which says that a source is complete, comes last. This module knows
nothing of where passages come from or how they are stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ingest.reading import Reading
from rag.data import FootnoteError, Passage, Place
from rag.encoder import DEFAULT_MODEL, SentenceEncoder
from rag.index import Index, base_url, passage_hash, passage_id, read_manifest, write_lock

# Called with the step, how many more are done, and how many there are (None: not known).
Progress = Callable[[str, int, int | None], None]

# Passages embedded and written at a time: enough to sort by length, few enough that an
# interrupted ingest loses little.
ROUND = 1024
# Passages looked up by their own vector after writing; `footnote info --check` does all.
CHECKED = 1000


@dataclass(frozen=True, slots=True)
class Built:
    """What an ingest did with a source, in passages; `left_out` is reason -> rows."""

    source: str
    read: int
    kept: int
    written: int
    removed: int
    left_out: dict[str, int]


def build(
    reading: Reading,
    folder: Path,
    embedder: str | None = None,
    progress: Progress = lambda *_: None,
) -> Built:
    """Brings the index in `folder` to the state of the source, and makes the index if need be.

    `embedder` is a hub id or path; by default the one the index was made with.

    Raises FootnoteError if the source is faulty or empty, the index is of another embedder or
    in use, or a passage is not found again after writing. Then no passage of another source is
    touched, and a later run goes on from what was written.
    """
    with write_lock(folder):
        passages, left_out = _fold_repeats(reading, progress)
        if not passages:
            raise FootnoteError(
                f"{reading.name}: no passage to ingest (left out: {dict(left_out) or 'nothing'})"
            )
        if embedder is None:
            has_index = (folder / "manifest.json").exists()
            embedder = read_manifest(folder)["embedder"]["name"] if has_index else DEFAULT_MODEL
        encoder = SentenceEncoder(embedder)
        index = Index.create(
            folder,
            {
                "name": embedder,
                "fingerprint": encoder.fingerprint,
                "dimension": encoder.dimension,
            },
        )
        known = index.hashes(reading.name)
        changed = [p for p in passages if known.get(passage_id(p)) != passage_hash(p)]
        gone = sorted(known.keys() - {passage_id(p) for p in passages})
        source = {
            "title": reading.title,
            "version": reading.version,
            "base_url": base_url(p.url for p in passages),
            "pages": len({p.url.partition("#")[0] for p in passages}),
            "passages": len(passages),
            "left_out": dict(left_out),
            "ingested": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        if changed or gone:
            index.begin(reading.name, source)
        for start in range(0, len(changed), ROUND):
            part = changed[start : start + ROUND]
            vectors = encoder.encode(
                [p.text for p in part],
                lambda done: progress("embedding", done, len(changed)),
            )
            index.put(part, vectors)
        index.remove(gone)
        _check(index, changed, progress)
        index.finish(reading.name, source)
    read = len(passages) + sum(left_out.values())
    return Built(reading.name, read, len(passages), len(changed), len(gone), dict(left_out))


def _fold_repeats(reading: Reading, progress: Progress) -> tuple[list[Passage], Counter[str]]:
    """Each distinct text once, the other places it stands at kept beside it."""
    first: dict[str, int] = {}
    passages: list[Passage] = []
    places: list[list[Place]] = []
    ids: set[str] = set()
    repeats = 0
    for passage in reading.passages:
        progress("reading", 1, reading.total)
        at = first.setdefault(passage.text, len(passages))
        if at < len(passages):
            places[at].append(Place(passage.chunk_id, passage.url))
            repeats += 1
        elif passage.chunk_id in ids:
            raise FootnoteError(
                f"{reading.name}: chunk id {passage.chunk_id!r} stands for two different texts: "
                "make it unique"
            )
        else:
            passages.append(replace(passage, source=reading.name))
            places.append([])
            ids.add(passage.chunk_id)
    left_out = reading.left_out + Counter({"exact repeats": repeats})
    folded = [
        replace(passage, repeats=tuple(also)) if also else passage
        for passage, also in zip(passages, places, strict=True)
    ]
    return folded, left_out


def _check(index: Index, written: list[Passage], progress: Progress) -> None:
    """Every written passage (or an even sample of many) must be found by its own vector."""
    step = max(1, len(written) // CHECKED)
    ids = [passage_id(p) for p in written[::step]]
    for done, lost in index.unfound(ids):
        progress("checking", done, len(ids))
        if lost:
            raise FootnoteError(
                f"{len(lost)} passages are not found by their own vectors, {lost[0]!r} first: "
                "remove the index folder and ingest again"
            )
