"""An ingest that is killed, interrupted, out of disk or raced loses nothing and lies about nothing.

Real `footnote` processes are stopped at seeded random moments of their run. FOOTNOTE_KILLS says
how many are killed, in turn in a first ingest, in a second one over changed rows, and in a
removal.
"""

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rag.data import FootnoteError
from rag.index import Index

KILLS = int(os.environ.get("FOOTNOTE_KILLS", "6"))
FOOTNOTE = Path(sys.executable).parent / "footnote"
# Chroma writes its vector files every 1,000 passages, and an ingest embeds 1,024 at a time.
ROWS = 2400
Places = set[tuple[str, str, str]]  # chunk ids, URLs and texts
KINDS = ("first", "second", "removed")
SYLLABLES = ["ka", "lo", "mi", "ren", "tu", "sol", "var", "bek", "dan", "fo", "gil", "hest"]


def row(number: int, salt: str = "") -> dict[str, str]:
    """An invented row of a table; another salt gives another text."""
    pick = random.Random(f"{number}{salt}")
    words = ["".join(pick.choices(SYLLABLES, k=3)) for _ in range(12)]
    return {
        "source": f"docs/{number // 8}.md",
        "url": f"https://crash.test/docs/{number // 8}/#part-{number % 8}",
        "file_type": ".md",
        "chunk": " ".join(words),
        "chunk_id": f"{number}_0",
    }


def before() -> list[dict[str, str]]:
    return [row(number) for number in range(ROWS)]


def after() -> list[dict[str, str]]:
    """A fifth of the texts changed, a fifth gone, a fifth renumbered, and some new and repeated."""
    rows = []
    for number in range(ROWS + 500):
        match number % 5:
            case 0:
                rows.append(row(number, "changed"))
            case 1:
                pass
            case 2:
                rows.append(row(number) | {"chunk_id": f"r{number}"})
            case _:
                rows.append(row(number))
    again = {"url": "https://crash.test/docs/again/", "source": "docs/again.md"}
    return [*rows, *(row(n) | again | {"chunk_id": f"again{n}"} for n in range(3, 400, 10))]


def other() -> list[dict[str, str]]:
    """A source that nothing happens to."""
    return [row(number, "of another source") for number in range(50)]


@dataclass(frozen=True)
class Corpus:
    """Tables, and the indexes that uninterrupted runs made of them.

    `blank` has nothing but an embedder in it, so that no run has to load torch; `two` is `first`
    with another source beside it, `second` and `removed` are what became of it.
    """

    embedder: Path
    old: Path
    new: Path
    other: Path
    blank: Path
    first: Path
    two: Path
    second: Path
    removed: Path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, tiny_embedder) -> Corpus:
    folder = tmp_path_factory.mktemp("crash")
    names = ("old", "new", "other.jsonl", "blank", "first", "two", "second", "removed")
    made = Corpus(tiny_embedder, *(folder / name for name in names))
    for table, rows in ((made.old, before()), (made.new, after())):
        table.mkdir()
        write(table / "docs.jsonl", rows)
    write(made.other, other())
    run("ingest", made.old / "docs.jsonl", "--index", made.first, "--embedder", tiny_embedder)
    made.blank.mkdir()
    shutil.copytree(made.first / "encoder", made.blank / "encoder")
    shutil.copytree(made.first, made.two)
    run("ingest", made.other, "--index", made.two)
    for copy in (made.second, made.removed):
        shutil.copytree(made.two, copy)
    run("ingest", made.new / "docs.jsonl", "--index", made.second)
    run("remove", "docs.jsonl", "--index", made.removed)
    return made


def write(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(*arguments: object, status: int = 0, **options) -> subprocess.CompletedProcess[str]:
    """Runs `footnote`, which must end with that status and without a traceback."""
    done = subprocess.run(
        [FOOTNOTE, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == status, done.stderr
    return done


def start(*arguments: object, **options) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [FOOTNOTE, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def assert_same(folder: Path, expected: Path) -> None:
    """Two indexes hold the same: ids, texts, metadata, vectors, words and what they say of it."""
    ours, theirs = contents(folder), contents(expected)
    assert ours.keys() == theirs.keys()
    for part in ("sources", "passages", "words"):
        assert ours[part] == theirs[part]
    assert np.allclose(ours["vectors"], theirs["vectors"], atol=1e-6)


def contents(folder: Path) -> dict:
    """All that an index holds. It is read from a copy, since Chroma keeps what it knows of a
    folder for as long as a process lives."""
    copy = folder.with_name(f"{folder.name}-{time.monotonic_ns()}")
    shutil.copytree(folder, copy)
    index = Index.open(copy)
    assert not [lost for _, batch in index.unfound() for lost in batch]
    ids = sorted(index.ids())
    found = index.candidates(ids)
    order = np.argsort(found.ids)
    assert [found.ids[i] for i in order] == ids
    sources = {
        name: {key: value for key, value in source.items() if key != "ingested"}
        for name, source in index.manifest["sources"].items()
    }
    result = {
        "sources": sources,
        "passages": list(zip(ids, index.passages(ids), strict=True)),
        "words": index.words.ids(),
        "vectors": found.vectors[order],
    }
    assert result["words"] == set(ids)
    shutil.rmtree(copy)
    return result


READER = """
import json, sys, time
from rag import Chatbot
bot = Chatbot.open(sys.argv[1])
questions = [line for line in open(sys.argv[2])]
print("open", flush=True)
for n in range(10 ** 9):
    hits = bot.search(questions[n % len(questions)], k=5)
    print(json.dumps([[h.passage.chunk_id, h.passage.url, h.passage.text] for h in hits]), flush=True)
"""


class Reader:
    """A process that opened the index and asks it one question after the other until `close`."""

    def __init__(self, folder: Path, scratch: Path):
        questions = scratch / "questions.txt"
        questions.write_text("".join(row(number)["chunk"] + "\n" for number in range(0, ROWS, 7)))
        self._said = (scratch / "said.txt").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER, folder, questions],
            stdout=self._said,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: self.answers() > 0)

    def answers(self) -> int:
        """How many lines it has said."""
        assert self._process.poll() is None, self._process.stderr.read()
        return Path(self._said.name).read_text().count("\n")

    def close(self) -> list[list[list[str]]]:
        """Ends it, once it has answered a few more times, and returns all answers."""
        enough = self.answers() + 3
        wait_until(lambda: self.answers() >= enough or self._process.poll() is not None)
        self._process.kill()
        said = self._process.communicate()[1]
        assert self._process.returncode == -signal.SIGKILL, said
        self._said.seek(0)
        lines = self._said.read().split("\n")[1:-1]
        self._said.close()
        return [json.loads(line) for line in lines]


def wait_until(true, seconds: float = 60) -> None:
    stop = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < stop, "waited in vain"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def real_places() -> Places:
    """Every (chunk id, URL, text) that the tables ever held."""
    rows = [*before(), *after(), *other()]
    return {(r["chunk_id"], r["url"], r["chunk"]) for r in rows}


def assert_sound(answers: list[list[list[str]]], real: Places) -> None:
    assert answers
    for hits in answers:
        assert 0 < len(hits) <= 5
        assert {tuple(hit) for hit in hits} <= real


def command(kind: str, corpus: Corpus) -> tuple[object, ...]:
    """What makes the index of that kind out of the one before it."""
    match kind:
        case "first":
            return ("ingest", corpus.old / "docs.jsonl", "--embedder", corpus.embedder)
        case "second":
            return ("ingest", corpus.new / "docs.jsonl")
    return ("remove", "docs.jsonl")


@pytest.fixture(scope="module")
def seconds(corpus, tmp_path_factory) -> dict[str, float]:
    """How long an uninterrupted run of each kind takes."""
    taken = {}
    for kind in KINDS:
        index = tmp_path_factory.mktemp(kind) / "index"
        shutil.copytree(corpus.blank if kind == "first" else corpus.two, index)
        started = time.monotonic()
        run(*command(kind, corpus), "--index", index)
        taken[kind] = time.monotonic() - started
    return taken


@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_loses_nothing(number, corpus, seconds, tmp_path, real_places, record_property):
    kind = KINDS[number % len(KINDS)]
    index = tmp_path / "index"
    shutil.copytree(corpus.blank if kind == "first" else corpus.two, index)
    reader = Reader(index, tmp_path) if kind != "first" and number % 2 else None

    process = start(*command(kind, corpus), "--index", index)
    time.sleep(random.Random(number).uniform(0.2, 1.0) * seconds[kind])
    process.kill()
    process.wait()

    untouched = row(7) if kind == "first" else other()[7]
    left = assert_open_or_unfinished(index, untouched, real_places)
    record_property("killed", f"{kind}: {state_of(left)}")
    assert left or kind == "first"
    if kind != "removed" or "docs.jsonl:" in left:
        run(*command(kind, corpus), "--index", index)
    if reader:
        assert_sound(reader.close(), real_places)
    run("info", "--index", index, "--check")
    assert_same(index, getattr(corpus, kind))


def state_of(info: str) -> str:
    """What was left of the source that was written, for the run's report."""
    line = next((line for line in info.split("\n") if line.startswith("docs.jsonl:")), "")
    return "incomplete" if "NOT COMPLETE" in line else "complete" if line else "absent"


def assert_open_or_unfinished(index: Path, asked: dict[str, str], real: Places) -> str:
    """What `info` says of the index, nothing where it says that it is not finished; if it is
    open, the row asked for is found."""
    said = subprocess.run(
        [FOOTNOTE, "info", "--index", index], capture_output=True, text=True, timeout=120
    )
    if said.returncode:
        assert re.fullmatch(r"footnote: .*(is not finished|is not an index).*\n", said.stderr)
        return ""
    found = run("search", asked["chunk"], "--index", index, "--json")
    hits = [
        [hit[key] for key in ("chunk_id", "url", "text")]
        for hit in json.loads(found.stdout)["hits"]
    ]
    assert hits[0] == [asked[key] for key in ("chunk_id", "url", "chunk")]
    assert {tuple(hit) for hit in hits} <= real
    return said.stdout


def test_a_reader_sees_old_and_new_rows_while_they_are_written(corpus, tmp_path, real_places):
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    reader = Reader(index, tmp_path)
    run(*command("second", corpus), "--index", index)
    assert_sound(reader.close(), real_places)


def test_a_reader_finds_what_was_written_after_it_opened(corpus, tmp_path):
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    opened = Index.open(index)
    assert len(opened.ids()) == len(before()) + len(other())
    run(*command("second", corpus), "--index", index)
    opened.refresh()
    assert sorted(opened.ids()) == sorted(Index.open(corpus.second).ids())
    assert not [lost for _, batch in opened.unfound() for lost in batch]
    new = tmp_path / "new.jsonl"
    write(new, [row(1, "of a third source")])
    run("ingest", new, "--index", index)
    opened.refresh()
    (found,) = opened.all_passages("new.jsonl")
    assert opened.base_url(found) == "https://crash.test/docs/"


def test_another_ingest_after_a_killed_first_one_keeps_count_of_it(corpus, tmp_path):
    """The unfinished source is not passed off as finished, nor forgotten."""
    index = tmp_path / "index"
    shutil.copytree(corpus.blank, index)
    process = start(*command("first", corpus), "--index", index)
    wait_until(lambda: some_written(index))
    process.kill()
    process.wait()
    run("ingest", corpus.other, "--index", index, "--embedder", corpus.embedder)
    assert "NOT COMPLETE" in run("info", "--index", index).stdout
    run("search", row(3)["chunk"], "--index", index)
    run(*command("first", corpus), "--index", index)
    assert_same(index, corpus.two)


def some_written(index: Path) -> bool:
    """Whether any words are in the index yet; they come after the passages."""
    about = index / "lexical" / "meta.json"
    return about.exists() and json.loads(about.read_text())["segments"] != []


@pytest.mark.parametrize("part", [0.35, 0.6, 0.9])
def test_ctrl_c_ends_it_with_one_line(part, corpus, seconds, tmp_path):
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    process = start(
        *command("second", corpus),
        "--index",
        index,
        # A shell's background jobs are born deaf to it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(part * seconds["second"])
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said
    # The last one may come when all is done, and even Python is on its way out.
    if process.returncode not in (0, -signal.SIGINT):
        assert process.returncode == 130
        assert said.endswith("footnote: stopped\n")
    run(*command("second", corpus), "--index", index)
    assert_same(index, corpus.second)


def test_a_second_writer_is_told_at_once(corpus, tmp_path):
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    first = start(*command("second", corpus), "--index", index)
    manifest = (index / "manifest.json").read_text()
    wait_until(lambda: (index / "manifest.json").read_text() != manifest)
    first.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    for words in (("ingest", corpus.other), ("remove", "docs.jsonl"), ("info", "--repair")):
        said = run(*words, "--index", index, status=1).stderr
        assert re.fullmatch("footnote: another process is writing to the index at .*\n", said)
    assert time.monotonic() - started < 30
    first.send_signal(signal.SIGCONT)
    assert first.wait(timeout=60) == 0
    assert_same(index, corpus.second)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("header.bin", 0.0),
        ("index_metadata.pickle", 0.5),
        ("data_level0.bin", 0.0),
        ("data_level0.bin", 0.4),
    ],
)
def test_vector_files_in_pieces_are_mended(name, part, corpus, tmp_path):
    """Chroma writes them in place, so that a kill may leave any of them cut short."""
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    (file,) = (index / "chroma").glob(f"*/{name}")
    os.truncate(file, int(file.stat().st_size * part))
    assert "--repair" in run("info", "--check", "--index", index, status=1).stderr
    run("info", "--repair", "--index", index)
    run("info", "--check", "--index", index)
    assert_same(index, corpus.two)


@pytest.mark.parametrize(
    ("name", "part"),
    [("header.bin", 0.0), ("index_metadata.pickle", 0.5)],
)
def test_a_search_waits_for_vector_files_that_are_being_written(name, part, corpus, tmp_path):
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    (file,) = (index / "chroma").glob(f"*/{name}")
    opened, whole = Index.open(index), file.read_bytes()
    vector = opened.candidates(opened.ids()[:1]).vectors[0]
    before = opened.nearest(vector, 5)
    os.truncate(file, int(len(whole) * part))
    opened.reconnect()
    writer = threading.Timer(1, lambda: file.write_bytes(whole))
    writer.start()
    assert opened.nearest(vector, 5) == before
    writer.join()
    os.truncate(file, int(len(whole) * part))
    opened.reconnect()
    with pytest.raises(FootnoteError, match="are damaged: mend the index with"):
        opened.nearest(vector, 5)


def without_privileges() -> None:
    """Makes a process respect permissions even where it belongs to root."""
    import ctypes

    drop, override, read_search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_*
    for capability in (override, read_search):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def test_where_nothing_can_be_written(corpus, tmp_path):
    (tmp_path / "file").touch()
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    for index in (tmp_path / "file", tmp_path / "file" / "index", locked, locked / "index"):
        done = run(
            "ingest", corpus.other, "--index", index, status=1, preexec_fn=without_privileges
        )
        assert re.fullmatch(r"footnote: .*\n", done.stderr)
    assert not list(locked.iterdir())


def protect(index: Path, folders: int, files: int) -> None:
    for path in (index, *index.rglob("*")):
        path.chmod(folders if path.is_dir() else files)


def test_an_index_that_cannot_be_written_says_so(corpus, tmp_path):
    """Even to be read it must be writable: Chroma and tantivy take locks."""
    index = tmp_path / "index"
    shutil.copytree(corpus.two, index)
    protect(index, 0o555, 0o444)
    try:
        for words in (("ingest", corpus.new / "docs.jsonl"), ("search", "anything"), ("info",)):
            done = run(*words, "--index", index, status=1, preexec_fn=without_privileges)
            assert re.fullmatch(r"footnote: cannot .*(write|read-only|denied).*\n", done.stderr)
    finally:
        protect(index, 0o755, 0o644)
    assert_same(index, corpus.two)


@pytest.mark.parametrize(
    "kind, size",
    [
        *(("first", size) for size in (0, 32, 256, 1024, 3072)),
        *(("second", size) for size in (256, 3072, 5120)),
        *(("removed", size) for size in (0, 256)),
    ],
)
def test_a_full_disk(kind, size, corpus, tmp_path):
    """No file may grow beyond so many KiB, as on a disk that is full at that moment."""
    index = tmp_path / "index"
    shutil.copytree(corpus.blank if kind == "first" else corpus.two, index)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size * 1024, size * 1024))

    process = start(*command(kind, corpus), "--index", index, preexec_fn=limit)
    said = process.communicate(timeout=120)[1]
    assert "Traceback" not in said
    assert process.returncode in (0, 1)
    if process.returncode:
        assert re.search(r"^footnote: .*\n\Z", said, re.MULTILINE)
    if kind != "removed" or "docs.jsonl:" in run("info", "--index", index).stdout:
        run(*command(kind, corpus), "--index", index)
    run("info", "--index", index, "--check")
    assert_same(index, getattr(corpus, kind))
