"""Pieces are small, whole and well formed, whatever the text."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunker import LEAST, LIMIT, LONGEST, fenced, opens, split, weight
from ingest.tokens import size


def paragraph(share: float) -> str:
    """A paragraph that fills about this share of a piece."""
    return " ".join(["word"] * round(share * LIMIT))


def letters(share: float) -> str:
    """One word, of so many tokens that it fills about this share of a piece."""
    return "我" * round(share * LIMIT)


def test_a_short_text_stays_as_it_is():
    text = "# Tea\n\nBoil water.\n\n    indented = True\n\n- one\n- two"
    assert split(text) == [text]


@pytest.mark.parametrize("text", ["", "\n", "  \n\t\n "])
def test_a_blank_text_has_no_pieces(text):
    assert split(text) == []


def test_whole_paragraphs_are_packed():
    texts = [paragraph(0.45) for _ in range(4)]
    assert split("\n\n".join(texts)) == ["\n\n".join(texts[:2]), "\n\n".join(texts[2:])]


def test_indentation_at_the_start_of_a_piece_is_kept():
    assert split("\n\n    pour()\n    wait()\n") == ["    pour()\n    wait()"]


def test_code_that_fits_a_piece_is_not_cut():
    code = "```python\n" + "\n\n".join(f"step_{n} = {n}" for n in range(LIMIT // 8)) + "\n```"
    pieces = split(f"{paragraph(0.7)}\n\n{code}\n\n{paragraph(0.7)}")
    assert code in pieces


def test_a_doctest_that_fits_a_piece_is_not_cut():
    doctest = "\n".join(f">>> pour({n})\n'cup {n}'" for n in range(LIMIT // 16))
    pieces = split(f"{paragraph(0.7)}\n\n{doctest}\n\n{paragraph(0.7)}")
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
    pieces = split("\n".join(["```", letters(1), "````"]))
    assert [piece.split("\n")[-1] for piece in pieces] == ["````", "````"]


def test_a_row_of_tildes_under_a_title_opens_no_code():
    text = f"Teapots\n~~~~~~~\n\n{paragraph(0.7)}\n\n{paragraph(0.7)}"
    assert not any("```" in piece or piece.endswith("~~~") for piece in split(text))


HEAD = "| cup | holds |\n|:---|---:|"
ROWS = [f"| cup {n} | {n} spoons of tea and some milk |" for n in range(60)]


def test_a_table_that_fits_a_piece_is_not_cut():
    table = "\n".join([HEAD, *ROWS[: LIMIT // 20]])
    assert table in split(f"{paragraph(0.7)}\n\n{table}\n\n{paragraph(0.7)}")


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
    head = f"| {paragraph(0.6)} | b |\n|---|---|"
    pieces = split("\n".join([head, *ROWS]))
    assert [piece for piece in pieces if "|---|" in piece] == pieces[:1]


def test_a_table_in_code_is_code():
    text = "\n".join(["```", HEAD, *ROWS, "```"])
    assert [piece.count("|:---|") for piece in split(text)].count(1) == 1


@pytest.mark.parametrize("code", ["x", "```\nx\n```", "  ````py\n  ````", "a `b` c"])
def test_fenced_code_is_one_block_whatever_is_in_it(code):
    block = fenced(f"{code}\n\n{letters(0.85)}", "md")
    assert split(f"{paragraph(0.2)}\n\n{block}\n\n{paragraph(0.2)}")[1:-1] == [block]


def test_parameters_are_cut_between_not_inside():
    entries = [f"    cup_{n} (`int`):\n        {paragraph(0.1)}" for n in range(20)]
    for piece in split("Args:\n" + "\n".join(entries)):
        assert piece.removeprefix("Args:\n").split("\n")[0].startswith("    cup_")


def test_one_endless_word_is_cut():
    pieces = split(letters(3) + "我")
    assert [len(piece) for piece in pieces] == [LIMIT, LIMIT, LIMIT, 1]


def test_a_word_too_long_for_the_tokenizer_is_cut_by_its_characters():
    pieces = split("x" * (2 * LONGEST))
    assert size("x" * LONGEST) == 1
    assert [len(piece) for piece in pieces] == [LONGEST - 1, LONGEST - 1, 2]


def test_what_introduces_code_that_is_cut_stays_with_it():
    lines = [f"cup_{n} = pour()" for n in range(LIMIT)]
    first, second, *_ = split("\n".join(["Pour often:", "", "```py", *lines, "```"]))
    assert first.startswith("Pour often:\n\n```py\ncup_0 =")
    assert second.startswith("```py\n")


@pytest.mark.parametrize("line", ["``` " + "!" * 75, "`" * 99 + "!"])
def test_a_fence_that_a_cut_could_not_repeat_is_text(line):
    assert opens("```python") == "```"
    assert not opens(line)


def test_what_fits_weighs_as_much_as_its_lines():
    text = f"{paragraph(0.2)}\n\n{' ' * 300}x\n\n"
    assert weight(f"{text}\n{text}") == 2 * weight(text)
    assert weight(" " * 79) == 10


def test_a_long_line_is_cut_at_spaces():
    text = " ".join(f"word{n}" for n in range(5 * LIMIT))
    assert " ".join(split(text)) == text


LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.text(alphabet="ab `~>-#1.\n", max_size=60),
        st.sampled_from(
            ["", "```", "```py", "    ```", "~~~", "````", ">>> tea()", "- item", "# T"]
        ),
        st.sampled_from(["| a | b |", "|---|---|", "a|b", "- | -"]),
        st.integers(1, 2 * LONGEST).map(lambda n: "x" * n),
        st.integers(1, 2 * LIMIT).map(lambda n: "茶を飲む。" * n),
        st.integers(1, 2 * LIMIT).map(lambda n: "차를 마셔요" * n),
        st.integers(1, 2 * LIMIT).map(lambda n: "🫖🍵" * n),
        st.integers(1, LIMIT).map(lambda n: "for cup in cups: cup.pour(tea[0], ml=200); " * n),
        st.integers(1, 2 * LIMIT).map(lambda n: "de ad be ef 00 7f " * n),
        st.integers(1, 2 * LIMIT).map(lambda n: "deadbeef+007f/" * n),
        st.integers(1, 2 * LIMIT).map(lambda n: "a\x00[SEP]e\u0301\x0b" * n),
        st.integers(1, 700).map(lambda n: "ab " * n),
        st.integers(1, 1500).map(lambda n: " " * n + "end"),
    ),
    max_size=30,
).map("\n".join)


@settings(deadline=None)
@given(LINES)
def test_nothing_is_lost_or_reordered_and_sizes_are_bounded(text):
    pieces = split(text)
    assert all(size(piece) <= LIMIT and len(piece) <= LONGEST for piece in pieces)
    assert all(piece.strip() for piece in pieces)
    # The characters of the text appear in order; only repeated fences and heads of tables may
    # stand between them.
    characters = iter("".join("".join(pieces).split()))
    assert all(character in characters for character in "".join(text.split()))
    if not re.search(r"`|~|\|", text):
        assert "".join("".join(pieces).split()) == "".join(text.split())


@settings(deadline=None)
@given(LINES, st.integers(0, LIMIT))
def test_less_room_is_kept_to(text, room):
    assert all(weight(piece) <= max(room, LEAST) for piece in split(text, room))


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4, 0.5, 0.6])
def test_a_heavy_head_leaves_room_for_its_rows(share):
    table = "\n".join([f"| {paragraph(share)} | b |", "|---|---|", *ROWS])
    for text in (table, f"Cups:\n\n{table}"):
        assert all(weight(piece) <= LEAST for piece in split(text, LEAST))


@settings(deadline=None)
@given(LINES)
def test_a_piece_is_not_cut_again(text):
    for piece in split(text):
        assert split(piece) == [piece]


@settings(deadline=None)
@given(LINES)
def test_every_fence_in_a_piece_is_closed_in_it(text):
    for piece in split(text):
        fence = ""
        for line in piece.split("\n"):
            if fence:
                marker = line.strip()
                closed = marker.startswith(fence) and not marker.strip(fence[0])
                fence = "" if closed else fence
            else:
                fence = opens(line)
        assert not fence


def test_a_large_text_takes_no_more_than_a_moment():
    start = time.monotonic()
    for text in (
        "- item\n" * 50_000,
        "\n" * 100_000 + "end",
        "y" * 500_000,
        "two words " * 50_000,
        "茶" * 200_000,
        "차" * 50_000,
        " " * 500_000 + "end",
        "```\nz\n" * 50_000,
        "|a|\n|-|\n" * 50_000,
    ):
        split(text)
    assert time.monotonic() - start < 20
