"""A chat model behind an OpenAI-style server, through huggingface_hub's client.

This module knows nothing of passages, prompts or citations.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from rag.data import FootnoteError, Message, Thought
from rag.generator import CONTEXT, GREEDY, NEW_TOKENS, Pieces, Sampling, first_line

CHARACTERS_A_TOKEN = 3  # a cautious estimate: a server does not count for us
KEY = "FOOTNOTE_API_KEY"  # the environment's variable with a server's key
TIMEOUT = 120.0  # seconds without a sign of life


class ServedModel:
    """A chat model behind an OpenAI-style server: transformers serve, vLLM, llama.cpp, Ollama."""

    room = CONTEXT - NEW_TOKENS

    def __init__(self, url: str, sampling: Sampling = GREEDY):
        """Speaks to the model named after a `#` in the URL, or else to the first listed, with the
        key in the environment's `FOOTNOTE_API_KEY`, if there is one.

        Raises FootnoteError if the server does not answer or lists no model.
        """
        from huggingface_hub import InferenceClient, get_session

        self._sampling = sampling
        # Without a header of ours the client would send the user's hub token to any server.
        headers = {"authorization": f"Bearer {os.environ.get(KEY, 'none').strip()}"}
        address, _, named = url.partition("#")
        self._url = address.rstrip("/")
        try:
            listed = get_session().get(f"{self._url}/models", timeout=TIMEOUT, headers=headers)
            listed.raise_for_status()
            self.name = named or str(listed.json()["data"][0]["id"])
        except Exception as error:  # the session's own types differ between versions
            raise FootnoteError(
                f"no OpenAI-style server that lists a model at {self._url}: {first_line(error)} "
                f"(http://host/v1#NAME names one that is not listed, {KEY} holds the server's key)"
            ) from error
        self._client = InferenceClient(base_url=self._url, timeout=TIMEOUT, headers=headers)

    def count(self, messages: list[Message]) -> int:
        """An estimate, from the number of characters."""
        return sum(len(m["content"]) for m in messages) // CHARACTERS_A_TOKEN + 8 * len(messages)

    def stream(self, messages: list[Message], stop: threading.Event) -> Pieces:
        """The answer's text as the server sends it."""
        try:
            answer = self._begun(messages)
            for part in answer:
                if stop.is_set():
                    return
                for choice in part.choices:
                    # Servers differ in where a thinking model's thought goes.
                    for field in ("reasoning_content", "reasoning"):
                        if thought := getattr(choice.delta, field, None):
                            yield Thought(thought)
                            break
                    if choice.delta.content:
                        yield choice.delta.content
        except Exception as error:  # the connection's own types differ between versions
            raise FootnoteError(f"the server at {self._url} failed: {first_line(error)}") from error

    def _begun(self, messages: list[Message]) -> Any:
        """The answer's stream; a server that is busy or starting is asked again, twice."""
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

        again = Retrying(
            stop=stop_after_attempt(3),
            wait=wait_exponential(multiplier=0.5),
            retry=retry_if_exception(_passes),
            reraise=True,
        )
        return again(
            self._client.chat_completion,
            [dict(message) for message in messages],
            model=self.name,
            stream=True,
            temperature=self._sampling.temperature,
            seed=self._sampling.seed,
            max_tokens=NEW_TOKENS,
        )


def _passes(error: BaseException) -> bool:
    """Whether it may be gone in a moment: no connection, or a status that says so."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    kinds = {kind.__name__ for kind in type(error).__mro__}  # of whichever HTTP library it uses
    return status in (429, 500, 502, 503, 504) or "ConnectError" in kinds
