"""Turns and rates: who is let in, in which order, and what is left when people leave."""

import asyncio
from contextlib import aclosing

import pytest

from ui.gate import Busy, Gate, Rate


async def served(gate: Gate, seen: list, name: str, leave: asyncio.Event) -> None:
    async with aclosing(gate.turn()) as turn:
        async for ahead in turn:
            seen.append((name, ahead))
            if not ahead:
                break
        await leave.wait()


async def soon() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_turns_come_in_order_and_the_line_is_limited():
    async def scene():
        gate, seen = Gate(1, 2), []
        leave = {name: asyncio.Event() for name in "abc"}
        tasks = {}
        for name in "abc":
            tasks[name] = asyncio.create_task(served(gate, seen, name, leave[name]))
            await soon()
        assert seen == [("a", 0), ("b", 1), ("c", 2)]
        with pytest.raises(Busy, match="busy, try again"):
            await anext(gate.turn())
        seen.clear()
        leave["a"].set()
        await soon()
        assert seen == [("b", 0), ("c", 1)]
        tasks["c"].cancel()
        await soon()
        assert gate.waiting == 0
        leave["b"].set()
        await soon()
        async with aclosing(gate.turn()) as turn:
            assert await anext(turn) == 0

    asyncio.run(scene())


def test_leaving_at_any_moment_gives_the_turn_back():
    async def scene():
        for moment in range(12):
            gate, leave = Gate(1, 5), asyncio.Event()
            tasks = [asyncio.create_task(served(gate, [], n, leave)) for n in "abc"]
            for _ in range(moment):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert gate.waiting == 0
            async with aclosing(gate.turn()) as turn:
                assert await anext(turn) == 0

    asyncio.run(scene())


def test_a_rate_is_counted_for_each_person():
    rate = Rate(2)
    rate.count("ada")
    rate.count("ada")
    rate.count("bob")
    with pytest.raises(Busy, match=r"2 a minute are allowed: try again in \d+ s"):
        rate.count("ada")
    rate.count("bob")
