"""What a passage is known by in the index."""

from dataclasses import replace

from rag.data import Passage, Place
from rag.stored import content_id, metadata_of, passage_from, passage_hash

PASSAGE = Passage(
    "1_0",
    "https://h.test/wick#trim",
    "Cut the wick.",
    title="Wick",
    headings=("Care", "Trim"),
    source="s",
    repeats=(Place("2_0", "https://h.test/oil", "Oil", ("Care",)),),
)


def test_hash_covers_all_that_is_kept():
    passage = PASSAGE
    changes = [
        {"text": "x"}, {"url": "https://h.test/x"}, {"title": "x"}, {"headings": ("A",)},
        {"repeats": ()},
    ]  # fmt: skip
    hashes = {passage_hash(replace(passage, **change)) for change in changes}
    assert len(hashes | {passage_hash(passage)}) == len(changes) + 1


def test_what_a_passage_says_does_not_depend_on_where():
    passage = PASSAGE
    same = replace(passage, chunk_id="x", url="https://h.test/x", repeats=())
    assert content_id(same) == content_id(passage)
    others = [
        replace(passage, **change) for change in ({"text": "x"}, {"title": "x"}, {"headings": ()})
    ]
    assert len({content_id(other) for other in [passage, *others]}) == 4


def test_a_passage_comes_back_whole():
    for passage in (PASSAGE, replace(PASSAGE, title="", headings=(), repeats=())):
        assert passage_from(passage.text, metadata_of(passage)) == passage
