"""Words for the lexical index: names whole and in parts, nothing that breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.words import LONGEST, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torch.bfloat16", ["torch.bfloat16", "bfloat16", "torch", "bfloat", "16"]),
        ("AutoModelForCausalLM", ["automodelforcausallm", "auto", "model", "causal", "lm"]),
        ("--num-workers", ["num_workers", "num", "workers"]),
        ("device_map='auto'", ["device_map", "device", "map", "auto"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("The worker is not started.", ["worker", "started"]),
        ("Größe straße", ["größe", "straße"]),
        ("加载模型 now", ["加载", "载模", "模型", "now"]),
        ("...", []),
    ],
)
def test_words(text, expected):
    assert list(words(text)) == expected


def test_a_flag_and_its_parameter_are_one_name():
    assert next(words("--num-workers")) == next(words("num_workers=3"))


@given(st.text())
def test_words_are_short_lower_and_without_spaces(text):
    for word in words(text):
        assert word and len(word) <= LONGEST and not any(c.isspace() for c in word)


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=5))
def test_a_name_is_found_by_each_of_its_parts(parts):
    found = set(words("_".join(parts)))
    assert {word for part in parts for word in words(part)} <= found


def test_data_is_no_word():
    assert list(words("x" * 5000 + " end")) == ["end"]
