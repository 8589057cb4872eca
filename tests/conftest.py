"""Fixtures that several folders of tests use."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lantern import write_table

from ingest.build import build
from ingest.reading import read
from rag.encoder import SentenceEncoder

pytest_plugins = ["fixtures_models"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora and development questions; skips where there is none."""
    folder = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared"))
    if not (folder / "corpus").is_dir():
        missing(f"no shared corpora at {folder} (set FOOTNOTE_SHARED)")
    return folder


def missing(what: str) -> None:
    """Skips the test, or fails it where nothing may be missing (FOOTNOTE_NO_SKIP=1)."""
    if os.environ.get("FOOTNOTE_NO_SKIP") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def lantern_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lantern's documentation as a table of chunks."""
    return write_table(tmp_path_factory.mktemp("table") / "lantern.jsonl")


@pytest.fixture(scope="session")
def lantern(lantern_table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of Lantern's documentation, made with the default embedder; not to be changed."""
    folder = tmp_path_factory.mktemp("lantern") / "index"
    build(read(str(lantern_table)), folder)
    return folder


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    """The default embedder."""
    return SentenceEncoder()


@pytest.fixture(scope="session")
def footnote() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the installed `footnote` command in a process of its own."""
    command = Path(sys.executable).parent / "footnote"

    def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *map(str, arguments)], capture_output=True, text=True, timeout=300, **options
        )

    return run
