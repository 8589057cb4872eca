"""Pieces are small, whole and well formed, whatever the text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunker import FENCE, LIMIT, fenced, split


def paragraph(words: int) -> str:
    return " ".join(f"word{n}" for n in range(words))


def test_a_short_text_stays_as_it_is():
    text = "# Tea\n\nBoil water.\n\n    indented = True\n\n- one\n- two"
    assert split(text) == [text]


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n "])
def test_a_blank_text_has_no_pieces(text):
    assert split(text) == []


def test_whole_paragraphs_are_packed():
    texts = [paragraph(60) for _ in range(4)]  # about 420 characters each
    assert split("\n\n".join(texts)) == ["\n\n".join(texts[:2]), "\n\n".join(texts[2:])]


def test_indentation_at_the_start_of_a_piece_is_kept():
    assert split("\n\n    pour()\n    wait()\n") == ["    pour()\n    wait()"]


def test_code_that_fits_a_piece_is_not_cut():
    code = "```python\n" + "\n\n".join(f"step_{n} = {n}" for n in range(30)) + "\n```"
    pieces = split(f"{paragraph(100)}\n\n{code}\n\n{paragraph(100)}")
    assert code in pieces


def test_a_doctest_that_fits_a_piece_is_not_cut():
    doctest = "\n".join(f">>> pour({n})\n'cup {n}'" for n in range(20))
    pieces = split(f"{paragraph(110)}\n\n{doctest}\n\n{paragraph(110)}")
    assert doctest in pieces


def test_long_code_is_cut_at_lines_and_each_part_is_fenced():
    lines = [f"    cup_{n} = pour(tea, {n})  # keeps its indentation" for n in range(60)]
    pieces = split("\n".join(["```python", *lines, "```", "", "Drink it."]))
    assert len(pieces) > 2
    code = []
    for piece in pieces:
        body = piece.removesuffix("\n\nDrink it.").split("\n")
        assert (body[0], body[-1]) == ("```python", "```")
        code += body[1:-1]
    assert code == lines
    assert pieces[-1].endswith("\n```\n\nDrink it.")


def test_a_fence_that_is_never_closed_is_closed():
    assert split("Code:\n\n```sh\nmake tea") == ["Code:\n\n```sh\nmake tea\n```"]


def test_a_closing_fence_longer_than_the_opening_one_is_kept():
    pieces = split("\n".join(["```", "x" * LIMIT, "````"]))
    assert [piece.split("\n")[-1] for piece in pieces] == ["````", "````"]


def test_a_row_of_tildes_under_a_title_opens_no_code():
    text = f"Teapots\n~~~~~~~\n\n{paragraph(90)}\n\n{paragraph(90)}"
    assert not any("```" in piece or piece.endswith("~~~") for piece in split(text))


HEAD = "| cup | holds |\n|:---|---:|"
ROWS = [f"| cup {n} | {n} spoons of tea and some milk |" for n in range(60)]


def test_a_table_that_fits_a_piece_is_not_cut():
    table = "\n".join([HEAD, *ROWS[:15]])
    assert table in split(f"{paragraph(100)}\n\n{table}\n\n{paragraph(100)}")


def test_a_long_table_is_cut_between_rows_and_each_part_has_its_head():
    pieces = split("\n".join(["All cups:", HEAD, *ROWS, "", "Drink."]))
    assert len(pieces) > 2
    rows = []
    for piece in pieces:
        body = piece.removeprefix("All cups:\n").removesuffix("\n\nDrink.")
        head, rule, *some = body.split("\n")
        assert f"{head}\n{rule}" == HEAD
        rows += some
    assert rows == ROWS
    assert pieces[0].startswith("All cups:\n") and pieces[-1].endswith("\n\nDrink.")


def test_a_table_without_outer_bars_is_one():
    pieces = split("\n".join(["cup | holds", "- | -", *(row.strip("| ") for row in ROWS)]))
    assert len(pieces) > 2
    assert all(piece.startswith("cup | holds\n- | -\n") for piece in pieces)


def test_a_head_that_would_fill_the_piece_is_not_repeated():
    head = f"| {'cup ' * 200}| b |\n|---|---|"
    pieces = split("\n".join([head, *ROWS]))
    assert [piece for piece in pieces if "|---|" in piece] == pieces[:1]


def test_a_table_in_code_is_code():
    text = "\n".join(["```", HEAD, *ROWS, "```"])
    assert [piece.count("|:---|") for piece in split(text)].count(1) == 1


@pytest.mark.parametrize("code", ["x", "```\nx\n```", "  ````py\n  ````", "a `b` c"])
def test_fenced_code_is_one_block_whatever_is_in_it(code):
    block = fenced(f"{code}\n\n{'x' * (LIMIT - 60)}", "md")
    assert split(f"{paragraph(20)}\n\n{block}\n\n{paragraph(20)}")[1:-1] == [block]


def test_parameters_are_cut_between_not_inside():
    entries = [f"    cup_{n} (`int`):\n        {paragraph(20)}" for n in range(20)]
    for piece in split("Args:\n" + "\n".join(entries)):
        assert piece.removeprefix("Args:\n").split("\n")[0].startswith("    cup_")


def test_one_endless_word_is_cut():
    pieces = split("x" * (3 * LIMIT + 1))
    assert [len(piece) for piece in pieces] == [LIMIT, LIMIT, LIMIT, 1]


def test_a_long_line_is_cut_at_spaces():
    text = paragraph(1000)
    assert " ".join(split(text)) == text


LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.text(alphabet="ab `~>-#1.\n", max_size=60),
        st.sampled_from(
            ["", "```", "```py", "    ```", "~~~", "````", ">>> tea()", "- item", "# T"]
        ),
        st.sampled_from(["| a | b |", "|---|---|", "a|b", "- | -"]),
        st.integers(1, 2500).map(lambda n: "x" * n),
        st.integers(1, 700).map(lambda n: "ab " * n),
        st.integers(1, 1500).map(lambda n: " " * n + "end"),
    ),
    max_size=60,
).map("\n".join)


@given(LINES)
def test_nothing_is_lost_or_reordered_and_sizes_are_bounded(text):
    pieces = split(text)
    assert all(0 < len(piece) <= LIMIT for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    # The characters of the text appear in order; only repeated fences and heads of tables may
    # stand between them.
    characters = iter("".join("".join(pieces).split()))
    assert all(character in characters for character in "".join(text.split()))
    if not re.search(r"`|~|\|", text):
        assert "".join("".join(pieces).split()) == "".join(text.split())


@given(LINES)
def test_every_fence_in_a_piece_is_closed_in_it(text):
    for piece in split(text):
        fence = ""
        for line in piece.split("\n"):
            if fence:
                marker = line.strip()
                closed = marker.startswith(fence) and not marker.strip(fence[0])
                fence = "" if closed else fence
            elif opened := FENCE.fullmatch(line):
                fence = opened[2]
        assert not fence


def test_a_large_text_takes_no_more_than_a_moment():
    start = time.monotonic()
    for text in (
        "- item\n" * 50_000,
        "\n" * 100_000 + "end",
        "y" * 500_000,
        "```\nz\n" * 50_000,
        "|a|\n|-|\n" * 50_000,
    ):
        split(text)
    assert time.monotonic() - start < 20
