"""Variants in a TOML file: what is read of them, and the table of their runs."""

from pathlib import Path

import pytest

from eval.gold import find_gold, with_pages
from eval.questions import Question
from eval.run import evaluate
from eval.sweep import Variant, read_variants, table
from rag import Chatbot
from rag.data import FootnoteError
from rag.index import Index

USUAL = Variant("", Path("index"), generator="usual/model")


def variants(tmp_path, text):
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return read_variants(path, USUAL)


def test_what_a_variant_leaves_out_is_as_usual(tmp_path):
    found = variants(
        tmp_path, '[as-it-is]\n[reranked]\nreranker = "r"\nindex = "other"\nstrict = true\n'
    )
    assert found == [
        Variant("as-it-is", Path("index"), "usual/model"),
        Variant("reranked", Path("other"), "usual/model", reranker="r", strict=True),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no variants"),
        ("[a\n", "is not TOML"),
        ('index = "x"\n', r"index stands outside of any variant: write \[NAME\]"),
        ("[a]\ndepth = 3\n", r"\[a\] sets depth; known are index, generator"),
        ("[a]\nindex = 3\n", r"\[a\] index must be text, not 3"),
        ("[a]\nstrict = 1\n", r"\[a\] strict must be true or false, not 1"),
        ('["../a"]\n', "cannot name a folder"),
        ('[".."]\n', "cannot name a folder"),
    ],
)
def test_a_fault_is_said_in_one_line(tmp_path, text, said):
    with pytest.raises(FootnoteError, match=said) as caught:
        variants(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FootnoteError, match="cannot read the variants"):
        read_variants(tmp_path / "settings.toml", USUAL)


def test_one_table_of_all_variants(tmp_path, lantern):
    bot = Chatbot.open(lantern)
    bases = [source["base_url"] for source in bot.info()["sources"].values()]
    questions = with_pages(
        [
            Question("a", "Which port does the dashboard use?", gold_chunk_ids=("10_0_0",)),
            Question("b", "How are messages signed?", gold_chunk_ids=("12_0_0",)),
        ],
        bases,
    )
    gold = find_gold(Index.open(lantern), questions)
    runs = {name: tmp_path / name for name in ("one", "two")}
    for folder in runs.values():
        evaluate(bot, questions, gold, folder)
    grid = table(runs)
    assert grid.header == ["", "one", "two"]
    rows = {row[0].value: [one.value for one in row[1:]] for row in grid.rows}
    assert all(first == second for first, second in rows.values())  # deterministic
    assert not any("*" in first + second for first, second in rows.values())
    assert rows["chunk hit@1"] == ["1.00", "1.00"]
