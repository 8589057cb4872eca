"""Passages into an index: what is new is embedded and written, what vanished is removed.

The order makes it safe to stop anywhere: the source is read to its end before anything is
written, and the manifest, which says that a source is complete, comes last. This module knows
nothing of where passages come from or how they are stored.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ingest.reading import Reading
from ingest.staging import Staging
from rag.data import FootnoteError, Passage, page_address
from rag.encoder import DEFAULT_MODEL, Encoder, has_bfloat16
from rag.exported import ExportedEncoder, export, is_exported
from rag.index import Index
from rag.manifest import read_manifest, write_lock
from rag.stored import context, passage_id

# Called with the step, how many more are done, and how many there are (None: not known).
Progress = Callable[[str, int, int | None], None]

# Passages embedded and written at a time: few enough that an interrupted ingest loses little.
ROUND = 1024
# Passages looked up by their own vector after writing; `footnote info --check` does all.
CHECKED = 1000
# From so many new passages on, the seconds that torch takes to load are made up for.
MANY = 5000
# How much of a passage's vector is that of its title and headings. Measured: see LOG.md.
HEADINGS = 0.4


@dataclass(frozen=True, slots=True)
class Built:
    """What an ingest did with a source, in passages; `left_out` is reason -> rows.

    `embedded` were new, `moved` kept their vectors and got another chunk id, address or other
    places, `removed` are no longer in the source.
    """

    source: str
    read: int
    kept: int
    embedded: int
    moved: int
    removed: int
    left_out: dict[str, int]


def build(
    reading: Reading,
    folder: Path,
    embedder: str | Encoder | None = None,
    progress: Progress = lambda *_: None,
) -> Built:
    """Brings the index in `folder` to the state of the source, and makes the index if need be.

    `embedder` is a hub id or path, or an encoder of the caller's own; by default the one the
    index was made with.

    Raises FootnoteError if the source is faulty or empty, the index is of another embedder or
    in use, or a passage is not found again after writing. Then no passage of another source is
    touched, and a later run goes on from what was written.
    """
    with write_lock(folder), Staging(reading.name) as staged:
        for passage in reading.passages:
            progress("reading", 1, reading.total)
            staged.add(passage)
        left_out = dict(reading.left_out + Counter({"exact repeats": staged.repeats}))
        if not len(staged):
            raise FootnoteError(
                f"{reading.name}: no passage to ingest (left out: {dict(reading.left_out)})"
            )
        encoder = open_encoder(folder, embedder)
        index = Index.create(
            folder,
            {
                "name": encoder.name,
                "fingerprint": encoder.fingerprint,
                "dimension": encoder.dimension,
            },
        )
        if not index.is_complete:
            _, lost = index.mend()
            _embed_again(index, encoder, lost, progress)
        staged.compare(index.hashes(reading.name))
        gone = staged.gone()
        total = staged.count_new()
        if total >= MANY:
            encoder = _sooner_done(encoder)
        moved = 0
        source = {
            "title": reading.title,
            "version": reading.version,
            "base_url": base_url(staged.urls()),
            "pages": len({page_address(url) for url in staged.urls()}),
            "passages": len(staged),
            "left_out": left_out,
        }
        if total or gone or next(staged.moved(), None):
            index.begin(reading.name, source)
        written: list[str] = []
        for part in _rounds(staged.new()):
            index.put(part, _vectors(index, encoder, part, total, progress))
            written += [passage_id(passage) for passage in part]
        for part in _rounds(staged.moved()):
            index.update(part)
            moved += len(part)
        index.remove(gone)
        _check(index, written, progress)
        index.finish(reading.name, source)
        return Built(
            source=reading.name,
            read=len(staged) + sum(left_out.values()),
            kept=len(staged),
            embedded=total,
            moved=moved,
            removed=len(gone),
            left_out=left_out,
        )


def base_url(urls: Iterable[str]) -> str:
    """The folder address that all the URLs have in common: `https://host/docs/en/`."""
    pages = [page_address(url).rstrip("/") for url in urls]
    shared = os.path.commonprefix(pages)  # noqa: RUF071 - character by character is meant
    # A page's own name is not part of the base, even when there is one page only.
    return shared[: shared.rfind("/") + 1]


def remove(name: str, folder: Path) -> int:
    """Takes a source out of the index and returns how many passages it had.

    Raises FootnoteError if the index has no such source. A stop in the middle leaves the source
    marked as not complete.
    """
    with write_lock(folder):
        index = Index(folder, read_manifest(folder))
        if name not in index.manifest["sources"]:
            known = ", ".join(map(repr, index.manifest["sources"])) or "none"
            raise FootnoteError(f"the index has no source {name!r}; it has {known}")
        ids = index.ids(name)
        index.begin(name, index.manifest["sources"][name])
        index.remove(ids)
        index.forget(name)
    return len(ids)


def repair(folder: Path, progress: Progress = lambda *_: None) -> int:
    """Embeds and writes again every passage that is not found by its vector or its words.

    Returns how many they were. Raises FootnoteError if some are not found even then.
    """
    with write_lock(folder):
        index = Index(folder, read_manifest(folder))
        encoder = open_encoder(folder, None)
        mended, lost = index.mend()
        _embed_again(index, encoder, lost, progress)
        unfound: list[str] = []
        for done, missed in index.unfound():
            progress("checking", done, len(index))
            unfound += missed
        _embed_again(index, encoder, unfound, progress)
        _check(index, unfound, progress)
    return mended + len(lost) + len(unfound)


def open_encoder(folder: Path, embedder: str | Encoder | None) -> Encoder:
    """The encoder that the index keeps, or else the model itself, kept for the next time.

    On a machine with a GPU passages are embedded by the model itself.
    """
    if embedder is not None and not isinstance(embedder, str):
        return embedder
    kept = folder / "encoder"
    has_index = (folder / "manifest.json").exists()
    made_with = read_manifest(folder)["embedder"] if has_index else {}
    name = embedder or made_with.get("name", DEFAULT_MODEL)
    # The device file, since torch takes seconds to tell whether there is a GPU.
    if is_exported(kept) and not Path("/dev/nvidiactl").exists():
        exported = ExportedEncoder(kept)
        if exported.name == name:
            return exported
    from rag.encoder import SentenceEncoder

    model = SentenceEncoder(name)
    if has_index and model.fingerprint != made_with["fingerprint"]:
        return model  # the index will refuse it
    exported_now = export(model, kept)
    return model if model.on_gpu or exported_now is None else exported_now


def _sooner_done(encoder: Encoder) -> Encoder:
    """The model itself in place of its export, on a processor where bfloat16 makes it faster.

    Its vectors have a cosine of .9999 with the others, and no development question
    finds other passages by them (LOG.md).
    """
    if not isinstance(encoder, ExportedEncoder) or not has_bfloat16():
        return encoder
    from rag.encoder import SentenceEncoder

    try:
        model = SentenceEncoder(encoder.name, bfloat16=True)
    except FootnoteError:  # it has moved, or there is no network
        return encoder
    return model if model.fingerprint == encoder.fingerprint else encoder


def _embed_again(index: Index, encoder: Encoder, ids: list[str], progress: Progress) -> None:
    for part in _rounds(index.passages(ids)):
        index.put(part, _vectors(index, encoder, part, len(ids), progress))


def _vectors(
    index: Index, encoder: Encoder, part: list[Passage], total: int, progress: Progress
) -> np.ndarray:
    """Unit vectors of the passages, shape (len(part), dimension): the text's, and a part of the
    vector of its title and headings. What another source has embedded already is taken over."""
    known = index.known_vectors(part)
    fresh = [passage for passage in part if passage_id(passage) not in known]
    progress("embedding", len(known), total)
    texts = encoder.encode(
        [passage.text for passage in fresh], lambda done: progress("embedding", done, total)
    )
    names = list(dict.fromkeys(context(passage) for passage in fresh))
    named = dict(zip(names, encoder.encode(names), strict=True))
    for passage, vector in zip(fresh, texts, strict=True):
        if name := context(passage):
            vector = vector + HEADINGS * named[name]
        known[passage_id(passage)] = vector / np.linalg.norm(vector)
    return np.array([known[passage_id(passage)] for passage in part])


def _rounds(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    left = iter(passages)
    while part := list(islice(left, ROUND)):
        yield part


def _check(index: Index, written: Sequence[str], progress: Progress) -> None:
    """Every written passage (or an even sample of many) must be found by its own vector."""
    ids = written[:: max(1, len(written) // CHECKED)]
    for done, lost in index.unfound(ids):
        progress("checking", done, len(ids))
        if lost:
            raise FootnoteError(
                f"{len(lost)} passages are not found again, {lost[0]!r} first: mend the index with "
                f"'footnote info --index {index.folder} --repair'"
            )
