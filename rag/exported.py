"""The embedder in the form that an index keeps of it: an ONNX graph and a tokenizer.

    encoder/model.onnx       (tokens, mask) -> unit vectors, pooling included
    encoder/tokenizer.json   texts -> tokens
    encoder/encoder.json     name, fingerprint, dimension, max_tokens, pad; written last

With it an index is opened and searched without torch or transformers, and on a processor it
embeds faster than they do. This module knows nothing of passages or indexes.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.data import FootnoteError
from rag.encoder import batches, is_whole

if TYPE_CHECKING:
    from rag.encoder import SentenceEncoder

# Tokens of a batch, padding included: larger batches fall out of the processor's cache.
BATCH = 1024
# The least cosine between the graph's vectors and the model's own for the graph to be kept.
SAME = 0.9999
# Texts of several lengths, to compare the two; a batch of them needs padding.
TRIAL = ["How do I start?", "Set the limit to 3 with `--limit=3`.", "a b c " * 60, "x"]


class ExportedEncoder:
    """An exported embedder; threads may share it."""

    def __init__(self, folder: Path):
        """Opens what `export` wrote; raises FootnoteError if it is not whole."""
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        options.enable_mem_pattern = False  # kept for each shape, and texts have many
        try:
            about = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._session = onnxruntime.InferenceSession(
                folder / "model.onnx", options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # each of the libraries raises types of its own
            reason = str(error).strip().split("\n")[0]
            raise FootnoteError(
                f"cannot open the embedder in {str(folder)!r}: {reason}; remove that folder and "
                "ingest again, which makes it anew"
            ) from error
        self.name: str = about["name"]
        self.fingerprint: str = about["fingerprint"]
        self.dimension: int = about["dimension"]
        self._pad: int = about["pad"]
        self._tokenizer.enable_truncation(about["max_tokens"])
        self._tokenizer.no_padding()

    def encode(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors, float32, shape (len(texts), dimension), in the order of `texts`.

        As `SentenceEncoder.encode`, whose vectors these equal but for rounding.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        for chosen in batches([len(text) for text in tokens], BATCH):
            shape = (len(chosen), max(1, len(tokens[chosen[-1]])))
            ids = np.full(shape, self._pad, dtype=np.int64)
            mask = np.zeros(shape, dtype=np.int64)
            for row, i in enumerate(chosen):
                ids[row, : len(tokens[i])] = tokens[i]
                mask[row, : len(tokens[i])] = 1
            (vectors[chosen],) = self._session.run(None, {"tokens": ids, "mask": mask})
            if progress:
                progress(len(chosen))
        return vectors

    def knows(self, word: str) -> bool:
        """Whether the word, in lower case, is one token to the model, as common words are."""
        return is_whole(word, self._tokenizer.encode(f" {word}", add_special_tokens=False).tokens)


def is_exported(folder: Path) -> bool:
    """Whether the folder holds an exported embedder, whole."""
    return (folder / "encoder.json").is_file()


def export(encoder: SentenceEncoder, folder: Path) -> ExportedEncoder | None:
    """Writes the embedder into the folder and opens it.

    None where it has no form in ONNX, or one whose vectors differ from the model's own: then
    the folder is left out and the model itself goes on being used.
    """
    draft = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write(encoder, draft)
        ours = ExportedEncoder(draft).encode(TRIAL)
    except Exception:  # noqa: BLE001 - an exporter fails in any way it likes
        ours = None
    if ours is None or float((ours * encoder.encode(TRIAL)).sum(1).min()) < SAME:
        shutil.rmtree(draft)
        return None
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return ExportedEncoder(folder)


def _write(encoder: SentenceEncoder, folder: Path) -> None:
    import torch

    tokenizer = encoder.tokenizer
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    tokens = torch.tensor([[1, 2, 3], [1, 2, 0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    axes = {0: "texts", 1: "length"}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of traced checks on shapes, which `export` tests
        torch.onnx.export(
            encoder.module,
            (tokens, mask),
            str(folder / "model.onnx"),
            input_names=["tokens", "mask"],
            output_names=["vectors"],
            dynamic_axes={"tokens": axes, "mask": axes, "vectors": {0: "texts"}},
            opset_version=17,
            dynamo=False,  # the newer exporter needs onnxscript and 10 times as long
        )
    about: dict[str, Any] = {
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "dimension": encoder.dimension,
        "max_tokens": encoder.max_tokens,
        "pad": tokenizer.pad_token_id or 0,
    }
    (folder / "encoder.json").write_text(json.dumps(about), encoding="utf-8")
