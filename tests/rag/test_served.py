"""Language models behind a server: transformers' own, and one that goes wrong."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import tiny_models
from tiny_models import MESSAGES

from rag import FootnoteError, Thought
from rag.generator import load_generator
from rag.served import ServedModel


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


@pytest.fixture
def wayward(request):
    """A server process that goes wrong after three pieces; its URL and its output's lines."""
    command = [sys.executable, Path(__file__).parent / "wayward_server.py", request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1", process.stdout
        finally:
            process.terminate()


@pytest.mark.parametrize("wayward", ["dies", "reports an error", "talks nonsense"], indirect=True)
def test_a_server_that_fails_while_it_answers(wayward):
    url, _ = wayward
    stream = load_generator(url).stream(MESSAGES, threading.Event())
    assert [next(stream) for _ in range(3)] == ["0 ", "1 ", "2 "]
    with pytest.raises(FootnoteError, match=f"the server at {url} failed") as caught:
        next(stream)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("wayward", ["is busy at first"], indirect=True)
def test_a_busy_server_is_asked_again(wayward):
    url, _ = wayward
    assert list(load_generator(url).stream(MESSAGES, threading.Event())) == ["0 ", "1 ", "2 "]


@pytest.mark.parametrize("wayward", ["is broken"], indirect=True)
def test_a_server_that_refuses_is_not_asked_again(wayward):
    url, output = wayward
    with pytest.raises(FootnoteError, match=f"the server at {url} failed"):
        list(load_generator(url).stream(MESSAGES, threading.Event()))
    with pytest.raises(FootnoteError):
        list(load_generator(url).stream(MESSAGES, threading.Event()))
    assert [output.readline() for _ in range(2)] == ["authorization: Bearer none\n"] * 2


@pytest.mark.parametrize("wayward", ["wants a key"], indirect=True)
def test_a_server_that_wants_a_key(wayward, monkeypatch):
    url, output = wayward
    with pytest.raises(FootnoteError, match=r"401.*FOOTNOTE_API_KEY"):
        load_generator(url)
    monkeypatch.setenv("FOOTNOTE_API_KEY", "sesame\n")
    assert list(load_generator(url).stream(MESSAGES, threading.Event())) == ["0 ", "1 ", "2 "]
    assert output.readline() == "authorization: Bearer sesame\n"


@pytest.mark.parametrize("wayward", ["thinks"], indirect=True)
def test_a_server_that_tells_thoughts_apart(wayward):
    url, _ = wayward
    pieces = list(load_generator(url).stream(MESSAGES, threading.Event()))
    assert pieces == [Thought("hm"), "0 ", "1 ", "2 "]


@pytest.mark.parametrize("wayward", ["goes on"], indirect=True)
@pytest.mark.parametrize("end", ["stop", "close"])
def test_the_server_is_left_when_the_answer_is(wayward, end, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    url, output = wayward
    stop = threading.Event()
    stream = load_generator(url).stream(MESSAGES, stop)
    next(stream)
    stop.set() if end == "stop" else stream.close()
    list(stream)
    # The hub's token is no server's business, either.
    assert output.readline().strip() == "authorization: Bearer none"
    assert output.readline().strip() == "the client has gone"


def test_no_server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(FootnoteError, match=f"no OpenAI-style server.*{port}"):
        load_generator(f"http://127.0.0.1:{port}/v1")
