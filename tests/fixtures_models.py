"""Tiny real models on disk, each built once a run."""

from pathlib import Path

import pytest
import tiny_models


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that says `tiny_models.SAID`, whatever it is asked."""
    return tiny_models.llama(tmp_path_factory.mktemp("llama") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that writes nonsense until it is stopped."""
    return tiny_models.qwen3(tmp_path_factory.mktemp("qwen3") / "tiny-qwen3")


@pytest.fixture(scope="session")
def tiny_embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-embedding model of 32 dimensions."""
    return tiny_models.embedder(tmp_path_factory.mktemp("embedder") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder with an order of its own."""
    return tiny_models.reranker(tmp_path_factory.mktemp("reranker") / "tiny-cross-encoder")
