"""What a thinking model thinks is told apart from what it says, however it comes."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.data import Thought
from rag.thoughts import told_apart


def read(raw: str, cuts=()) -> tuple[str, str]:
    edges = [0, *sorted(cuts), len(raw)]
    events = list(told_apart((raw[a:b] for a, b in pairwise(edges))))
    thought = "".join(event.text for event in events if isinstance(event, Thought))
    return thought, "".join(event for event in events if isinstance(event, str))


@pytest.mark.parametrize(
    ("raw", "thought", "text"),
    [
        ("Plain.", "", "Plain."),
        ("<think>Hm.</think>\n\nSo.", "Hm.", "So."),
        ("\n <think>\nHm.\n</think> So.", "\nHm.\n", "So."),
        ("<think></think>So.", "", "So."),
        ("<think>Hm. It goes on", "Hm. It goes on", ""),
        ("<think>a </thin", "a </thin", ""),
        ("Use <think> tags.", "", "Use <think> tags."),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("<thin", "", "<thin"),
        ("", "", ""),
    ],
)
def test_thought_and_text(raw, thought, text):
    assert read(raw) == read(raw, range(len(raw))) == (thought, text)


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", ">", "/", "a", " ", "\n"])).map("".join),
    st.data(),
)
def test_the_cuts_of_the_stream_change_nothing(raw, data):
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=20))
    assert read(raw, cuts) == read(raw)


def test_what_a_server_told_apart_stays_so():
    assert list(told_apart(piece for piece in [Thought("hm"), "So", "."])) == [
        Thought("hm"),
        "So",
        ".",
    ]


def test_closing_it_closes_the_pieces():
    closed = []

    def pieces():
        try:
            yield "a"
            yield "b"
        finally:
            closed.append(True)

    stream = told_apart(pieces())
    next(stream)
    stream.close()
    assert closed
