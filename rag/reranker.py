"""A second look at the best passages: question and passage read together by a cross-encoder.

Any sequence classifier with one score, by hub id or path (Nogueira and Cho 2019, "Passage
Re-ranking with BERT"). It replaces the order of the first hits and leaves the rest; none is used
unless asked for. This module knows nothing of how the hits were found.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from rag.data import FootnoteError, Hit
from rag.stored import context

DEPTH = 30  # hits that are read again
BATCH = 8
LONGEST = 512  # tokens of question and passage together


class CrossEncoder:
    """A cross-encoder from a folder or the hub. Threads may share it."""

    def __init__(self, model: str):
        """Raises FootnoteError if the model is not there or gives more than one score."""
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model)
            self._model = AutoModelForSequenceClassification.from_pretrained(
                model, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).strip().split("\n")[0]
            raise FootnoteError(f"cannot load the reranker {model!r}: {reason}") from error
        if self._model.config.num_labels != 1:
            raise FootnoteError(
                f"the reranker {model!r} gives {self._model.config.num_labels} scores, not one: "
                "choose a cross-encoder made for ranking"
            )
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._model.to(self._device).eval()
        self._longest = min(LONGEST, self._tokenizer.model_max_length)
        self._lock = threading.Lock()  # tokenizers change their state while they work

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The first DEPTH hits in the model's order, then the others in theirs.

        The scores are those of the ranking before, handed out anew, so that they still fall.
        """
        first = list(hits[:DEPTH])
        scores = self._scores(question, first)
        order = sorted(range(len(first)), key=lambda i: -scores[i])
        again = [replace(first[i], score=first[rank].score) for rank, i in enumerate(order)]
        return [*again, *hits[DEPTH:]]

    def _scores(self, question: str, hits: Sequence[Hit]) -> list[float]:
        import torch

        texts = [f"{context(hit.passage)}\n{hit.passage.text}" for hit in hits]
        scores: list[float] = []
        with self._lock, torch.inference_mode():
            for start in range(0, len(texts), BATCH):
                part = texts[start : start + BATCH]
                pairs = self._tokenizer(
                    [question] * len(part),
                    part,
                    truncation="only_second",
                    max_length=self._longest,
                    padding=True,
                    return_tensors="pt",
                ).to(self._device)
                scores += self._model(**pairs).logits[:, 0].float().tolist()
        return scores
