"""Chat messages -> a stream of text, by a local model or a server.

This module knows nothing of passages, prompts or citations.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from rag.data import FootnoteError, Message

NEW_TOKENS = 512  # at most, an answer
# A server does not say how many tokens it reads: what nearly all have, and a cautious estimate
# of the characters a token stands for.
SERVER_CONTEXT = 8192
CHARACTERS_A_TOKEN = 3
SERVER_TIMEOUT = 120.0  # seconds without a sign of life

Pieces = Generator[str, None, None]


class ChatModel(Protocol):
    """A language model as the answerer sees it."""

    name: str
    room: int  # tokens of prompt that leave room for the answer

    def count(self, messages: list[Message]) -> int:
        """The messages' length in tokens, the chat template's included."""

    def stream(self, messages: list[Message], stop: threading.Event) -> Pieces:
        """The answer's text as it is written; it ends soon after `stop` is set or it is closed.

        Raises FootnoteError if generation fails.
        """


def load_generator(model: str, device_map: str = "auto") -> ChatModel:
    """The generator for a hub id, a path, or the URL of an OpenAI-style server.

    Raises FootnoteError if the model cannot be loaded or the server does not answer.
    """
    if model.startswith(("http://", "https://")):
        return ServedModel(model)
    return LocalModel(model, device_map)


class LocalModel:
    """A chat model through transformers' text-generation pipeline; greedy."""

    def __init__(self, model: str, device_map: str = "auto"):
        """Loads the model; raises FootnoteError if it is missing or no chat model."""
        from transformers import GenerationConfig, pipeline

        if os.sep in model and not Path(model).exists() and model.count("/") != 1:
            raise FootnoteError(f"no model at {model!r}: the folder does not exist")
        try:
            self._pipeline: Any = pipeline(
                "text-generation",
                model=model,
                device_map=device_map,
                dtype="auto",
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise FootnoteError(
                f"cannot load the model {model!r}: {_first_line(error)} (it needs a chat model's "
                "hub id or folder, with weights in safetensors)"
            ) from error
        self.name = model
        self._tokenizer: Any = self._pipeline.tokenizer
        if self._tokenizer is None or not self._tokenizer.chat_template:
            raise FootnoteError(f"the model {model!r} has no chat template: choose a chat model")
        self._system = self._takes_system_role()
        self._settings = self._greedy(GenerationConfig)
        config = self._pipeline.model.config
        context = getattr(config.get_text_config(), "max_position_embeddings", SERVER_CONTEXT)
        self.room = context - min(NEW_TOKENS, context // 4)
        # A model writes one answer at a time; the others wait for their turn.
        self._turn = threading.Lock()

    def count(self, messages: list[Message]) -> int:
        """The prompt's length in the model's own tokens."""
        tokens = self._tokenizer.apply_chat_template(
            self._fitting(messages), add_generation_prompt=True, return_dict=True
        )
        return len(tokens["input_ids"])

    def stream(self, messages: list[Message], stop: threading.Event) -> Pieces:
        """The answer's text; the first piece comes with the model's first word."""
        from transformers import StoppingCriteria, TextStreamer

        pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        ended = threading.Event()

        class Words(TextStreamer):
            def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
                pieces.put(text)

        class Stop(StoppingCriteria):
            def __call__(self, *_: Any, **__: Any) -> bool:
                return stop.is_set() or ended.is_set()

        def generate() -> None:
            try:
                with self._turn:
                    self._pipeline(
                        self._fitting(messages),
                        generation_config=self._settings,
                        streamer=Words(self._tokenizer, skip_prompt=True, skip_special_tokens=True),
                        stopping_criteria=[Stop()],
                    )
                pieces.put(None)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                pieces.put(error)

        thread = threading.Thread(target=generate, daemon=True)
        thread.start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise FootnoteError(
                        f"the model {self.name!r} failed: {_first_line(piece)}"
                    ) from piece
                if piece:
                    yield piece
        finally:
            ended.set()
            thread.join()

    def _fitting(self, messages: list[Message]) -> list[Message]:
        """The messages, the system's put before the first user's where there is no such role."""
        if self._system or messages[0]["role"] != "system":
            return messages
        system, first, *rest = messages
        merged = f"{system['content']}\n\n{first['content']}"
        return [{"role": first["role"], "content": merged}, *rest]

    def _takes_system_role(self) -> bool:
        from jinja2 import TemplateError

        trial = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
        try:
            text = self._tokenizer.apply_chat_template(trial, tokenize=False)
        except TemplateError:
            return False
        return "s" in text

    def _greedy(self, config_class: type) -> Any:
        """Greedy settings with the model's own special tokens, and no leftovers of sampling."""
        own = self._pipeline.model.generation_config
        end = own.eos_token_id if own.eos_token_id is not None else self._tokenizer.eos_token_id
        padding = own.pad_token_id if own.pad_token_id is not None else self._tokenizer.pad_token_id
        if padding is None:
            padding = end[0] if isinstance(end, list) else end
        return config_class(
            do_sample=False,
            max_new_tokens=NEW_TOKENS,
            bos_token_id=own.bos_token_id,
            eos_token_id=end,
            pad_token_id=padding,
        )


class ServedModel:
    """A chat model behind an OpenAI-style server: transformers serve, vLLM, llama.cpp, Ollama."""

    room = SERVER_CONTEXT - NEW_TOKENS

    def __init__(self, url: str):
        """Speaks to the model named after a `#` in the URL, or else to the first listed.

        Raises FootnoteError if the server does not answer or lists no model.
        """
        import httpx
        from huggingface_hub import InferenceClient

        address, _, named = url.partition("#")
        self._url = address.rstrip("/")
        try:
            listed = httpx.get(f"{self._url}/models", timeout=SERVER_TIMEOUT)
            listed.raise_for_status()
            self.name = named or str(listed.json()["data"][0]["id"])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as error:
            raise FootnoteError(
                f"no OpenAI-style server that lists a model at {self._url}: {_first_line(error)} "
                "(http://host/v1#NAME names one that is not listed)"
            ) from error
        self._client = InferenceClient(base_url=self._url, timeout=SERVER_TIMEOUT)

    def count(self, messages: list[Message]) -> int:
        """An estimate, from the number of characters."""
        return sum(len(m["content"]) for m in messages) // CHARACTERS_A_TOKEN + 8 * len(messages)

    def stream(self, messages: list[Message], stop: threading.Event) -> Pieces:
        """The answer's text as the server sends it."""
        from httpx import HTTPError
        from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError

        try:
            answer = self._client.chat_completion(
                [dict(message) for message in messages],
                model=self.name,
                stream=True,
                temperature=0,
                max_tokens=NEW_TOKENS,
            )
            for part in answer:
                if stop.is_set():
                    return
                for choice in part.choices:
                    if choice.delta.content:
                        yield choice.delta.content
        except (HfHubHTTPError, InferenceTimeoutError, HTTPError, OSError, ValueError) as error:
            raise FootnoteError(
                f"the server at {self._url} failed: {_first_line(error)}"
            ) from error


def _first_line(error: BaseException) -> str:
    """What an error says in one line, and what it is if it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
