"""Answers and hits as programs get them: the same plain values from `--json` and the endpoints."""

from dataclasses import asdict
from typing import Any

from rag.data import Answer, Hit


def answer_row(question: str, answer: Answer, generator: str) -> dict[str, Any]:
    """The answer with its claims (its sentences and code blocks, each with what supports it),
    citations, hits and timings (seconds), ready for JSON."""
    return {
        "question": question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "claims": [
            {"text": answer.text[claim.start : claim.end], **asdict(claim)}
            for claim in answer.claims
        ],
        "citations": [asdict(citation) for citation in answer.citations],
        "hits": [hit_row(hit) for hit in answer.hits],
        "generator": generator,
        "timings": answer.timings,
    }


def hit_row(hit: Hit) -> dict[str, Any]:
    """The hit's passage and score, ready for JSON."""
    return {
        "chunk_id": hit.passage.chunk_id,
        "url": hit.passage.url,
        "score": round(hit.score, 4),
        "text": hit.passage.text,
    }
