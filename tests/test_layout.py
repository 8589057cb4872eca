"""The rooms of the house: who imports whom, and what the faces must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = {"rag", "ingest", "eval", "ui"}
MAY_IMPORT = {"rag": set(), "ingest": {"rag"}, "eval": {"rag"}, "ui": {"rag", "ingest", "eval"}}
ONLY_IN = {"chromadb": "rag/index.py", "gradio": "ui/web.py"}
FILES = sorted(path for room in ROOMS for path in (ROOT / room).glob("*.py"))


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_imports_between_rooms(path):
    room = path.parent.name
    assert imported(path) & ROOMS <= MAY_IMPORT[room] | {room}
    for library, only in ONLY_IN.items():
        if path != ROOT / only:
            assert library not in imported(path)


@pytest.mark.parametrize("face", ["rag", "ingest", "eval", "ui", "ui.cli"])
def test_faces_load_nothing_heavy(face):
    script = (
        f"import sys, {face}\n"
        "print({'torch', 'transformers', 'chromadb', 'gradio', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_top_level_is_as_agreed():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    folders = {name.split("/")[0] for name in tracked if "/" in name}
    assert folders <= ROOMS | {"tests", "bench", ".ci"}
