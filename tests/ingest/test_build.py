"""Bringing an index to the state of a source."""

import json
import subprocess
import sys

import pytest
from lantern import CHUNKS, rows, write_table

from ingest.build import MANY, base_url, build, open_encoder, remove, repair
from ingest.reading import read
from rag import Chatbot
from rag.data import FootnoteError
from rag.encoder import has_bfloat16
from rag.index import Index
from rag.manifest import write_lock
from rag.stored import passage_id


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("built")
    table = write_table(folder / "lantern.jsonl")
    steps = []
    result = build(read(str(table)), folder / "index", progress=lambda *step: steps.append(step))
    return result, Index.open(folder / "index"), steps


def changed_copy(built, tmp_path, table_rows):
    """Ingests other rows under the same name into a fresh index that held the original."""
    table = write_table(tmp_path / "lantern.jsonl")
    build(read(str(table)), tmp_path / "index")
    table.write_text("".join(json.dumps(row) + "\n" for row in table_rows))
    return build(read(str(table)), tmp_path / "index"), Index.open(tmp_path / "index")


def test_everything_is_counted(built):
    result, index, _ = built
    assert result.read == len(rows())
    assert result.kept == result.embedded == len(index) == len(CHUNKS)
    assert result.left_out == {"exact repeats": 1}
    source = index.manifest["sources"]["lantern.jsonl"]
    assert source["complete"]
    assert source["base_url"] == "https://lantern.test/docs/"
    assert source["passages"] == len(CHUNKS)


def test_a_repeats_other_place_stays_findable(built):
    _, index, _ = built
    passage = index.passage("99_0_0")
    assert passage == index.passage("8_0_0")
    assert [place.url for place in passage.repeats] == [
        "https://lantern.test/docs/testing/#brokers"
    ]


def test_progress_adds_up(built):
    _, _, steps = built
    embedding = [(done, total) for step, done, total in steps if step == "embedding"]
    assert sum(done for done, _ in embedding) == len(CHUNKS)
    assert {total for _, total in embedding} == {len(CHUNKS)}


def test_unchanged_writes_nothing(built, tmp_path):
    result, _ = changed_copy(built, tmp_path, rows())
    assert (result.embedded, result.moved, result.removed) == (0, 0, 0)


def test_only_what_changed(built, tmp_path):
    table = rows()
    table[3] = table[3] | {"chunk": "A failed task is never retried in this version of Lantern."}
    del table[5]
    result, index = changed_copy(built, tmp_path, table)
    assert (result.embedded, result.moved, result.removed) == (1, 0, 2)
    assert "never retried" in index.passage("3_0_0").text
    with pytest.raises(FootnoteError):
        index.passage("5_0_0")


def test_renumbered_chunks_embed_nothing(built, tmp_path):
    renumbered = [row | {"chunk_id": f"9{row['chunk_id']}"} for row in rows()]
    result, index = changed_copy(built, tmp_path, renumbered)
    assert (result.embedded, result.moved, result.removed) == (0, len(CHUNKS), 0)
    assert index.passage("93_0_0").text == CHUNKS[3][2]
    assert not any(lost for _, lost in index.unfound())


def test_a_repeat_that_vanishes_is_forgotten(built, tmp_path):
    result, index = changed_copy(built, tmp_path, rows()[:-1])
    assert (result.embedded, result.moved, result.removed) == (0, 1, 0)
    assert index.passage("8_0_0").repeats == ()


def test_a_text_of_another_source_is_not_embedded_again(tmp_path):
    class Counting:
        def __init__(self, encoder):
            self.name, self.texts = encoder.name, 0
            self.fingerprint, self.dimension = encoder.fingerprint, encoder.dimension
            self._encoder = encoder

        def encode(self, texts, progress=None):
            self.texts += len(texts)
            return self._encoder.encode(texts, progress)

    table = write_table(tmp_path / "lantern.jsonl")
    build(read(str(table)), tmp_path / "index")
    counting = Counting(open_encoder(tmp_path / "index", None))
    steps = []
    again = build(
        read(str(write_table(tmp_path / "copy.jsonl"))),
        tmp_path / "index",
        counting,
        lambda *step: steps.append(step),
    )
    assert (again.embedded, counting.texts) == (len(CHUNKS), 0)
    assert sum(done for step, done, _ in steps if step == "embedding") == len(CHUNKS)
    index = Index.open(tmp_path / "index")
    assert len(index) == 2 * len(CHUNKS)
    assert not any(lost for _, lost in index.unfound())


def test_remove_takes_out_one_source(tmp_path):
    for name in ("one.jsonl", "two.jsonl"):
        build(read(str(write_table(tmp_path / name))), tmp_path / "index")
    assert remove("one.jsonl", tmp_path / "index") == len(CHUNKS)
    index = Index.open(tmp_path / "index")
    assert list(index.manifest["sources"]) == ["two.jsonl"]
    assert len(index) == len(index.words.ids()) == len(CHUNKS)
    with pytest.raises(FootnoteError, match=r"no source 'one\.jsonl'; it has 'two\.jsonl'"):
        remove("one.jsonl", tmp_path / "index")


def test_an_index_without_its_last_source_answers_that_it_knows_nothing(tmp_path):
    build(read(str(write_table(tmp_path / "one.jsonl"))), tmp_path / "index")
    remove("one.jsonl", tmp_path / "index")
    answer = Chatbot.open(tmp_path / "index").ask("How often is a task retried?")
    assert (answer.abstained, answer.hits, answer.confidence) == (True, (), 0.0)


def test_repair_writes_what_was_lost(tmp_path):
    table = write_table(tmp_path / "lantern.jsonl")
    build(read(str(table)), tmp_path / "index")
    index = Index.open(tmp_path / "index")
    passages = list(index.all_passages())
    with write_lock(tmp_path / "index"):
        index.words.change([], [passage_id(passages[2]), passage_id(passages[3])])
    assert repair(tmp_path / "index") == 2
    assert not any(lost for _, lost in Index.open(tmp_path / "index").unfound())


def test_the_index_keeps_its_embedder(tmp_path):
    table = write_table(tmp_path / "lantern.jsonl")
    build(read(str(table)), tmp_path / "index")
    code = (
        "import sys; from rag import Chatbot; bot = Chatbot.open(sys.argv[1]);"
        "assert bot.ask('How often is a task retried?').citations;"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "index"], check=True)


def test_two_sources_side_by_side(tmp_path):
    table = write_table(tmp_path / "lantern.jsonl")
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps(rows()[0] | {"chunk": "Another library altogether."}) + "\n")
    build(read(str(table)), tmp_path / "index")
    build(read(str(other)), tmp_path / "index")
    assert len(Index.open(tmp_path / "index")) == len(CHUNKS) + 1


def test_many_passages_get_nearly_the_vectors_of_few(tmp_path, tiny_embedder):
    lines = [
        json.dumps(rows()[0] | {"chunk": f"Lantern number {n} hangs.", "chunk_id": f"{n}_0"}) + "\n"
        for n in range(MANY)
    ]
    found = {}
    for count in (50, MANY):
        (tmp_path / "t.jsonl").write_text("".join(lines[:count]))
        build(read(str(tmp_path / "t.jsonl")), tmp_path / f"{count}", str(tiny_embedder))
        index = Index.open(tmp_path / f"{count}")
        found[count] = index.candidates(sorted(Index.open(tmp_path / "50").ids()))
    few, many = (dict(zip(f.ids, f.vectors, strict=True)) for f in found.values())
    cosines = [float(few[name] @ many[name]) for name in few]
    assert len(cosines) == 50
    assert min(cosines) > 0.999
    if has_bfloat16():  # elsewhere they are the same
        assert min(cosines) < 1 - 1e-6


def test_a_faulty_source_loses_nothing(tmp_path):
    table = write_table(tmp_path / "lantern.jsonl")
    build(read(str(table)), tmp_path / "index")
    with table.open("a") as file:
        file.write('{"chunk": 3}\n')
    with pytest.raises(FootnoteError):
        build(read(str(table)), tmp_path / "index")
    assert len(Index.open(tmp_path / "index")) == len(CHUNKS)


def test_a_faulty_first_source_leaves_no_folder(tmp_path):
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(FootnoteError):
        build(read(str(tmp_path / "bad.jsonl")), tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_stopped_in_the_middle_it_goes_on_where_it_was(tmp_path):
    table = write_table(tmp_path / "lantern.jsonl")

    def stop_after_embedding(step, done, total):
        if step == "checking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(read(str(table)), tmp_path / "index", progress=stop_after_embedding)
    with pytest.raises(FootnoteError, match="not finished"):
        Index.open(tmp_path / "index")
    result = build(read(str(table)), tmp_path / "index")
    assert (result.kept, result.embedded) == (len(CHUNKS), 0)
    assert len(Index.open(tmp_path / "index")) == len(CHUNKS)


def test_another_embedder_is_refused(tmp_path, tiny_embedder):
    table = write_table(tmp_path / "lantern.jsonl")
    build(read(str(table)), tmp_path / "index", str(tiny_embedder))
    with pytest.raises(FootnoteError, match="made with the embedder"):
        build(read(str(table)), tmp_path / "index", "sentence-transformers/all-MiniLM-L6-v2")
    assert build(read(str(table)), tmp_path / "index").embedded == 0


def test_a_second_writer_is_refused(tmp_path):
    table = write_table(tmp_path / "lantern.jsonl")
    with write_lock(tmp_path / "index"), pytest.raises(FootnoteError, match="another process"):
        build(read(str(table)), tmp_path / "index")


@pytest.mark.parametrize(
    ("urls", "base"),
    [
        (["https://h/d/en/a#x", "https://h/d/en/b/c/"], "https://h/d/en/"),
        (["https://h/d/en/pipe", "https://h/d/en/pipeline"], "https://h/d/en/"),
        (["https://h/d/en/a/#one", "https://h/d/en/a/#two"], "https://h/d/en/"),
    ],
)
def test_base_url(urls, base):
    assert base_url(urls) == base
