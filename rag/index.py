"""The passages on disk: a folder with a Chroma collection, a manifest and a lock.

    index/manifest.json   what is in it; written last, so that its presence means done
    index/chroma/         passages, metadata and vectors
    index/lock            held by the one process that writes

This is the only module that imports chromadb. It knows nothing of models: vectors come in and
hits go out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rag.data import FootnoteError, Hit, Passage, Place

FORMAT = 1
COLLECTION = "passages"
BATCH = 2000  # passages a call; Chroma's cap is 5,461
# How far a passage's own vector may lie from itself and still count as found: float32 rounding.
SELF_HIT_DISTANCE = 1e-4


class Index:
    """An index folder. Any number of processes read it, one at a time writes (`write_lock`)."""

    def __init__(self, folder: Path, manifest: dict[str, Any]):
        """Use `Index.open` or `Index.create`."""
        self.folder = folder
        self.manifest = manifest
        self._collection = _collection(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Index:
        """The index in that folder.

        Raises FootnoteError if the folder is missing, holds no finished index, or holds one
        that this version cannot read.
        """
        folder = Path(folder)
        return cls(folder, read_manifest(folder))

    @classmethod
    def create(cls, folder: str | Path, embedder: dict[str, Any]) -> Index:
        """The index in that folder, made if there is none; to be called under `write_lock`.

        `embedder` has `name`, `fingerprint` and `dimension`. Raises FootnoteError if the index
        was made with another embedder.
        """
        folder = Path(folder)
        if (folder / "manifest.json").exists():
            index = cls.open(folder)
            index.check_embedder(embedder)
            return index
        return cls(folder, {"format": FORMAT, "embedder": embedder, "sources": {}})

    def check_embedder(self, embedder: dict[str, Any]) -> None:
        """Raises FootnoteError if the index's vectors were made with another embedder."""
        ours = self.manifest["embedder"]
        if ours["fingerprint"] != embedder["fingerprint"]:
            raise FootnoteError(
                f"the index at {str(self.folder)!r} was made with the embedder {ours['name']} "
                f"({ours['fingerprint']}), not {embedder['name']} ({embedder['fingerprint']}): "
                "use that one, or ingest into a new folder"
            )

    def __len__(self) -> int:
        """The number of passages."""
        return self._collection.count()

    def query(self, vector: np.ndarray, k: int) -> list[Hit]:
        """The k nearest passages to a unit vector of shape (dimension,), best first."""
        found = self._collection.query(
            query_embeddings=[vector],
            n_results=max(1, min(k, len(self))),
            include=["documents", "metadatas", "distances"],
        )
        rows = zip(found["documents"][0], found["metadatas"][0], found["distances"][0], strict=True)
        # Chroma's cosine distance is 1 - cosine; from here on it is a similarity.
        return [Hit(_passage(text, meta), 1.0 - distance) for text, meta, distance in rows]

    def passage(self, chunk_id: str) -> Passage:
        """The passage with that chunk id, or the one that stands for it as its repeat.

        Raises FootnoteError if there is none.
        """
        found = self._collection.get(where={"chunk_id": chunk_id}, limit=1)
        if not found["ids"]:
            found = self._collection.get(where={"repeat_ids": {"$contains": chunk_id}}, limit=1)
        if not found["ids"]:
            raise FootnoteError(f"no passage {chunk_id!r} in the index at {str(self.folder)!r}")
        return _passage(found["documents"][0], found["metadatas"][0])

    def base_url(self, passage: Passage) -> str:
        """The address that all pages of the passage's source have in common."""
        return self.manifest["sources"][passage.source]["base_url"]

    def hashes(self, source: str) -> dict[str, str]:
        """What each of the source's passages is made of: id in the collection -> hash."""
        found = self._collection.get(where={"source": source}, include=["metadatas"])
        return {i: meta["hash"] for i, meta in zip(found["ids"], found["metadatas"], strict=True)}

    def unfound(self, ids: Sequence[str] | None = None) -> Iterator[tuple[int, list[str]]]:
        """Looks each passage up by its own vector; by default all of them.

        Yields, batch by batch, how many were looked up and the ids of those that did not come
        back as the nearest (or as near as the nearest).
        """
        ids = self._collection.get(include=[])["ids"] if ids is None else list(ids)
        for start in range(0, len(ids), 500):
            batch = ids[start : start + 500]
            stored = self._collection.get(ids=batch, include=["embeddings"])
            found = self._collection.query(
                query_embeddings=stored["embeddings"], n_results=1, include=["distances"]
            )
            lost = [
                i
                for i, near, far in zip(
                    stored["ids"], found["ids"], found["distances"], strict=True
                )
                if not near or (near[0] != i and far[0] > SELF_HIT_DISTANCE)
            ]
            yield len(batch), lost + sorted(set(batch) - set(stored["ids"]))

    def put(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        """Adds or replaces passages; `vectors` are unit, shape (len(passages), dimension).

        Like the other methods that change the index, to be called under `write_lock` only.
        """
        for start in range(0, len(passages), BATCH):
            part = passages[start : start + BATCH]
            self._collection.upsert(
                ids=[passage_id(p) for p in part],
                documents=[p.text for p in part],
                metadatas=[_metadata(p) for p in part],
                embeddings=vectors[start : start + BATCH],
            )

    def remove(self, ids: Sequence[str]) -> None:
        """Takes passages out, by their ids in the collection."""
        for start in range(0, len(ids), BATCH):
            self._collection.delete(ids=list(ids[start : start + BATCH]))

    def begin(self, name: str, source: dict[str, Any]) -> None:
        """Marks a source as being written. An index that never was complete stays without a
        manifest, so that nobody takes it for one."""
        if (self.folder / "manifest.json").exists():
            self._enter(name, source | {"complete": False})

    def finish(self, name: str, source: dict[str, Any]) -> None:
        """Enters the source into the manifest as complete."""
        self._enter(name, source | {"complete": True})

    def _enter(self, name: str, source: dict[str, Any]) -> None:
        self.manifest["sources"][name] = source
        draft = self.folder / "manifest.tmp"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(self.manifest, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / "manifest.json")


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
    if not is_index and {path.name for path in folder.iterdir()} - {"lock"}:
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
            (folder / "lock").unlink(missing_ok=True)
            folder.rmdir()


def passage_id(passage: Passage) -> str:
    """The passage's id in the collection; chunk ids are unique within a source only."""
    return f"{passage.source}\n{passage.chunk_id}"


def passage_hash(passage: Passage) -> str:
    """A hash over everything the index keeps of a passage: equal means nothing to write."""
    content: list[Any] = [passage.text, passage.url, passage.title, passage.headings]
    content.append([(place.chunk_id, place.url) for place in passage.repeats])
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def base_url(urls: Iterable[str]) -> str:
    """The folder address that all the URLs have in common: `https://host/docs/en/`."""
    pages = [url.partition("#")[0].rstrip("/") for url in urls]
    shared = os.path.commonprefix(pages)  # noqa: RUF071 - character by character is meant
    # A page's own name is not part of the base, even when there is one page only.
    return shared[: shared.rfind("/") + 1]


def _collection(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings
    from chromadb.errors import ChromaError

    try:
        client = chromadb.PersistentClient(
            str(folder / "chroma"), Settings(anonymized_telemetry=False)
        )
        return client.get_or_create_collection(
            COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
        )
    except (ChromaError, ValueError, OSError) as error:
        raise FootnoteError(f"cannot open the passages in {str(folder)!r}: {error}") from error


def _metadata(passage: Passage) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "source": passage.source,
        "chunk_id": passage.chunk_id,
        "url": passage.url,
        "title": passage.title,
        "hash": passage_hash(passage),
    }
    if passage.headings:  # Chroma refuses empty lists
        metadata["headings"] = list(passage.headings)
    if passage.repeats:
        metadata["repeat_ids"] = [place.chunk_id for place in passage.repeats]
        metadata["repeat_urls"] = [place.url for place in passage.repeats]
    return metadata


def _passage(text: str, metadata: dict[str, Any]) -> Passage:
    places = zip(metadata.get("repeat_ids", ()), metadata.get("repeat_urls", ()), strict=True)
    return Passage(
        chunk_id=metadata["chunk_id"],
        url=metadata["url"],
        text=text,
        title=metadata["title"],
        headings=tuple(metadata.get("headings", ())),
        source=metadata["source"],
        repeats=tuple(Place(chunk_id, url) for chunk_id, url in places),
    )
