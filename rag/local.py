"""A chat model on this machine, through transformers.

This module knows nothing of passages, prompts or citations.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rag.batching import Batch
from rag.data import FootnoteError, Message
from rag.detokenizer import Detokenizer
from rag.generator import CONTEXT, GREEDY, NEW_TOKENS, Pieces, Sampling, first_line
from rag.thoughts import OPEN

THINKING = 4096  # at most, a thought and an answer, of models that always think
# Models that can think aloud (Qwen3) answer at once: a thought would take all of NEW_TOKENS. A
# chat template that knows no such switch ignores it.
TEMPLATE_SWITCHES = {"enable_thinking": False}
# What only sampling reads; beside greedy decoding transformers warns of each one left over.
ONLY_SAMPLING = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
)


class LocalModel:
    """A chat model through transformers' text-generation pipeline. Threads may share it.

    On one device the answers of several people are computed together (batching.py). Each waits for
    its turn where tokens are sampled, since chance that is shared cannot be had again from a seed,
    where a model cannot be batched, and where a prompt is too long for that.
    """

    def __init__(
        self,
        model: str,
        device_map: str = "auto",
        sampling: Sampling = GREEDY,
        together: bool | None = None,
    ):
        """Loads the model; `together` says how several are answered, whatever it runs on.

        Raises FootnoteError if the model is missing or no chat model.
        """
        from transformers import pipeline

        named, _, bits = model.partition("#")
        source, quantization = _checked(named), _quantization(bits)
        try:
            self._pipeline: Any = pipeline(
                "text-generation",
                model=source,
                device_map=device_map,
                dtype="auto",
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True, **quantization},
            )
        except Exception as error:  # each kind of broken model raises a type of its own
            raise FootnoteError(
                f"cannot load the model {model!r}: {first_line(error)} (it needs a chat model's "
                "hub id or folder, with weights in safetensors)"
            ) from error
        self.name = model
        self._tokenizer: Any = self._pipeline.tokenizer
        if self._tokenizer is None or not self._tokenizer.chat_template:
            raise FootnoteError(f"the model {model!r} has no chat template: choose a chat model")
        self._special = self._special_tokens()
        self._system = self._takes_system_role()
        self._sampling = sampling
        if not sampling.temperature:
            for setting in ONLY_SAMPLING:
                setattr(self._pipeline.model.generation_config, setting, None)
        config = self._pipeline.model.config
        context = getattr(config.get_text_config(), "max_position_embeddings", CONTEXT)
        self._thinks = self._opens_thought()
        self._new_tokens = min(THINKING if self._thinks else NEW_TOKENS, context // 4)
        self.room = context - self._new_tokens
        self._pipeline.model.generation_config.do_sample = False
        self._turn = threading.Lock()  # for an answer by itself
        self._batch = None
        if together is None:
            together = self._on_one_device() and not sampling.temperature
        if together:
            self._batch = self._tried(Batch(self._pipeline.model))

    def count(self, messages: list[Message]) -> int:
        """The prompt's length in the model's own tokens.

        Raises FootnoteError if the chat template refuses the messages, as some do when the turns
        do not alternate.
        """
        return len(self._tokens(messages))

    def stream(self, messages: list[Message], stop: threading.Event) -> Pieces:
        """The answer's text, token by token."""
        if self._thinks:
            yield OPEN
        try:
            tokens = self._tokens(messages)
            if self._batch and len(tokens) + self._new_tokens <= self._batch.room:
                yield from self._together(self._batch, tokens, stop)
            else:
                yield from self._alone(messages, stop)
        except FootnoteError:
            raise
        except Exception as error:  # each kind of failure raises a type of its own
            advice = ": choose a smaller model" if _is_out_of_memory(error) else ""
            raise FootnoteError(
                f"the model {self.name!r} failed: {first_line(error)}{advice}"
            ) from error

    def _together(self, batch: Batch, prompt: list[int], stop: threading.Event) -> Pieces:
        text = Detokenizer(self._tokenizer)
        with closing(batch.stream(prompt, self._new_tokens, stop)) as tokens:
            for new in tokens:
                if piece := text.more(new):
                    yield piece
        if rest := text.rest():
            yield rest

    def _alone(self, messages: list[Message], stop: threading.Event) -> Pieces:
        from transformers import StoppingCriteria

        pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        ended = threading.Event()

        class Stop(StoppingCriteria):
            def __call__(self, *_: Any, **__: Any) -> bool:
                return stop.is_set() or ended.is_set()

        def generate() -> None:
            try:
                with self._turn, self._chance() as how:
                    if not Stop()():  # it may have been given up while it waited for its turn
                        self._pipeline(
                            self._fitting(messages),
                            **how,
                            max_new_tokens=self._new_tokens,
                            tokenizer_encode_kwargs=TEMPLATE_SWITCHES,
                            streamer=_Streamer(Detokenizer(self._tokenizer), pieces),
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
                    raise piece
                if piece:
                    yield piece
        finally:
            ended.set()
            thread.join()

    @contextmanager
    def _chance(self) -> Iterator[dict[str, Any]]:
        """What the pipeline is told; sampling begins at the seed, and leaves torch's chance as it
        was for others."""
        import torch

        if not self._sampling.temperature:
            yield {"do_sample": False}
            return
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            torch.manual_seed(self._sampling.seed)
            yield {"do_sample": True, "temperature": self._sampling.temperature}

    def _tokens(self, messages: list[Message]) -> list[int]:
        from jinja2 import TemplateError

        try:
            tokens = self._tokenizer.apply_chat_template(
                self._fitting(messages),
                add_generation_prompt=True,
                return_dict=True,
                **TEMPLATE_SWITCHES,
            )
        except TemplateError as error:
            raise FootnoteError(
                f"the model {self.name!r} refuses this conversation: {first_line(error)}"
            ) from error
        return tokens["input_ids"]

    def _on_one_device(self) -> bool:
        model = self._pipeline.model
        devices = set(getattr(model, "hf_device_map", {"": model.device}).values())
        return model.device.type in ("cpu", "cuda") and len(devices) == 1

    def _tried(self, batch: Batch) -> Batch | None:
        """The batch if it begins: not every kind of model can be batched so."""
        trial: list[Message] = [{"role": "user", "content": "Why?"}]
        try:
            batch.begin(self._tokens(trial))
        except Exception as error:  # noqa: BLE001 - each kind fails in its own way
            logging.getLogger(__name__).warning(
                "answers wait their turn, not together: %s", first_line(error)
            )
            return None
        return batch

    def _fitting(self, messages: list[Message]) -> list[Message]:
        """The messages as plain text, in the roles that the model has.

        A special token written out in a text, as the documentation of a tokenizer does, would
        be read as the real one and could end a turn: a space takes it apart. The system's text
        goes before the first user's where there is no such role.
        """
        messages = [
            {
                "role": message["role"],
                "content": self._special.sub(
                    lambda found: f"{found[0][0]} {found[0][1:]}", message["content"]
                ),
            }
            for message in messages
        ]
        if self._system or messages[0]["role"] != "system":
            return messages
        system, first, *rest = messages
        merged = f"{system['content']}\n\n{first['content']}"
        return [{"role": first["role"], "content": merged}, *rest]

    def _takes_system_role(self) -> bool:
        from jinja2 import TemplateError

        # Some templates refuse a system's text, others leave it out without a word.
        rules = "Answer from the passages."
        trial = [{"role": "system", "content": rules}, {"role": "user", "content": "Why?"}]
        try:
            text = self._tokenizer.apply_chat_template(trial, tokenize=False)
        except TemplateError:
            return False
        return rules in text

    def _opens_thought(self) -> bool:
        """Whether the template begins a thought, so that the model's text does not."""
        text = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": "Why?"}],
            add_generation_prompt=True,
            tokenize=False,
            **TEMPLATE_SWITCHES,
        )
        return text.rstrip().endswith(OPEN)

    def _special_tokens(self) -> re.Pattern[str]:
        tokens = [
            token.content
            for token in self._tokenizer.added_tokens_decoder.values()
            if token.special and len(token.content) > 1
        ]
        # With no such token, a pattern that matches nowhere.
        return re.compile("|".join(map(re.escape, tokens)) or r"(?!)")


class _Streamer:
    """What `generate` of transformers calls a streamer: pieces of text into a queue."""

    def __init__(self, text: Detokenizer, pieces: SimpleQueue[Any]):
        self._text = text
        self._pieces = pieces
        self._prompted = False

    def put(self, tokens: Any) -> None:
        """The prompt at first, then each token."""
        if self._prompted:
            self._pieces.put(self._text.more(tokens.tolist()))
        self._prompted = True

    def end(self) -> None:
        """All tokens are there."""
        self._pieces.put(self._text.rest())


def _checked(model: str) -> str:
    """The folder or the hub id; raises FootnoteError for a folder that cannot be a model's."""
    folder = Path(model).expanduser()
    if not folder.exists():
        # A hub id is `name` or `owner/name`; anything else was meant as a path.
        if model.startswith((".", "~", "/")) or model.count("/") > 1:
            raise FootnoteError(f"no model at {model!r}: the folder does not exist")
        return model
    if not (folder / "config.json").is_file():
        raise FootnoteError(f"no model at {model!r}: it has no config.json")
    if not any(folder.glob("*.safetensors")):
        raise FootnoteError(
            f"cannot load the model {model!r}: it has no weights in safetensors, and pickled "
            "ones may run code; convert them with save_pretrained"
        )
    return str(folder)


def _is_out_of_memory(error: BaseException) -> bool:
    # Of torch on a processor it is no type of its own.
    return isinstance(error, MemoryError) or "memory" in str(error)


def _quantization(bits: str) -> dict[str, Any]:
    """What the pipeline needs for weights of so many bits; nothing for those that there are."""
    if not bits:
        return {}
    if bits not in ("4bit", "8bit"):
        raise FootnoteError(f"a model can be loaded as #4bit or #8bit, not #{bits}")
    if find_spec("bitsandbytes") is None:
        raise FootnoteError(f"#{bits} needs bitsandbytes: pip install 'footnote[quantized]'")
    import torch
    from transformers import BitsAndBytesConfig

    how: dict[str, Any] = {"load_in_8bit": True}
    if bits == "4bit":
        how = {"load_in_4bit": True, "bnb_4bit_compute_dtype": torch.bfloat16}
    return {"quantization_config": BitsAndBytesConfig(**how)}
