"""Language models: tiny real ones through the real loading code, and a real server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import tiny_models
from lantern import SITE

from rag import Chatbot, FootnoteError
from rag.generator import LocalModel, ServedModel, load_generator

MESSAGES = [
    {"role": "system", "content": "Answer."},
    {"role": "user", "content": "How often is a task retried?"},
]


@pytest.fixture(scope="module")
def llama(tiny_llama):
    return load_generator(str(tiny_llama))


@pytest.fixture(scope="module")
def qwen3(tiny_qwen3):
    return load_generator(str(tiny_qwen3))


def generating() -> int:
    """How many threads of a LocalModel are alive."""
    return sum("generate" in thread.name for thread in threading.enumerate())


def test_pieces_joined_are_what_the_model_says(llama):
    pieces = list(llama.stream(MESSAGES, threading.Event()))
    assert len(pieces) > 5
    assert "".join(pieces) == tiny_models.SAID


def test_greedy_is_reproducible(qwen3):
    def beginning():
        stream = qwen3.stream(MESSAGES, threading.Event())
        pieces = [next(stream) for _ in range(5)]
        stream.close()
        return pieces

    assert beginning() == beginning()


def test_stop_ends_generation(qwen3):
    stop = threading.Event()
    stream = qwen3.stream(MESSAGES, stop)
    next(stream)
    stop.set()
    started = time.monotonic()
    list(stream)
    assert time.monotonic() - started < 5
    assert generating() == 0


def test_closing_the_stream_ends_generation(qwen3):
    stream = qwen3.stream(MESSAGES, threading.Event())
    next(stream)
    assert generating() == 1
    stream.close()
    assert generating() == 0


def test_two_at_once_wait_for_each_other(llama):
    said = []

    def ask():
        said.append("".join(llama.stream(MESSAGES, threading.Event())))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert said == [tiny_models.SAID] * 3


def test_an_error_while_generating_reaches_the_caller(tiny_llama, tmp_path):
    copy = shutil.copytree(tiny_llama, tmp_path / "model")
    model = load_generator(str(copy))
    # A token that the weights know nothing of makes the forward pass itself fail.
    model._tokenizer.add_tokens(["unheard-of"])
    with pytest.raises(FootnoteError, match="failed") as caught:
        list(model.stream([{"role": "user", "content": "unheard-of"}], threading.Event()))
    assert caught.value.__cause__ is not None
    assert generating() == 0


def test_count_is_the_templates(llama):
    short = llama.count(MESSAGES)
    longer = llama.count([*MESSAGES, {"role": "assistant", "content": "x " * 100}])
    assert longer > short + 100
    assert llama.room == tiny_models.CONTEXT - 512


def test_a_model_without_a_system_role(tmp_path):
    folder = tiny_models.llama(tmp_path / "model", template=tiny_models.NO_SYSTEM)
    assert "".join(LocalModel(str(folder)).stream(MESSAGES, threading.Event())) == tiny_models.SAID


def broken(tiny_llama, tmp_path, name):
    copy = shutil.copytree(tiny_llama, tmp_path / "model")
    if name == "no template":
        (copy / "chat_template.jinja").unlink()
    elif name == "no config":
        (copy / "config.json").unlink()
    elif name == "pickled weights":
        (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    elif name == "code of its own":
        config = json.loads((copy / "config.json").read_text())
        config["model_type"] = "unheard-of"
        config["auto_map"] = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
        (copy / "config.json").write_text(json.dumps(config))
        (copy / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    return copy


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no template", "no chat template"),
        ("no config", "cannot load"),
        ("pickled weights", "cannot load"),
        ("code of its own", "cannot load"),
    ],
)
def test_models_that_cannot_be_used(tiny_llama, tmp_path, name, says):
    folder = broken(tiny_llama, tmp_path, name)
    with pytest.raises(FootnoteError, match=says) as caught:
        load_generator(str(folder))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(FootnoteError, match="nothing"):
        load_generator(str(tmp_path / "nothing"))


def test_a_chatbot_with_a_language_model(lantern, tiny_llama):
    bot = Chatbot.open(lantern, str(tiny_llama))
    *pieces, answer = bot.stream("How often is a task retried?")
    assert "".join(pieces) == answer.text
    # [9] names a passage too, the ninth of the ten retrieved, and becomes the second footnote.
    assert answer.text == tiny_models.SAID.replace("[9]", "[2]")
    assert answer.citations[1].url == answer.hits[8].passage.url
    first = answer.citations[0]
    assert first.url == SITE + "tasks/#retries" == answer.hits[0].passage.url
    assert first.quote == "A failed task is retried three times by default."
    assert not answer.abstained
    assert answer.unread == 0


def test_a_marker_that_names_no_passage_is_dropped(lantern, tmp_path):
    # In a context this short only a few of the ten passages have room, and [9] names none.
    folder = tiny_models.llama(tmp_path / "short", context=900)
    answer = Chatbot.open(lantern, str(folder)).ask("How often is a task retried?")
    assert 0 < answer.unread < 10
    assert answer.text == tiny_models.SAID.replace(" [9]", "")
    assert len(answer.citations) == 1


def test_an_answer_without_footnotes_says_so(lantern, tiny_qwen3):
    answer = Chatbot.open(lantern, str(tiny_qwen3)).ask("How often is a task retried?")
    if not answer.citations:  # random weights might write a marker
        assert answer.abstained
        assert answer.text.endswith("do not rely on it.)")


@pytest.fixture(scope="module")
def server(tiny_llama, tmp_path_factory):
    """`transformers serve`, the OpenAI-style server that transformers brings."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).parent / "transformers", "serve", str(tiny_llama)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # The models it lists are those of the hub's cache: here, none.
        env=os.environ | {"HF_HUB_CACHE": str(tmp_path_factory.mktemp("cache"))},
    )
    address = f"http://127.0.0.1:{port}/v1"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/models", timeout=5).read()
            break
        except OSError:
            time.sleep(0.3)
    else:
        process.kill()
        raise RuntimeError(process.communicate()[0])
    yield f"{address}#{tiny_llama}"
    process.terminate()
    process.communicate(timeout=30)


def test_a_server(server):
    model = load_generator(server)
    assert isinstance(model, ServedModel)
    pieces = list(model.stream(MESSAGES, threading.Event()))
    assert len(pieces) > 1
    assert "".join(pieces) == tiny_models.SAID


def test_a_server_that_lists_no_model(server):
    with pytest.raises(FootnoteError, match="names one that is not listed"):
        load_generator(server.partition("#")[0])


def test_no_server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(FootnoteError, match=f"no OpenAI-style server.*{port}"):
        load_generator(f"http://127.0.0.1:{port}/v1")
