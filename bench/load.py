"""What the web chat bears: many people at once, people who leave, and a long time.

    python -P bench/load.py INDEX QUESTIONS.jsonl [--people 50] [--minutes 5] [--leavers 200]

It starts `footnote chat` as it is and asks over loopback from this process, as the page does. Each
person has an address of their own, thinks for a while between questions and goes on in the
conversation. Then people leave in the middle of an answer. Printed are the time to the first and
to the last of an answer, how many were told to try again, and the server's memory and threads.
An hour's soak is --minutes 60 --people 10.
"""

import argparse
import asyncio
import json
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

THINKING = (2.0, 10.0)  # seconds between a person's questions
TURNS = 6  # of a conversation
SAMPLE = 5.0  # seconds between two looks at the server's memory


@dataclass
class Seen:
    """What people and the observer saw; times in seconds, memory in MiB."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("index", type=Path)
    options.add_argument("questions", type=Path)
    options.add_argument("--people", type=int, default=50)
    options.add_argument("--minutes", type=float, default=5)
    options.add_argument("--leavers", type=int, default=200)
    given = options.parse_args()
    lines = given.questions.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = [str(Path(sys.executable).parent / "footnote"), "chat", "--port", str(port)]
        command += ["--index", str(given.index), "--feedback", f"{folder}/feedback.jsonl"]
        with Path(folder, "log").open("w") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            asyncio.run(measure(f"http://127.0.0.1:{port}", server.pid, questions, given))
        finally:
            server.terminate()
            server.wait()
        said = Path(folder, "log").read_text()
        print(f"tracebacks in the server's log: {said.count('Traceback')}")


async def measure(address: str, pid: int, questions: list[str], given: argparse.Namespace) -> None:
    """Runs both parts and prints the figures."""
    async with httpx.AsyncClient(base_url=address, timeout=120, limits=httpx.Limits()) as client:
        await until_ready(client)
        seen, server = Seen(), psutil.Process(pid)
        end = time.monotonic() + given.minutes * 60
        watching = asyncio.create_task(watch(server, seen))
        people = range(given.people)
        await asyncio.gather(*(person(client, n, questions, seen, end) for n in people))
        after_crowd = state(server)
        await asyncio.sleep(SAMPLE)
        await asyncio.gather(*(leaver(client, n, questions) for n in range(given.leavers)))
        await until_idle(client)
        await asyncio.sleep(SAMPLE)
        after_leavers = state(server)
        watching.cancel()
        health = (await client.get("/health")).json()
    half = len(seen.memory) // 2
    slope = np.polyfit(*zip(*seen.memory[half:], strict=True), 1)[0] * 60 if half > 2 else 0.0
    table = Table("", "", title=f"{given.people} people, {given.minutes:g} minutes")
    for name, times in (("first sign of an answer", seen.first), ("whole answer", seen.whole)):
        p50, p95, p99 = np.quantile(times, [0.5, 0.95, 0.99])
        table.add_row(f"{name}, p50 / p95 / p99 s", f"{p50:.2f} / {p95:.2f} / {p99:.2f}")
    table.add_row("how they ended", ", ".join(f"{n:,} {end}" for end, n in seen.ends.items()))
    table.add_row("answers a second", f"{len(seen.whole) / given.minutes / 60:.1f}")
    table.add_row(
        "memory at first / at the end MiB", f"{seen.memory[0][1]:.0f} / {after_crowd[0]:.0f}"
    )
    table.add_row("slope over the second half MiB a minute", f"{slope:.2f}")
    table.add_row(
        f"threads before / after {given.leavers} left", f"{after_crowd[1]} / {after_leavers[1]}"
    )
    table.add_row(
        "memory before / after they left MiB", f"{after_crowd[0]:.0f} / {after_leavers[0]:.0f}"
    )
    table.add_row("then answering / waiting", f"{health['answering']} / {health['waiting']}")
    Console().print(table)


async def person(
    client: httpx.AsyncClient, number: int, questions: list[str], seen: Seen, end: float
) -> None:
    """Asks, reads and asks again until the time is over."""
    chance = random.Random(number)
    await asyncio.sleep(chance.uniform(0, THINKING[1]))
    history: list[dict[str, str]] = []
    while time.monotonic() < end:
        question = chance.choice(questions)
        begin = time.monotonic()
        how = "broken off"
        try:
            async with ask(client, number, question, history) as answer:
                async for line in answer.aiter_lines():
                    event = json.loads(line) if line else {"event": ""}
                    if event["event"] == "found":
                        seen.first.append(time.monotonic() - begin)
                    if event["event"] == "answer":
                        how = "answered"
                        seen.whole.append(time.monotonic() - begin)
                        history += [
                            {"role": "user", "content": question},
                            {"role": "assistant", "content": event["text"]},
                        ]
                    if event["event"] == "error":
                        how = "told: " + re.sub(r"\d+", "N", event["message"])
        except httpx.HTTPError as error:
            how = type(error).__name__
        seen.ends[how] += 1
        history = [] if len(history) >= 2 * TURNS else history
        await asyncio.sleep(chance.uniform(*THINKING))


async def leaver(client: httpx.AsyncClient, number: int, questions: list[str]) -> None:
    """Asks, and is gone before the answer is whole."""
    chance = random.Random(number)
    await asyncio.sleep(chance.uniform(0, 10))
    try:
        async with ask(client, 1000 + number, chance.choice(questions), []) as answer:
            async with asyncio.timeout(chance.uniform(0, 0.5)):
                async for _ in answer.aiter_lines():
                    pass
    except (TimeoutError, httpx.HTTPError):
        pass


def ask(client: httpx.AsyncClient, number: int, question: str, history: list[dict[str, str]]):
    """The answer's stream, for a person who comes from an address of their own by a proxy."""
    address = f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"
    body = {"question": question, "history": history}
    return client.stream("POST", "/answer", json=body, headers={"X-Forwarded-For": address})


async def until_ready(client: httpx.AsyncClient) -> None:
    """Waits until the chat and the endpoints are there."""
    while True:
        try:
            health = await client.get("/health")
            if health.status_code == 200 and health.json()["endpoints"]:
                return
        except httpx.HTTPError:
            pass
        await asyncio.sleep(0.2)


async def until_idle(client: httpx.AsyncClient) -> None:
    """Waits until nothing is answered any more; not for ever."""
    for _ in range(300):
        health = (await client.get("/health")).json()
        if not health["answering"] and not health["waiting"]:
            return
        await asyncio.sleep(0.2)


async def watch(server: psutil.Process, seen: Seen) -> None:
    while True:
        seen.memory.append((time.monotonic(), state(server)[0]))
        await asyncio.sleep(SAMPLE)


def state(server: psutil.Process) -> tuple[float, int]:
    """Memory in MiB, and threads."""
    return server.memory_info().rss / 2**20, server.num_threads()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
