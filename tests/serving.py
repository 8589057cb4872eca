"""Server processes as the tests of the web chat start and stop them, and the browser's flags."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-background-networking", "--disable-sync", "--no-first-run",
]  # fmt: skip
FOOTNOTE = str(Path(sys.executable).parent / "footnote")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server: its address, and what it has written."""

    def __init__(self, command: list[str], port: int, output: Path):
        self.address = f"http://127.0.0.1:{port}"
        self._output = output
        with output.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    def until(self, path: str = "/health", seconds: float = 120) -> None:
        """Waits until that path is answered with status 200."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.address + path, timeout=5).read()
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(self.said())

    def until_all(self) -> None:
        """Waits until the endpoints for programs are there as well."""
        deadline = time.monotonic() + 120
        while not self.logged("endpoints ready") and time.monotonic() < deadline:
            time.sleep(0.1)

    def said(self) -> str:
        return self._output.read_text()

    def logged(self, event: str) -> list[dict]:
        """The lines of its log about that."""
        written, _, _ = self.said().rpartition("\n")  # What is after it is still being written.
        lines = [line for line in written.splitlines() if line.startswith("{")]
        return [row for row in map(json.loads, lines) if row["event"] == event]

    def stop(self) -> str:
        self.process.terminate()
        self.process.wait(timeout=30)
        return self.said()


@contextmanager
def chat(index: Path, folder: Path, *options: str, ready: str = "/health") -> Iterator[Server]:
    """`footnote chat` on the index, its output and feedback in the folder, until it is left."""
    port = free_port()
    command = [FOOTNOTE, "chat", "--index", str(index), "--port", str(port)]
    command += ["--feedback", str(folder / "feedback.jsonl"), *options]
    server = Server(command, port, folder / "output.txt")
    try:
        server.until(ready)
        yield server
    finally:
        said = server.stop()
    assert "Traceback" not in said, said
