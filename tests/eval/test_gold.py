"""The gold of questions, looked up in a real index."""

import shutil

import pytest
from lantern import SITE

from eval.gold import find_gold, with_pages
from eval.questions import Question
from rag.index import Index


@pytest.fixture(scope="module")
def index(lantern):
    return Index.open(lantern)


def test_gold_chunks_are_the_gold_passages(index):
    gold = find_gold(index, [Question("q", "?", gold_pages=("tasks",), gold_chunk_ids=("3_0_0",))])
    [passage] = gold.passages["q"]
    assert "retried three times" in passage.text
    assert gold.missing == {}


def test_without_chunks_the_passages_of_the_pages_are(index):
    gold = find_gold(index, [Question("q", "?", gold_pages=("tasks", "security"))])
    urls = [passage.url for passage in gold.passages["q"]]
    assert [url.split("#")[0] for url in urls] == [f"{SITE}tasks/"] * 3 + [f"{SITE}security/"]


def test_a_repeat_counts_at_each_of_its_places(index):
    asked = [
        Question("chunk", "?", gold_chunk_ids=("99_0_0",)),
        Question("page", "?", gold_pages=("testing",)),
    ]
    gold = find_gold(index, asked)
    assert gold.passages["chunk"] == gold.passages["page"]
    assert "memory broker" in gold.passages["page"][0].text
    assert gold.missing == {}


def test_what_is_missing_is_named(index):
    asked = [
        Question("half", "?", gold_pages=("tasks", "lost"), gold_chunk_ids=("3_0_0", "7_7_7")),
        Question("none", "?", type="unanswerable", answerable=False),
        Question("all", "?", gold_pages=("gone",)),
    ]
    gold = find_gold(index, asked)
    assert gold.missing == {"half": ("page lost", "chunk 7_7_7"), "all": ("page gone",)}
    assert gold.passages["none"] == gold.passages["all"] == ()


def test_urls_name_the_pages_where_none_are_named():
    asked = [
        Question("url", "?", gold_urls=(f"{SITE}tasks/#retries", f"{SITE}tasks/#timeouts")),
        Question("both", "?", gold_pages=("brokers",), gold_urls=(f"{SITE}tasks/",)),
        Question("foreign", "?", gold_urls=("https://elsewhere.test/a/b",)),
    ]
    pages = [question.gold_pages for question in with_pages(asked, ["https://lantern.test/", SITE])]
    assert pages == [("tasks",), ("brokers",), ("a/b",)]


def test_the_fingerprint_is_that_of_what_the_index_holds(index, lantern, tmp_path):
    copy = shutil.copytree(lantern, tmp_path / "copy")
    whole = find_gold(index, []).fingerprint
    other = Index.open(copy)
    assert find_gold(other, [Question("q", "?")]).fingerprint == whole
    other.remove(other.ids()[:1])
    assert find_gold(other, []).fingerprint != whole
