"""Conversations as Markdown files; what a browser sent may be anything."""

import pytest

from rag.data import FootnoteError
from ui.conversation import conversation_markdown, read_conversation

NOTE = {"marker": 1, "url": "https://docs.test/a#b", "place": "A › B", "quote": "It  is\nso."}


def test_a_conversation_with_footnotes():
    turns = [
        {"question": "Is it?", "answer": "It is. [1]\n\n```py\nx[1]\n```", "notes": [NOTE]},
        {"question": "Why?", "answer": "Not found in this documentation.", "notes": []},
    ]
    assert conversation_markdown("Is it?", turns) == (
        "# Is it?\n\n## Is it?\n\nIt is.[^1-1]\n\n```py\nx[1]\n```\n\n"
        "[^1-1]: [A › B](https://docs.test/a#b) “It is so.”\n\n"
        "## Why?\n\nNot found in this documentation.\n"
    )


def test_hostile_names_and_addresses_stay_text():
    note = NOTE | {"url": "javascript:alert(1)", "place": "[x](http://evil.test)<script>"}
    turns = [{"question": "<b>\n# x", "answer": "<script>[1]", "notes": [note]}]
    text = conversation_markdown("![x](http://evil.test)", turns)
    assert "javascript" not in text
    assert "<" not in text
    assert "](http" not in text.replace("\\]", "")
    assert "\n# x" not in text


GOOD = {"name": "n", "turns": [{"question": "q", "answer": "a", "notes": [NOTE]}]}


@pytest.mark.parametrize(
    "given",
    [
        [], {}, {"name": "n", "turns": {}}, {"name": 1, "turns": []}, {"name": "n", "turns": [1]},
        {"name": "n", "turns": [{"question": "q"}]},
        {"name": "n", "turns": [{"question": "q", "answer": "a", "notes": [{"marker": "1"}]}]},
        {"name": "n", "turns": [{"question": "q" * 100_001, "answer": "a", "notes": []}]},
        {"name": "n", "turns": GOOD["turns"] * 501},
    ],
)  # fmt: skip
def test_other_forms_are_refused(given):
    with pytest.raises(FootnoteError):
        read_conversation(given)


def test_the_form_is_read():
    assert read_conversation(GOOD) == ("n", GOOD["turns"])
