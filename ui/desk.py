"""Where everybody's questions are answered: the page's, the endpoints' and the tools'.

One gate, one rate a person and one log stand before the chatbots, which open behind it while
people can already come in. This module knows nothing of HTTP or of how answers are shown.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from rag.data import Answer, Citation, FootnoteError, Found, Hit, Message, Thought
from ui.gate import Gate, Rate

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

PASSAGES = 10  # unless asked otherwise
MOST_PASSAGES = 30
MESSAGES = 40  # of a conversation before the question
T = TypeVar("T")

_NO_HISTORY = "the history is a list of messages with a role (user, assistant) and a content"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows: answers at once, questions waiting for them, questions a minute
    of one person, and characters of a question."""

    concurrent: int = 2
    waiting: int = 64
    rate: int = 30
    question: int = 4000


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many are in front; None while the chatbots are opening."""

    ahead: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as somebody asks it: `who` is a person for the rate, `answerer` one of
    `Desk.bots`, and empty for the first."""

    question: str
    history: Sequence[Message] = ()
    who: str = ""
    k: int = PASSAGES
    strict: bool = False
    answerer: str = ""


class Desk:
    """The chatbots, by the names of their answerers, and the line before them."""

    def __init__(self, limits: Limits, log_questions: bool = False):
        self.limits = limits
        self.bots: dict[str, Chatbot] = {}
        self._opened = asyncio.Event()
        self._gate = Gate(limits.concurrent, limits.waiting)
        self._rate = Rate(limits.rate)
        self._log_questions = log_questions
        self._workers = ThreadPoolExecutor(limits.concurrent, "answer")
        self._runs: set[asyncio.Task[None]] = set()

    def open(self, bots: dict[str, Chatbot]) -> None:
        """Lets those in who have been waiting for the chatbots."""
        self.bots = bots
        self._opened.set()

    @property
    def ready(self) -> bool:
        """Whether the chatbots are open."""
        return self._opened.is_set()

    @property
    def load(self) -> dict[str, int]:
        """How many answers are being written, and how many questions wait."""
        return {"answering": len(self._runs) - self._gate.waiting, "waiting": self._gate.waiting}

    async def ask(self, asked: Asked) -> Answer:
        """The answer. Raises FootnoteError, and Busy where too many ask."""
        answer: Answer | None = None
        async with aclosing(self.stream(asked, lambda events: events)) as events:
            async for event in events:
                if isinstance(event, Answer):
                    answer = event
        assert answer is not None  # the events of an answer end with it
        return answer

    async def search(self, asked: Asked) -> list[Hit]:
        """The passages. Raises as `ask` does."""
        self._check(asked)

        def work(stop: Event) -> Generator[list[Hit], None, None]:
            yield self._bot(asked.answerer).search(asked.question, asked.k, asked.history)

        found: list[Hit] = []
        async with aclosing(self._run(work)) as events:
            async for event in events:
                if not isinstance(event, Waiting):
                    found = event
        return found

    async def stream(
        self,
        asked: Asked,
        shown: Callable[
            [Generator[Found | Thought | Citation | str | Answer, None, None]], Iterator[T]
        ],
    ) -> AsyncGenerator[Waiting | T, None]:
        """What `shown` makes of the events of an answer, as they come, after those of waiting.

        `shown` runs in the thread that answers. Closing this ends the answer. Raises as `ask`.
        """
        self._check(asked)

        def work(stop: Event) -> Generator[T, None, None]:
            bot = self._bot(asked.answerer)
            events = bot.events(asked.question, asked.history, stop, k=asked.k, strict=asked.strict)
            with closing(self._logged(events, asked, bot.answerer)) as logged:
                yield from shown(logged)

        async with aclosing(self._run(work)) as made:
            async for one in made:
                yield one

    def _check(self, asked: Asked) -> None:
        """Raises FootnoteError for what nobody should wait in line for."""
        self._rate.count(asked.who)
        if not asked.question.strip():
            raise FootnoteError("the question is empty: write one")
        if len(asked.question) > self.limits.question:
            raise FootnoteError(
                f"the question has {len(asked.question):,} characters, at most "
                f"{self.limits.question:,} are read: shorten it"
            )
        if len(asked.history) > MESSAGES:
            raise FootnoteError(
                f"the conversation has {len(asked.history)} messages, at most {MESSAGES} are read"
            )
        if not 1 <= asked.k <= MOST_PASSAGES:
            raise FootnoteError(f"k is {asked.k}: ask for 1 to {MOST_PASSAGES} passages")

    def _bot(self, answerer: str) -> Chatbot:
        if not answerer:
            return next(iter(self.bots.values()))
        if answerer not in self.bots:
            raise FootnoteError(
                f"no answerer is called {answerer[:60]!r}: choose from {', '.join(self.bots)}"
            )
        return self.bots[answerer]

    async def _run(
        self, work: Callable[[Event], Generator[T, None, None]]
    ) -> AsyncGenerator[Waiting | T, None]:
        """What `work` yields in a thread of its own, once the chatbots are open and it is its
        turn. The turn lasts until the thread has ended, also after this has been closed."""
        events: asyncio.Queue[Waiting | T | None] = asyncio.Queue()
        stop = Event()
        loop = asyncio.get_running_loop()
        at_work = False

        def in_thread() -> None:
            with closing(work(stop)) as made:
                for one in made:
                    if stop.is_set():
                        return
                    loop.call_soon_threadsafe(events.put_nowait, one)

        async def in_turn() -> None:
            nonlocal at_work
            async with aclosing(self._gate.turn()) as turn:
                async for ahead in turn:
                    if not ahead:
                        break
                    events.put_nowait(Waiting(ahead))
                if not self.ready:
                    events.put_nowait(Waiting(None))
                    await self._opened.wait()
                at_work = True
                await loop.run_in_executor(self._workers, in_thread)

        def ended(run: asyncio.Task[None]) -> None:
            self._runs.discard(run)
            events.put_nowait(None)
            if not run.cancelled():
                run.exception()  # of somebody who has left: nobody else asks for it

        run = asyncio.create_task(in_turn())
        self._runs.add(run)
        run.add_done_callback(ended)
        try:
            while (event := await events.get()) is not None:
                yield event
            await run  # raises what went wrong
        finally:
            stop.set()
            if not at_work:  # a thread cannot be cancelled: it ends at its next event
                run.cancel()

    def _logged(
        self,
        events: Generator[Found | Thought | Citation | str | Answer, None, None],
        asked: Asked,
        name: str,
    ) -> Generator[Found | Thought | Citation | str | Answer, None, None]:
        """The events, and a line in the log once they have ended, one way or another."""
        row: dict[str, Any] = {"status": "failed"}
        started = time.monotonic()
        try:
            with closing(events):
                for event in events:
                    if isinstance(event, Answer):
                        row = {
                            "status": "abstained" if event.abstained else "answered",
                            "citations": len(event.citations),
                            "confidence": round(event.confidence, 2),
                            "timings": {step: round(s, 3) for step, s in event.timings.items()},
                        }
                    yield event
        except FootnoteError as error:
            row["error"] = str(error)
            raise
        except GeneratorExit:  # somebody pressed Stop, or left
            row = {"status": "stopped"}
            raise
        finally:
            question = {"question": asked.question} if self._log_questions else {}
            seconds = round(time.monotonic() - started, 3)
            log("answer", answerer=name, seconds=seconds, k=asked.k, **row, **question)


def read_asked(given: Mapping[str, Any], who: str) -> Asked:
    """The question as a page or a program sends it; raises FootnoteError for any other form.

    A message's content may be a list of blocks, as Gradio's own chats send it.
    """
    question, answerer = given.get("question"), given.get("answerer", "")
    k, strict = given.get("k", PASSAGES), given.get("strict", False)
    if not (isinstance(question, str) and isinstance(answerer, str)):
        raise FootnoteError("question and answerer are texts")
    if isinstance(k, bool) or not isinstance(k, int) or not isinstance(strict, bool):
        raise FootnoteError("k is a number, and strict is true or false")
    history = given.get("history") or []
    if not isinstance(history, list):
        raise FootnoteError(_NO_HISTORY)
    return Asked(question, tuple(map(_message, history)), who, k, strict, answerer)


def _message(given: Any) -> Message:
    role, content = map(given.get, ("role", "content")) if isinstance(given, dict) else (0, 0)
    if isinstance(content, list):
        content = "\n".join(str(one.get("text", "")) for one in content if isinstance(one, dict))
    if role not in ("user", "assistant") or not isinstance(content, str):
        raise FootnoteError(_NO_HISTORY)
    return Message(role=role, content=content)


def log(event: str, **fields: Any) -> None:
    """One JSON object a line on standard error."""
    row = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    # In one write, which no other thread's line comes between; `print` writes the end by itself.
    sys.stderr.write(json.dumps(row, ensure_ascii=False) + "\n")
