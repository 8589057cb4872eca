"""Answers of several people computed together, by transformers' continuous batching.

A request joins the others in the middle of their answers and leaves when it is done or given up;
what prompts begin with in common is computed once. Tokens in, tokens out: this module knows
nothing of text.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Generator
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

# Tokens that are cached as one and shared between prompts: fewer than the rules that all begin
# with.
PAGE = 64
# What the library is told of memory. Of a GPU's the cache may take half of what is free. A share of
# a processor's would be taken from others, so it holds so many pages: two cores gain nothing from
# more than the four or five answers that find room in them.
GPU: dict[str, Any] = {"max_memory_percent": 0.5}
PROCESSOR: dict[str, Any] = {
    "num_blocks": 8192 // PAGE,
    "max_batch_tokens": 1024,
    "max_requests_per_batch": 64,
}
PATIENCE = 0.1  # seconds between looks at whether an answer is still wanted


class Batch:
    """The requests to one model; threads may share it."""

    def __init__(self, model: Any):
        """`model` is a causal language model of transformers, on one device."""
        self._model = model
        self._manager: Any = None
        self._outputs: dict[str, SimpleQueue[Any]] = {}
        self._numbers = count()
        self._lock = threading.Lock()
        self.room = 0  # tokens of a prompt and its answer, known once it has begun
        # What goes wrong is raised to whoever asked, so that it need not be logged as well.
        logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)

    def begin(self, prompt: list[int]) -> None:
        """Computes a token, to see whether the model can be batched at all.

        Raises RuntimeError if it cannot, or there is too little memory.
        """
        list(self.stream(prompt, 1, threading.Event()))
        self.room = self._manager.batch_processor.cache.num_blocks * PAGE

    def stream(
        self, prompt: list[int], new_tokens: int, stop: threading.Event
    ) -> Generator[list[int], None, None]:
        """New tokens as they are computed, at most `new_tokens`; it ends soon after `stop` is set,
        and its memory is free again when it is closed. Both together must fit into the `room`.

        Raises RuntimeError with the model's own words if it fails, for all requests of the time.
        """
        name, outputs = str(next(self._numbers)), SimpleQueue[Any]()
        with self._lock:
            manager = self._manager = self._manager or self._started()
            self._outputs[name] = outputs
            if manager.add_request(prompt, name, new_tokens, streaming=True) is None:
                outputs.put(None)
        given = 0
        try:
            while not stop.is_set():
                try:
                    output = outputs.get(timeout=PATIENCE)
                except Empty:
                    continue
                if output is None or output.error:
                    raise RuntimeError(output.error if output else "it stopped; ask again")
                yield output.generated_tokens[given:]
                given = len(output.generated_tokens)
                if output.is_finished():
                    return
        finally:
            with self._lock:
                del self._outputs[name]
            manager.cancel_request(name)

    def _started(self) -> Any:
        from transformers import ContinuousBatchingConfig

        manager = self._model.init_continuous_batching(
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=PAGE,
                auto_switch_to_flash=False,  # it would look for kernels on the hub
                **(PROCESSOR if self._model.device.type == "cpu" else GPU),
            )
        )
        begun, ended = threading.Event(), threading.Event()
        # The manager's thread is a daemon, too, when a daemon starts it: otherwise the process
        # would wait for it for ever.
        router = threading.Thread(target=self._route, args=(manager, begun, ended), daemon=True)
        router.start()
        begun.wait()

        @atexit.register
        def end() -> None:  # a daemon that computes when the process ends would abort it
            ended.set()
            router.join()

        return manager

    def _route(self, manager: Any, begun: threading.Event, ended: threading.Event) -> None:
        """Hands the manager's outputs to those who wait for them, until it fails or has ended."""
        manager.start()
        begun.set()
        while manager.is_running() and not ended.is_set():
            self._hand_out(manager.get_result(timeout=PATIENCE))
        with self._lock:
            while output := manager.get_result(timeout=0):
                self._hand_out(output)
            for outputs in self._outputs.values():
                outputs.put(None)
            manager.stop(hard_stop=True)
            self._manager = None  # the next request starts another

    def _hand_out(self, output: Any) -> None:
        # Of what was given up there may be outputs still.
        if output and (outputs := self._outputs.get(output.request_id)):
            outputs.put(output)
