"""Answers computed together: the same words, fewer steps, and nobody stands in another's way."""

import shutil
import subprocess
import sys
import threading
import time

import pytest
import tiny_models
from transformers import MambaConfig, MambaForCausalLM

from rag import FootnoteError
from rag.local import LocalModel

MESSAGES = [{"role": "user", "content": "How often is a task retried?"}]


@pytest.fixture(scope="module")
def llama(tiny_llama):
    return LocalModel(str(tiny_llama), together=True)


@pytest.fixture(scope="module")
def qwen3(tiny_qwen3):
    return LocalModel(str(tiny_qwen3), together=True)


def ask(model, said: list[str]) -> None:
    said.append("".join(model.stream(MESSAGES, threading.Event())))


def ask_at_once(model, people: int) -> list[str]:
    said: list[str] = []
    threads = [threading.Thread(target=ask, args=(model, said)) for _ in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return said


def test_the_words_are_those_of_an_answer_by_itself(tiny_qwen3, qwen3):
    alone = LocalModel(str(tiny_qwen3), together=False)
    assert alone._batch is None
    beginnings = []
    for model in (alone, qwen3):
        stream = model.stream(MESSAGES, threading.Event())
        beginnings.append("".join(next(stream) for _ in range(40))[:60])
        stream.close()
    assert beginnings[0] == beginnings[1]


def test_many_take_hardly_more_steps_than_one(llama):
    steps: list[int] = []
    hook = llama._pipeline.model.register_forward_pre_hook(lambda *_: steps.append(1))
    try:
        said = ask_at_once(llama, 8)
    finally:
        hook.remove()
    assert said == [tiny_models.SAID] * 8
    tokens = len(llama._tokenizer(tiny_models.SAID)["input_ids"])
    assert len(steps) < 4 * tokens


@pytest.mark.parametrize("end", ["stop", "close"])
def test_who_leaves_is_taken_out(qwen3, end):
    steps: list[int] = []

    def slowly(*_):
        steps.append(1)
        time.sleep(0.05)

    hook = qwen3._pipeline.model.register_forward_pre_hook(slowly)
    try:
        stop = threading.Event()
        stream = qwen3.stream(MESSAGES, stop)
        next(stream)
        stop.set() if end == "stop" else stream.close()
        before = len(steps)
        assert len(list(stream)) <= 1
        time.sleep(0.5)
        assert len(steps) - before <= 2
    finally:
        hook.remove()
    assert not qwen3._batch._manager.batch_processor.has_pending_requests()
    assert qwen3._batch._outputs == {}


def test_after_an_error_the_next_is_answered(tiny_llama, tmp_path):
    copy = shutil.copytree(tiny_llama, tmp_path / "model")
    model = LocalModel(str(copy), together=True)
    # A token that the weights know nothing of makes the forward pass itself fail.
    model._tokenizer.add_tokens(["unheard-of"])
    for _ in range(2):
        with pytest.raises(FootnoteError, match="failed: index out of range"):
            list(model.stream([{"role": "user", "content": "unheard-of"}], threading.Event()))
    assert ask_at_once(model, 2) == [tiny_models.SAID] * 2


def test_a_prompt_too_long_for_the_cache_is_answered_by_itself(tiny_llama, tmp_path):
    model = LocalModel(
        str(tiny_models.variant(tiny_llama, tmp_path / "model", context=32_768)), together=True
    )
    long = [{"role": "user", "content": "How often? " * 2500}]
    assert model._batch.room < model.count(long) < model.room
    assert "".join(model.stream(long, threading.Event()))
    assert ask_at_once(model, 2) == [tiny_models.SAID] * 2


def test_more_than_the_cache_holds_take_turns(tiny_qwen3, qwen3):
    alone = LocalModel(str(tiny_qwen3), together=False)
    people = 2 * qwen3._batch.room // (qwen3.count(MESSAGES) + qwen3._new_tokens)
    assert (
        ask_at_once(qwen3, people) == ["".join(alone.stream(MESSAGES, threading.Event()))] * people
    )


def test_a_kind_that_cannot_be_batched_answers_by_itself(tmp_path, caplog):
    words = tiny_models.tokenizer()
    config = MambaConfig(
        vocab_size=len(words), hidden_size=16, state_size=4, num_hidden_layers=1, eos_token_id=1
    )
    MambaForCausalLM(config).save_pretrained(tmp_path)
    words.save_pretrained(tmp_path)
    model = LocalModel(str(tmp_path), together=True)
    assert model._batch is None
    assert "answers wait their turn" in caplog.text
    model._new_tokens = 3
    list(model.stream(MESSAGES, threading.Event()))


def test_the_process_ends(tiny_llama):
    code = (
        "import sys, threading; from rag.local import LocalModel;"
        "model = LocalModel(sys.argv[1], together=True);"
        "print(next(model.stream([{'role': 'user', 'content': 'x'}], threading.Event())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tiny_llama], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "A"
