"""A model's tokens, as they come -> pieces of text."""

from typing import Any


class Detokenizer:
    """The text of one answer; its pieces joined are the text of all its tokens.

    transformers' own TextStreamer decodes each line by itself, and tokenizers of the kind that
    Llama 2 and Mistral have then drop a space of every line's indentation. Here all the tokens
    are decoded each time (512 of them: tens of milliseconds an answer).
    """

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._given = 0

    def more(self, tokens: list[int]) -> str:
        """What these tokens add."""
        self._tokens.extend(tokens)
        # A character of several tokens decodes to replacement marks until it is whole.
        return self._beyond(self._decoded().rstrip("\ufffd"))

    def rest(self) -> str:
        """What was held back."""
        return self._beyond(self._decoded())

    def _decoded(self) -> str:
        return self._tokenizer.decode(
            self._tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )

    def _beyond(self, text: str) -> str:
        new, self._given = text[self._given :], max(self._given, len(text))
        return new
