"""The embedder as an index keeps it: the same vectors, without torch."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from rag.data import FootnoteError
from rag.encoder import SentenceEncoder
from rag.exported import ExportedEncoder, export, is_exported

TEXTS = ["a long text about lanterns " * 60, "short", "", "def f():\n    return 1", "né 🐍 中文"]


@pytest.fixture(scope="module")
def exported(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "encoder"
    return export(encoder, folder)


def test_vectors_equal_the_models_own(encoder, exported):
    np.testing.assert_allclose(exported.encode(TEXTS), encoder.encode(TEXTS), atol=1e-5)
    assert exported.fingerprint == encoder.fingerprint
    assert exported.dimension == encoder.dimension
    assert exported.encode([]).shape == (0, 384)


@pytest.mark.parametrize("word", ["hour", "slurm", "max_length", "64", "🏮", "né", ""])
def test_it_knows_the_words_that_the_model_knows(encoder, exported, word):
    assert exported.knows(word) == encoder.knows(word)


def test_order_and_progress(exported):
    texts = [f"{'word ' * (n % 7)}{n}" for n in range(19)]
    done = []
    together = exported.encode(texts, done.append)
    alone = np.concatenate([exported.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert sum(done) == 19


@pytest.mark.parametrize("mode", ["mean_tokens", "cls_token", "lasttoken"])
def test_each_pooling(tiny_embedder, tmp_path, mode):
    model = shutil.copytree(tiny_embedder, tmp_path / "model")
    (model / "1_Pooling" / "config.json").write_text(json.dumps({f"pooling_mode_{mode}": True}))
    own = SentenceEncoder(str(model))
    vectors = export(own, tmp_path / "encoder").encode(TEXTS)
    np.testing.assert_allclose(vectors, own.encode(TEXTS), atol=1e-4)


def test_it_needs_neither_torch_nor_transformers(exported, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp().glob("exported*/encoder")
    code = (
        "import sys; from pathlib import Path; from rag.exported import ExportedEncoder;"
        "ExportedEncoder(Path(sys.argv[1])).encode(['x']);"
        "assert not {'torch', 'transformers'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code, str(next(folder))], check=True)


def test_a_graph_that_differs_from_its_model_is_not_kept(tiny_embedder, tmp_path):
    own = SentenceEncoder(str(tiny_embedder))
    own.max_tokens = 3  # written down for the graph; the model's own batches are cut elsewhere
    longer = SentenceEncoder(str(tiny_embedder))
    own.encode = longer.encode
    assert export(own, tmp_path / "encoder") is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "encoder.json"])
def test_a_damaged_folder_is_one_clear_error(exported, tmp_path_factory, tmp_path, name):
    whole = next(tmp_path_factory.getbasetemp().glob("exported*/encoder"))
    copy = shutil.copytree(whole, tmp_path / "encoder")
    (copy / name).write_bytes(b"no longer what it was")
    with pytest.raises(FootnoteError, match=r"cannot open the embedder in .*ingest again"):
        ExportedEncoder(copy)
    (copy / name).unlink()
    assert is_exported(copy) == (name != "encoder.json")


def test_two_devices_share_the_work(encoder, tiny_embedder):
    texts = [f"{n} words" for n in range(50)]
    two = SentenceEncoder(str(tiny_embedder), devices=["cpu", "cpu"])
    one = SentenceEncoder(str(tiny_embedder), devices=["cpu"])
    np.testing.assert_allclose(two.encode(texts), one.encode(texts), atol=1e-6)
