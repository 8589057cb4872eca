"""Whose turn it is: so many at once, the rest in a line of limited length, at a limited rate each.

This module knows nothing of questions or of HTTP. All of it happens on one event loop.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator

from rag.data import FootnoteError

MINUTE = 60.0  # seconds
PEOPLE = 10_000  # whose rate is remembered


class Busy(FootnoteError):
    """Too many are asking at the moment; trying again later helps."""


class Gate:
    """Lets `concurrent` in at once and has at most `waiting` more wait for them."""

    def __init__(self, concurrent: int, waiting: int):
        self._free = concurrent
        self._waiting = waiting
        self._line: list[asyncio.Event] = []

    async def turn(self) -> AsyncGenerator[int, None]:
        """Yields how many are in front whenever that changes, and 0 when it is one's turn.

        The turn, or the place in the line, is given up when the generator is closed. Raises Busy
        where the line is full.
        """
        if not self._free and len(self._line) >= self._waiting:
            raise Busy("busy, try again in a moment")
        moved = asyncio.Event()
        self._line.append(moved)
        told = 0
        try:
            self._move()
            while moved in self._line:
                moved.clear()
                if told != (told := self._line.index(moved) + 1):
                    yield told
                await moved.wait()
            yield 0
        finally:
            if moved in self._line:
                self._line.remove(moved)
            else:
                self._free += 1
            self._move()

    @property
    def waiting(self) -> int:
        """How many are in the line."""
        return len(self._line)

    def _move(self) -> None:
        while self._free and self._line:
            self._free -= 1
            self._line.pop(0).set()
        for moved in self._line:
            moved.set()


class Rate:
    """Lets each person do something so many times a minute."""

    def __init__(self, a_minute: int):
        self._a_minute = a_minute
        self._times: dict[str, deque[float]] = {}

    def count(self, who: str) -> None:
        """Raises Busy, with the seconds to wait, where that is once too often."""
        now = time.monotonic()
        times = self._times.pop(who, deque())
        while times and now - times[0] >= MINUTE:
            times.popleft()
        self._times[who] = times  # those heard of last stand at the end
        if len(self._times) > PEOPLE:
            del self._times[next(iter(self._times))]
        if len(times) >= self._a_minute:
            wait = int(MINUTE - (now - times[0])) + 1
            raise Busy(f"{self._a_minute} a minute are allowed: try again in {wait} s")
        times.append(now)
