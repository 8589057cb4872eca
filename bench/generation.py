"""What answering several people together is worth, beside one after the other.

    python -P bench/generation.py [--requests 16]

A model of a published configuration with random weights, written to a temporary folder and loaded
as any other: Qwen3-0.6B on a processor, Qwen3-8B on a GPU. The same prompts go through it one at a
time (transformers' pipeline) and together (its continuous batching), in one run. All begin with
the same rules. With random weights the speed is the real one, and the words are not.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from transformers import Qwen3Config, Qwen3ForCausalLM

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from tiny_models import tokenizer

from rag.data import Message
from rag.local import LocalModel
from rag.prompt import RULES

SIZES = {
    "cpu": {
        "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "tie_word_embeddings": True,
    },
    "cuda": {
        "hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": False,
    },
}  # fmt: skip
# Tokens of an answer, and words of a passage in the prompt.
LENGTHS = {"cpu": (128, 60), "cuda": (256, 600)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--requests", type=int, default=16)
    given = options.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    new_tokens, words = LENGTHS[device]
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder), device)
        model = LocalModel(folder, together=True)
        if model._batch is None:
            sys.exit("the model cannot answer several at once on this machine: too little memory?")
        model._new_tokens = new_tokens
        model._pipeline.model.generation_config.eos_token_id = None  # all are of one length
        prompts = [prompt(number, words) for number in range(given.requests)]
        length = int(np.mean([model.count(messages) for messages in prompts]))
        shown = Table(
            "", "s", "tokens/s", "first token p50", "p95",
            title=f"{given.requests} requests, {length} + {new_tokens} tokens, {device}",
        )  # fmt: skip
        batch = model._batch
        seconds = {}
        for name, how in (("together", at_once), ("one at a time", in_turn)):
            model._batch = batch if name == "together" else None
            how(model, [prompt(given.requests, words)])  # to warm up
            seconds[name], first = how(model, prompts)
            speed = given.requests * new_tokens / seconds[name]
            p50, p95 = np.quantile(first, [0.5, 0.95])
            shown.add_row(name, f"{seconds[name]:.1f}", f"{speed:.1f}", f"{p50:.2f}", f"{p95:.2f}")
    Console().print(shown)
    print(f"together {seconds['one at a time'] / seconds['together']:.2f} times as fast")


def write_model(folder: Path, device: str) -> None:
    """A chat model of that size with random weights, which writes letters."""
    words = tokenizer()
    letters = [
        i for i in range(len(words)) if words.decode([i], skip_special_tokens=True).isalpha()
    ]
    config = Qwen3Config(
        **SIZES[device], head_dim=128, vocab_size=151_936, max_position_embeddings=8192
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = Qwen3ForCausalLM(config)
    written = model.get_output_embeddings().weight.data
    kept = written[letters]
    written *= 0.1  # that they are hardly ever the likeliest
    written[letters] = kept
    model.save_pretrained(folder)
    torch.set_default_dtype(torch.float32)
    words.save_pretrained(folder)


def prompt(number: int, words: int) -> list[Message]:
    """The rules, and passages of words that no other prompt has."""
    random = np.random.default_rng(number)
    passage = " ".join(f"{word:x}" for word in random.integers(0, 1 << 16, words))
    return [{"role": "system", "content": RULES}, {"role": "user", "content": passage}]


def answer(model: LocalModel, messages: list[Message]) -> float:
    """When the first piece of its text came, by the clock."""
    first = 0.0
    for _ in model.stream(messages, threading.Event()):
        first = first or time.perf_counter()
    return first


def in_turn(model: LocalModel, prompts: list[list[Message]]) -> tuple[float, list[float]]:
    """The seconds for all, and for each until its first token, when all ask at the start."""
    begin = time.perf_counter()
    first = [answer(model, messages) - begin for messages in prompts]
    return time.perf_counter() - begin, first


def at_once(model: LocalModel, prompts: list[list[Message]]) -> tuple[float, list[float]]:
    """As `in_turn`, each in a thread of its own."""
    begin = time.perf_counter()
    first: list[float] = []
    threads = [
        threading.Thread(target=lambda m=messages: first.append(answer(model, m) - begin))
        for messages in prompts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin, first


if __name__ == "__main__":
    main()
