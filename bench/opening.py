"""How soon the web chat is there: seconds from the start of `footnote chat` to what one sees.

    python -P bench/opening.py INDEX [--rounds 5]

The browser (Debian's chromium) is open already and asks for the page until it comes.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Error, sync_playwright
from rich.console import Console
from rich.table import Table

FIRST_PAINT = """() => new Promise((resolve) => new PerformanceObserver((list) => {
    for (const entry of list.getEntriesByName("first-contentful-paint"))
        resolve((performance.timeOrigin + entry.startTime) / 1000);
}).observe({ type: "paint", buffered: true }))"""
PATIENCE = 120_000  # milliseconds


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("index", type=Path)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        rounds = [opened(browser, given.index, folder) for _ in range(given.rounds)]
        browser.close()
    table = Table("seconds from the start to", "median", "worst")
    names = ("first paint", "models open", "four example questions")
    for name, values in zip(names, zip(*rounds, strict=True), strict=True):
        table.add_row(name, f"{statistics.median(values):.2f}", f"{max(values):.2f}")
    Console().print(table)


def opened(browser: Browser, index: Path, folder: str) -> tuple[float, float, float]:
    """Seconds until the page is painted, the models are open and the examples are there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = browser.new_page()
    command = [str(Path(sys.executable).parent / "footnote"), "chat", "--port", str(port)]
    command += ["--index", str(index), "--feedback", f"{folder}/feedback.jsonl"]
    begin = time.time()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
                break
            except Error:
                time.sleep(0.02)
        painted = page.evaluate(FIRST_PAINT) - begin
        page.locator("#state.ready").wait_for(timeout=PATIENCE)
        ready = time.time() - begin
        page.locator("#examples button").first.wait_for(timeout=PATIENCE)
        return painted, ready, time.time() - begin
    finally:
        server.terminate()
        server.wait()
        page.close()


if __name__ == "__main__":
    main()
