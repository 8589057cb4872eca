"""A cross-encoder's order of the best hits."""

import pytest
import tiny_models
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rag import Chatbot
from rag.data import FootnoteError, Hit, Passage
from rag.reranker import DEPTH, CrossEncoder

HITS = [
    Hit(
        Passage(str(n), f"https://h.test/{n}", f"Fact number {n}. " * (n % 5 + 1), "Page"),
        1 - n / 100,
    )
    for n in range(DEPTH + 5)
]


def own_scores(folder, question, hits):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return {
            hit.passage.chunk_id: model(
                **tokenizer(question, f"Page\n{hit.passage.text}", return_tensors="pt")
            ).logits.item()
            for hit in hits
        }


def test_the_first_hits_come_in_the_models_order_and_the_rest_stay(tiny_reranker):
    again = CrossEncoder(str(tiny_reranker)).rerank("Which fact?", HITS)
    scores = own_scores(tiny_reranker, "Which fact?", HITS[:DEPTH])
    given = [scores[hit.passage.chunk_id] for hit in again[:DEPTH]]
    # Texts of equal words score alike, but for rounding.
    assert given == pytest.approx(sorted(scores.values(), reverse=True), abs=1e-4)
    assert given != pytest.approx(list(scores.values()), abs=1e-4)
    assert again[DEPTH:] == HITS[DEPTH:]
    assert [hit.score for hit in again] == [hit.score for hit in HITS]


def test_overlong_passages_and_no_hits(tiny_reranker):
    reranker = CrossEncoder(str(tiny_reranker))
    long = Hit(Passage("x", "https://h.test/x", "word " * 5000), 1.0)
    assert reranker.rerank("Which?", [long]) == [long]
    assert reranker.rerank("Which?", []) == []


def test_a_chatbot_with_a_reranker(lantern, tiny_reranker):
    question = "How often is a task retried?"
    plain = Chatbot.open(lantern).search(question, DEPTH)
    again = Chatbot.open(lantern, reranker=str(tiny_reranker)).search(question, 5)
    scores = {
        hit.passage.chunk_id: score
        for hit, score in zip(
            plain, CrossEncoder(str(tiny_reranker))._scores(question, plain), strict=True
        )
    }
    best = sorted(scores, key=lambda name: -scores[name])[:5]
    assert [hit.passage.chunk_id for hit in again] == best


def test_what_is_no_cross_encoder(tiny_reranker, tmp_path):
    with pytest.raises(FootnoteError, match="cannot load the reranker"):
        CrossEncoder(str(tmp_path / "nothing"))
    two = tiny_models.reranker(tmp_path / "two", labels=2)
    with pytest.raises(FootnoteError, match="gives 2 scores"):
        CrossEncoder(str(two))
