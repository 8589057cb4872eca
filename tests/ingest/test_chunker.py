"""Pieces are small, whole and well formed, whatever the text."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunker import FENCE, LIMIT, split


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
    # The characters of the text appear in order; only repeated fences may stand between them.
    characters = iter("".join("".join(pieces).split()))
    assert all(character in characters for character in "".join(text.split()))
    if not re.search("`|~", text):
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
    for text in ("- item\n" * 50_000, "\n" * 100_000 + "end", "y" * 500_000, "```\nz\n" * 50_000):
        split(text)
    assert time.monotonic() - start < 20
