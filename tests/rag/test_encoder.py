"""The default embedder, and any other in the layout of sentence-transformers."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.data import FootnoteError
from rag.encoder import SentenceEncoder, batches, is_whole


@given(st.lists(st.integers(0, 300)), st.integers(1, 400))
def test_a_batch_holds_texts_of_like_length_and_so_many_tokens_at_most(lengths, tokens):
    made = list(batches(lengths, tokens))
    assert sorted(i for batch in made for i in batch) == list(range(len(lengths)))
    in_order = [lengths[i] for batch in made for i in batch]
    assert in_order == sorted(in_order)
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= tokens


def test_vectors_are_unit_and_in_the_order_of_the_texts(encoder):
    texts = ["a long text about lanterns " * 30, "short", "", "of middling length, this one"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)


def test_half_precision_gives_nearly_the_same_vectors(encoder):
    texts = ["a long text about lanterns " * 30, "short", "of middling length, this one"]
    half = SentenceEncoder(bfloat16=True).encode(texts)
    assert half.dtype == np.float32
    cosines = (half * encoder.encode(texts)).sum(1)
    assert 0.999 < cosines.min() < 1 - 1e-6


def test_no_texts(encoder):
    assert encoder.encode([]).shape == (0, 384)


def test_progress_counts_every_text(encoder):
    done = []
    encoder.encode(["x"] * 19, done.append)
    assert sum(done) == 19


def test_meaning_is_nearer_than_words(encoder):
    question, near, far = encoder.encode(
        ["How do I shut the program down?", "Stopping the server", "A pan of boiled potatoes"]
    )
    assert question @ near > question @ far + 0.2


@pytest.mark.parametrize("word", ["hour", "64", "network"])
def test_common_words_are_known(encoder, word):
    assert encoder.knows(word)


@pytest.mark.parametrize("word", ["slurm", "max_length", "🏮", "", " "])
def test_names_are_not(encoder, word):
    assert not encoder.knows(word)


@pytest.mark.parametrize("space", ["Ġ", "▁", ""])
def test_a_whole_word_however_its_tokenizer_marks_the_space_before_it(space):
    assert is_whole("hour", [f"{space}hour"])
    assert not is_whole("hour", [f"{space}ho", "ur"])
    assert not is_whole("slurm", ["[UNK]"])


def test_agrees_with_sentence_transformers(encoder):
    from sentence_transformers import SentenceTransformer

    from rag.encoder import _embedded_model

    texts = ["What is a broker?", "Tasks are retried. " * 60]
    theirs = SentenceTransformer(str(_embedded_model()), device="cpu").encode(texts)
    np.testing.assert_allclose(encoder.encode(texts), theirs, atol=1e-5)


def test_another_embedder_has_another_fingerprint(encoder, tiny_embedder):
    other = SentenceEncoder(str(tiny_embedder))
    assert other.fingerprint != encoder.fingerprint
    assert other.fingerprint == SentenceEncoder(str(tiny_embedder)).fingerprint
    assert other.encode(["x"]).shape == (1, other.dimension)


def test_pooling_is_part_of_what_a_model_is(tiny_embedder, tmp_path):
    copy = shutil.copytree(tiny_embedder, tmp_path / "model")
    config = copy / "1_Pooling" / "config.json"
    settings = json.loads(config.read_text())
    settings.update(pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)
    config.write_text(json.dumps(settings))
    mean, first = SentenceEncoder(str(tiny_embedder)), SentenceEncoder(str(copy))
    assert mean.fingerprint != first.fingerprint
    assert not np.allclose(mean.encode(["two words"]), first.encode(["two words"]))


def test_unknown_pooling_is_refused(tiny_embedder, tmp_path):
    copy = shutil.copytree(tiny_embedder, tmp_path / "model")
    config = copy / "1_Pooling" / "config.json"
    config.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(FootnoteError, match="pooling_mode_max_tokens"):
        SentenceEncoder(str(copy))


def test_weights_that_are_not_safetensors_are_refused(tiny_embedder, tmp_path):
    copy = shutil.copytree(tiny_embedder, tmp_path / "model")
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(FootnoteError, match="cannot load embedding model"):
        SentenceEncoder(str(copy))


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(FootnoteError, match="no embedding model"):
        SentenceEncoder(str(tmp_path / "nothing"))
