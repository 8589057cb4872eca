"""The passages on disk: what is written is found again, and what is not an index is said."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rag.data import FootnoteError, Passage, Place
from rag.index import Index
from rag.manifest import write_lock
from rag.stored import passage_hash, passage_id

EMBEDDER = {"name": "made-up", "fingerprint": "f00d", "dimension": 8}
SOURCE = {"base_url": "https://h.test/docs/", "passages": 20}


def some_passages(count=20, source="s"):
    return [
        Passage(
            f"{n}_0",
            f"https://h.test/docs/page{n}#top",
            f"text {n}",
            "Title",
            ("A", "B"),
            source,
            (Place(f"r{n}", "https://h.test/docs/other"),) if n % 2 else (),
        )
        for n in range(count)
    ]


def some_vectors(count=20):
    vectors = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "index"
    with write_lock(folder):
        index = Index.create(folder, EMBEDDER)
        index.put(some_passages(), some_vectors())
        index.finish("s", SOURCE)
    return folder


def test_what_goes_in_comes_out(folder):
    index = Index.open(folder)
    passages, vectors = some_passages(), some_vectors()
    assert len(index) == 20
    for passage, vector in zip(passages, vectors, strict=True):
        near = index.nearest(vector, 3)
        assert next(iter(near)) == passage_id(passage)
        assert next(iter(near.values())) == pytest.approx(1, abs=1e-5)
        assert list(near.values()) == sorted(near.values(), reverse=True)
        assert index.passages(list(near))[0] == passage
    expected = np.sort(vectors @ vectors[0])[::-1][:5]
    np.testing.assert_allclose(list(index.nearest(vectors[0], 5).values()), expected, atol=1e-5)
    assert sorted(index.all_passages("s"), key=str) == sorted(passages, key=str)


def test_more_asked_for_than_there_is(folder):
    assert len(Index.open(folder).nearest(some_vectors()[0], 100)) == 20


def test_words_find_passages(folder):
    words = Index.open(folder).words
    found = words.query(dict.fromkeys(words.terms("Which text is 7?"), 1.0), 20)
    assert next(iter(found)) == passage_id(some_passages()[7])
    assert len(found) == 20
    # Title and headings are words of the passage as well.
    assert len(words.query({"titl": 1.0}, 20)) == 20


def test_candidates_know_their_vectors_and_pages(folder):
    found = Index.open(folder).candidates([passage_id(p) for p in some_passages()[2:4]] + ["s\nno"])
    by_id = dict(zip(found.ids, zip(found.vectors, found.pages, strict=True), strict=True))
    for n in (2, 3):
        vector, pages = by_id.pop(passage_id(some_passages()[n]))
        np.testing.assert_allclose(vector, some_vectors()[n], atol=1e-6)
        other = ("https://h.test/docs/other",) if n % 2 else ()
        assert pages == (f"https://h.test/docs/page{n}", *other)
    assert not by_id


def test_a_passage_by_its_id_or_a_repeat_of_it(folder):
    index = Index.open(folder)
    assert index.passage("3_0") == index.passage("r3") == some_passages()[3]
    with pytest.raises(FootnoteError, match="'nope'"):
        index.passage("nope")


def test_two_sources_may_use_the_same_chunk_ids(folder):
    with write_lock(folder):
        index = Index.create(folder, EMBEDDER)
        index.put(some_passages(5, "t"), some_vectors(5))
        index.finish("t", SOURCE)
    index = Index.open(folder)
    assert len(index) == 25
    assert len(dict(index.hashes("s"))) == 20
    assert len(dict(index.hashes("t"))) == 5
    shared = index.known_vectors(some_passages(7, "u"))
    assert len(shared) == 7
    np.testing.assert_allclose(
        shared[passage_id(some_passages(1, "u")[0])], some_vectors()[0], atol=1e-6
    )


def test_remove(folder):
    index = Index.open(folder)
    with write_lock(folder):
        index.remove([passage_id(p) for p in some_passages()[:4]])
    again = Index.open(folder)
    assert len(again) == len(again.words.ids()) == 16


def test_update_leaves_text_and_vector(folder):
    index = Index.open(folder)
    before = some_passages()[3]
    after = replace(before, chunk_id="new", url="https://h.test/docs/moved", repeats=())
    with write_lock(folder):
        index.update([after])
    again = Index.open(folder)
    assert again.passage("new") == after
    assert dict(again.hashes("s"))[passage_id(after)] == passage_hash(after)
    assert next(iter(again.nearest(some_vectors()[3], 1))) == passage_id(before)
    for gone in ("3_0", "r3"):
        with pytest.raises(FootnoteError):
            again.passage(gone)


def test_words_are_brought_to_the_state_of_the_passages(folder):
    index = Index.open(folder)
    missing = [passage_id(p) for p in some_passages()[:3]]
    index.words.change([("s\nextra", "what nobody wrote")], missing)
    checked = list(index.unfound())
    assert sorted(lost for _, batch in checked for lost in batch) == sorted(missing)
    assert index.mend() == (4, [])
    assert index.words.ids() == set(index.ids())
    assert index.mend() == (0, [])
    assert not [lost for _, batch in index.unfound() for lost in batch]


def test_every_passage_finds_itself(folder):
    checked = list(Index.open(folder).unfound())
    assert sum(count for count, _ in checked) == 20
    assert not any(lost for _, lost in checked)


def test_a_missing_passage_is_reported_as_not_found(folder):
    ((_, lost),) = Index.open(folder).unfound([passage_id(some_passages()[0]), "s\ngone"])
    assert lost == ["s\ngone"]


def test_another_embedder_is_refused(folder):
    with pytest.raises(FootnoteError, match="made with the embedder made-up"):
        Index.create(folder, EMBEDDER | {"fingerprint": "beef", "name": "other"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "manifest.json").unlink(), "not finished"),
        (lambda f: (f / "manifest.json").write_text("{"), "not an index's manifest"),
        (lambda f: (f / "manifest.json").write_text("[]"), "not an index's manifest"),
        (
            lambda f: (f / "manifest.json").write_text(
                json.dumps({"format": 99, "embedder": EMBEDDER, "sources": {}})
            ),
            "format 99",
        ),
        (lambda f: (f / "chroma" / "chroma.sqlite3").unlink(), "lost its passages"),
    ],
)
def test_a_damaged_index_says_what_is_wrong(folder, damage, message):
    damage(folder)
    with pytest.raises(FootnoteError, match=message):
        Index.open(folder)


def test_what_is_not_an_index(tmp_path):
    with pytest.raises(FootnoteError, match="no index at"):
        Index.open(tmp_path / "nothing")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FootnoteError, match="not an index"):
        Index.open(tmp_path)
    with pytest.raises(FootnoteError, match="holds other files"), write_lock(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(FootnoteError, match="is a file"), write_lock(tmp_path / "notes.txt"):
        pass
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_second_process_that_writes_is_refused(folder):
    script = (
        "import sys; from pathlib import Path; from rag.manifest import write_lock\n"
        "from rag.data import FootnoteError\n"
        "try:\n"
        "    with write_lock(Path(sys.argv[1])): print('written')\n"
        "except FootnoteError as error: print(error)"
    )
    command = [sys.executable, "-c", script, str(folder)]
    with write_lock(folder):
        held = subprocess.run(command, capture_output=True, text=True, timeout=60)
    free = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "another process is writing" in held.stdout
    assert free.stdout.strip() == "written"


def test_a_lock_that_wrote_nothing_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), write_lock(tmp_path / "new"):
        _ = 1 / 0
    assert not (tmp_path / "new").exists()
