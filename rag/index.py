"""The passages on disk: a folder with a Chroma collection and a lexical index beside it.

    index/manifest.json   what is in it; a source is entered as complete last of all
    index/chroma/         passages, metadata and vectors: all that cannot be made anew
    index/lexical/        the passages' words
    index/encoder/        the embedder, in the form that needs no torch
    index/lock            held by the one process that writes

This is the only module that imports chromadb. It knows nothing of models or of ranking: vectors
and words come in, passages with their cosines and BM25 scores go out.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from rag.data import FootnoteError, Passage, page_address
from rag.lexical import LexicalIndex
from rag.manifest import FORMAT, manifest_stamp, read_manifest, write_manifest
from rag.stored import content_id, metadata_of, passage_from, passage_id, searched_words

COLLECTION = "passages"
BATCH = 2000  # passages a call; Chroma's cap is 5,461
PATIENCE = 5.0  # seconds in which a writer should be done with its files
# How far a passage's own vector may lie from itself and still count as found, and its length from
# one.
ROUNDING = 1e-4


@dataclass(frozen=True, slots=True)
class Candidates:
    """Passages that may be hits, without their texts: `ids`, `vectors` of shape (len(ids),
    dimension) and for each the `pages` (URLs without fragment) that its text stands on, its own
    first."""

    ids: list[str]
    vectors: np.ndarray
    pages: list[tuple[str, ...]]


class Index:
    """An index folder. Any number of processes read it, one at a time writes (`write_lock`)."""

    def __init__(self, folder: Path, manifest: dict[str, Any]):
        """Use `Index.open` or `Index.create`."""
        self.folder = folder
        self.manifest = manifest
        self.words = LexicalIndex(folder / "lexical")
        self._connections = [_Connection(folder)]
        self._stamp = manifest_stamp(folder)
        self._refreshing = Lock()

    @classmethod
    def open(cls, folder: str | Path) -> Index:
        """The index in that folder.

        Raises FootnoteError if the folder is missing, holds no finished index, or holds one
        that this version cannot read.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        sources = manifest["sources"].values()
        if sources and not any(source["ingested"] for source in sources):
            raise FootnoteError(
                f"the index at {str(folder)!r} is not finished: run its ingest again, it goes on "
                "where it stopped"
            )
        index = cls(folder, manifest)
        if index._is_broken():  # unless another process was writing just then
            time.sleep(1)  # looked at once more only: files cut short may crash Chroma
            index.reconnect()
        if index._is_broken():
            raise index._damaged()
        return index

    @classmethod
    def create(cls, folder: str | Path, embedder: dict[str, Any]) -> Index:
        """The index in that folder, made if there is none; to be called under `write_lock`.

        `embedder` has `name`, `fingerprint` and `dimension`. Raises FootnoteError if the index
        was made with another embedder.
        """
        folder = Path(folder)
        if (folder / "manifest.json").exists():
            index = cls(folder, read_manifest(folder))
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

    @property
    def is_complete(self) -> bool:
        """Whether every source is; one that is being written or was stopped is not."""
        return all(source["complete"] for source in self.manifest["sources"].values())

    def refresh(self) -> None:
        """Sees what another process has written since, once it is complete; costs a look at a file
        where none has."""
        stamp = manifest_stamp(self.folder)
        if stamp == self._stamp or not self._refreshing.acquire(blocking=False):
            return
        try:
            self.manifest = read_manifest(self.folder)
            self._stamp = stamp
            # While a source is being written Chroma's vector files may be in pieces; when it is
            # complete the manifest changes again.
            if self.is_complete:
                self.reconnect()
        finally:
            self._refreshing.release()

    def reconnect(self) -> None:
        """Reads anew what Chroma has in the folder; it keeps what it knows of it for as long as
        a connection lives."""
        # Searches of other threads may be at work in the one before, but hardly in one older.
        self._connections = [_Connection(self.folder), *self._connections[:1]]

    @property
    def _collection(self) -> Any:
        return self._connections[0].collection

    def __len__(self) -> int:
        """The number of passages."""
        return self._collection.count()

    def nearest(self, vector: np.ndarray, n: int) -> dict[str, float]:
        """The ids of the n passages nearest to a unit vector of shape (dimension,), best first,
        with their cosines.

        Raises FootnoteError if the vectors cannot be read.
        """
        from chromadb.errors import ChromaError
        from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

        # Chroma writes its vector files in place: a connection made meanwhile finds them in pieces.
        again = Retrying(
            retry=retry_if_exception_type(ChromaError),
            wait=wait_fixed(0.5),
            stop=stop_after_delay(PATIENCE),
            before_sleep=lambda _: self.reconnect(),
            reraise=True,
        )
        try:
            found = again(self._nearest, vector, n)
        except ChromaError as error:
            raise self._damaged() from error
        # Chroma's cosine distance is 1 - cosine; from here on it is a similarity.
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return {name: 1.0 - distance for name, distance in pairs}

    def _nearest(self, vector: np.ndarray, n: int) -> Any:
        return self._collection.query(query_embeddings=[vector], n_results=n, include=["distances"])

    def candidates(self, ids: Sequence[str]) -> Candidates:
        """What ranking needs to know of the passages with those ids; unknown ids are left out."""
        if not ids:  # Chroma refuses none
            return Candidates([], np.empty((0, self.manifest["embedder"]["dimension"])), [])
        found = self._with_vectors(ids)
        places = [(meta["url"], *meta.get("repeat_urls", ())) for meta in found["metadatas"]]
        pages = [tuple(dict.fromkeys(map(page_address, urls))) for urls in places]
        return Candidates(found["ids"], np.asarray(found["embeddings"]), pages)

    def _with_vectors(self, ids: Sequence[str]) -> dict[str, Any]:
        from chromadb.errors import ChromaError

        include = ["embeddings", "metadatas"]
        try:
            return self._collection.get(ids=list(ids), include=include)
        except ChromaError:
            # Another process is writing: some passages are known by their words already, but
            # this one has not read their vectors. The others are asked for one by one.
            found: dict[str, Any] = {"ids": [], "embeddings": [], "metadatas": []}
            for name in ids:
                with suppress(ChromaError):
                    one = self._collection.get(ids=[name], include=include)
                    for kind, values in found.items():
                        values.extend(one[kind])
            found["embeddings"] = np.array(found["embeddings"]).reshape(
                len(found["ids"]), self.manifest["embedder"]["dimension"]
            )
            return found

    def passages(self, ids: Sequence[str]) -> list[Passage]:
        """The passages with those ids, in that order; unknown ids are left out."""
        if not ids:  # Chroma refuses none
            return []
        found = self._collection.get(ids=list(ids), include=["documents", "metadatas"])
        rows = zip(found["ids"], found["documents"], found["metadatas"], strict=True)
        by_id = {name: passage_from(text, meta) for name, text, meta in rows}
        return [by_id[name] for name in ids if name in by_id]

    def passage(self, chunk_id: str) -> Passage:
        """The passage with that chunk id, or the one that stands for it as its repeat.

        Raises FootnoteError if there is none.
        """
        found = self._collection.get(where={"chunk_id": chunk_id}, limit=1)
        if not found["ids"]:
            found = self._collection.get(where={"repeat_ids": {"$contains": chunk_id}}, limit=1)
        if not found["ids"]:
            raise FootnoteError(f"no passage {chunk_id!r} in the index at {str(self.folder)!r}")
        return passage_from(found["documents"][0], found["metadatas"][0])

    def base_url(self, passage: Passage) -> str:
        """The address that all pages of the passage's source have in common."""
        return self.manifest["sources"][passage.source]["base_url"]

    def all_passages(self, source: str | None = None) -> Iterator[Passage]:
        """Every passage, or every one of a source, read a batch at a time."""
        ids = self.ids(source)
        for start in range(0, len(ids), BATCH):
            yield from self.passages(ids[start : start + BATCH])

    def ids(self, source: str | None = None) -> list[str]:
        """The ids of all passages, or of those of a source."""
        where = {"source": source} if source else None
        return self._collection.get(where=where, include=[])["ids"]

    def hashes(self, source: str) -> Iterator[tuple[str, str]]:
        """What each of the source's passages is made of: (id, hash) pairs."""
        ids = self.ids(source)
        for start in range(0, len(ids), BATCH):
            found = self._collection.get(ids=ids[start : start + BATCH], include=["metadatas"])
            for name, meta in zip(found["ids"], found["metadatas"], strict=True):
                yield name, meta["hash"]

    def known_vectors(self, passages: Sequence[Passage]) -> dict[str, np.ndarray]:
        """The vectors of those that another source holds already, by the passage's id."""
        ours = {
            f"{source}\n{content_id(passage)}": passage_id(passage)
            for passage in passages
            for source in self.manifest["sources"]
            if source != passage.source
        }
        if not ours:
            return {}
        found = self._collection.get(ids=list(ours), include=["embeddings"])
        pairs = zip(found["ids"], found["embeddings"], strict=True)
        return {ours[name]: np.asarray(vector) for name, vector in pairs}

    def unfound(self, ids: Sequence[str] | None = None) -> Iterator[tuple[int, list[str]]]:
        """Looks each passage up by its own vector and by its words; by default all of them.

        Yields, batch by batch, how many were looked up and the ids of those that did not come
        back as the nearest (or as near as the nearest), or whose words are not there.
        """
        known = self.words.ids()
        ids = self.ids() if ids is None else list(ids)
        for start in range(0, len(ids), 500):
            batch = ids[start : start + 500]
            stored = self._with_vectors(batch)
            lost = set(batch) - (set(_whole(stored)) & known)
            if stored["ids"]:
                found = self._collection.query(
                    query_embeddings=stored["embeddings"], n_results=1, include=["distances"]
                )
                rows = zip(stored["ids"], found["ids"], found["distances"], strict=True)
                lost |= {
                    name
                    for name, near, far in rows
                    if not near or (near[0] != name and far[0] > ROUNDING)
                }
            yield len(batch), sorted(lost)

    def put(self, passages: Sequence[Passage], vectors: np.ndarray) -> None:
        """Adds or replaces passages; `vectors` are unit, shape (len(passages), dimension).

        Like the other methods that change the index, to be called under `write_lock` only. The
        words come after the vectors: `mend` adds what a stop in between left out.
        """
        for start in range(0, len(passages), BATCH):
            part = passages[start : start + BATCH]
            with _writing(self.folder):
                self._collection.upsert(
                    ids=[passage_id(p) for p in part],
                    documents=[p.text for p in part],
                    metadatas=[metadata_of(p) for p in part],
                    embeddings=vectors[start : start + BATCH],
                )
                self.words.change((passage_id(p), searched_words(p)) for p in part)

    def update(self, passages: Sequence[Passage]) -> None:
        """Replaces all but texts and vectors: ids in the source, addresses, other places."""
        none = {"repeat_ids": None, "repeat_urls": None, "repeat_names": None}
        for start in range(0, len(passages), BATCH):
            part = passages[start : start + BATCH]
            with _writing(self.folder):
                self._collection.update(
                    ids=[passage_id(p) for p in part],
                    # What a passage no longer has is taken away by None.
                    metadatas=[none | metadata_of(p) for p in part],
                )

    def remove(self, ids: Sequence[str]) -> None:
        """Takes passages out, by their ids."""
        for start in range(0, len(ids), BATCH):
            part = list(ids[start : start + BATCH])
            with _writing(self.folder):
                self.words.change([], part)
                self._collection.delete(ids=part)

    def mend(self) -> tuple[int, list[str]]:
        """Brings the words to the state of the passages, after a run that was stopped.

        Returns how many were changed, and the ids of the passages whose vectors are lost: Chroma
        overwrites its vector files in place, so that a kill may leave them in pieces.
        """
        lost = self._lost_vectors()
        ids, known = set(self.ids()), self.words.ids()
        missing, extra = sorted(ids - known), sorted(known - ids)
        with _writing(self.folder):
            for start in range(0, len(missing), BATCH):
                part = self.passages(missing[start : start + BATCH])
                self.words.change((passage_id(p), searched_words(p)) for p in part)
            if extra:
                self.words.change([], extra)
        return len(missing) + len(extra), lost

    def _lost_vectors(self) -> list[str]:
        if self._is_broken():
            for path in (self.folder / "chroma").iterdir():
                if path.is_dir():  # the vector files; texts and metadata are in SQLite
                    shutil.rmtree(path)
            self._connections = [_Connection(self.folder)]
            return self.ids()
        ids = self.ids()
        whole: set[str] = set()
        for start in range(0, len(ids), BATCH):
            whole.update(_whole(self._with_vectors(ids[start : start + BATCH])))
        return [name for name in ids if name not in whole]

    def _is_broken(self) -> bool:
        """Whether Chroma cannot read its vector files."""
        from chromadb.errors import ChromaError

        try:
            self._collection.get(limit=1, include=["embeddings"])
        except ChromaError:
            return True
        return False

    def _damaged(self) -> FootnoteError:
        return FootnoteError(
            f"the vectors in {str(self.folder)!r} are damaged: mend the index with 'footnote info "
            f"--index {self.folder} --repair'"
        )

    def begin(self, name: str, source: Mapping[str, Any]) -> None:
        """Marks a source as being written; `ingested` stays the time when it last was complete,
        nothing for one that never was."""
        before = self.manifest["sources"].get(name, {"ingested": ""})
        self._enter(name, {**source, "complete": False, "ingested": before["ingested"]})

    def finish(self, name: str, source: Mapping[str, Any]) -> None:
        """Enters the source into the manifest as complete."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._enter(name, {**source, "complete": True, "ingested": now})

    def forget(self, name: str) -> None:
        """Takes the source out of the manifest."""
        del self.manifest["sources"][name]
        self._keep_manifest()

    def _enter(self, name: str, source: dict[str, Any]) -> None:
        self.manifest["sources"][name] = source
        self._keep_manifest()

    def _keep_manifest(self) -> None:
        with _writing(self.folder):
            write_manifest(self.folder, self.manifest)
        self._stamp = manifest_stamp(self.folder)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Makes one clear error of what Chroma, tantivy and the disk raise while they write."""
    from chromadb.errors import ChromaError

    try:
        yield
    except (ChromaError, OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise FootnoteError(
            f"cannot write to the index at {str(folder)!r} ({reason}): look for room and rights on "
            "the disk, then run the same command again; it goes on where it stopped"
        ) from error


def _whole(stored: Mapping[str, Any]) -> list[str]:
    """The ids whose vectors are of unit length, as all of ours are."""
    pairs = zip(stored["ids"], stored["embeddings"], strict=True)
    return [name for name, vector in pairs if abs(np.linalg.norm(vector) - 1) < ROUNDING]


class _Connection:
    """The collection in a folder by a Chroma client of its own, closed when nobody holds it."""

    _count = count()

    def __init__(self, folder: Path):
        import chromadb
        from chromadb.config import Settings
        from chromadb.errors import ChromaError

        # Clients of one path share all that Chroma has read of it; of another spelling they don't.
        path = f"{folder}{'/.' * (next(self._count) % 100)}/chroma"
        try:
            self._client = chromadb.PersistentClient(path, Settings(anonymized_telemetry=False))
            self.collection = self._client.get_or_create_collection(
                COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )
        except (ChromaError, ValueError, OSError) as error:
            raise FootnoteError(f"cannot open the passages in {str(folder)!r}: {error}") from error

    def __del__(self) -> None:
        with suppress(Exception):  # at the end of the process its parts may be gone
            self._client.close()  # type: ignore[attr-defined]
