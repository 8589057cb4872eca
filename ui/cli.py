"""The `footnote` command.

Results go to standard output, progress and warnings to standard error. A FootnoteError is one
line and status 1; wrong usage is status 2. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.data import Answer, FootnoteError
from ui.rows import answer_row, hit_row

if TYPE_CHECKING:
    from ingest.build import Progress
    from rag.chatbot import Chatbot
    from rag.index import Index

app = typer.Typer(
    help="Answers questions about documentation; every sentence carries a footnote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

IndexOption = Annotated[Path, typer.Option("--index", help="The index folder.")]
GeneratorOption = Annotated[
    str | None,
    typer.Option(
        help="A chat model's hub id or path, or an OpenAI-style server's URL "
        "(http://host/v1). Without one, sentences are quoted."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DEFAULT_INDEX = Path("index")


@app.command()
def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="A table of chunks (.parquet, .jsonl, .csv, dataset viewer text) or "
            "python:PACKAGE.",
        ),
    ],
    index: IndexOption = DEFAULT_INDEX,
    embedder: Annotated[
        str | None, typer.Option(help="A sentence-embedding model's hub id or path.")
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE", help="python: a module to leave out; may be repeated."),
    ] = None,
    source_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="python: the folder of the package's source, with {version} for its version.",
        ),
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option(help="Count malformed rows and go on, instead of stopping.")
    ] = False,
) -> None:
    """Read documentation into an index; only what changed is embedded."""
    from ingest.build import build
    from ingest.reading import read

    for source in sources:
        reading = read(
            source,
            exclude=tuple(exclude or ()),
            source_url=source_url,
            skip_bad_rows=skip_bad_rows,
        )
        with progress_bars() as progress:
            built = build(reading, index, embedder, progress)
        left_out = "".join(
            f", {count:,} {reason} left out" for reason, count in built.left_out.items() if count
        )
        gone = f", {built.removed:,} removed" if built.removed else ""
        typer.echo(
            f"{built.source}: {built.read:,} read, {built.kept:,} passages{left_out}; "
            f"{built.written:,} embedded and written{gone}"
        )


@app.command()
def search(
    question: str,
    index: IndexOption = DEFAULT_INDEX,
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Show the passages that best match a question."""
    hits = open_chatbot(index).search(question, k)
    if as_json:
        print_json({"question": question, "hits": [hit_row(hit) for hit in hits]})
        return
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for rank, hit in enumerate(hits, 1):
        console.print(Text(f"{rank}. {hit.score:.3f}  {hit.passage.url}", style="bold"))
        console.print(Text(" › ".join([hit.passage.title, *hit.passage.headings]), style="dim"))
        console.print(Text(hit.passage.text))
        for place in hit.passage.repeats:
            console.print(Text(f"The same text is at {place.url}", style="dim"))
        console.print()


@app.command()
def ask(
    question: str,
    index: IndexOption = DEFAULT_INDEX,
    generator: GeneratorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question, with footnotes."""
    bot = open_chatbot(index, generator)
    if as_json:
        print_json(answer_row(question, bot.ask(question), bot.answerer))
        return
    for event in bot.stream(question):
        if isinstance(event, Answer):
            typer.echo("\n")
            for note in event.citations:
                typer.echo(f"[{note.marker}] {note.url}")
            if event.abstained:
                for hit in event.hits[:3]:
                    typer.echo(f"Nearest: {hit.passage.url}")
        else:
            typer.echo(event, nl=False)


@app.command()
def chat(
    index: IndexOption = DEFAULT_INDEX,
    generator: GeneratorOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 7860,
    auth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file of name:password lines.")
    ] = None,
) -> None:
    """Serve the web chat."""
    from ui.web import launch, read_users

    users = read_users(auth) if auth else None
    launch(open_chatbot(index, generator), host=host, port=port, users=users)


@app.command("eval")
def evaluate(
    questions: Annotated[Path, typer.Argument(help="A question set, one JSON object a line.")],
    index: IndexOption = DEFAULT_INDEX,
    out: Annotated[
        Path | None, typer.Option(help="A new folder for rows and summary; by default in runs/.")
    ] = None,
    generator: GeneratorOption = None,
) -> None:
    """Run a question set and measure retrieval, answers, citations and abstention."""
    from eval.questions import read_questions
    from eval.report import terminal
    from eval.run import default_out
    from eval.run import evaluate as run_evaluation

    asked = read_questions(questions)
    bot = open_chatbot(index, generator)
    folder = out or default_out(questions)
    with progress_bars() as progress:
        summary = run_evaluation(
            bot, asked, folder, progress=lambda _, total: progress("asking", 1, total)
        )
    from rich.console import Console

    Console().print(terminal(summary))
    typer.echo(f"rows, rankings and summary are in {folder}")


@app.command()
def info(
    index: IndexOption = DEFAULT_INDEX,
    check: Annotated[
        bool, typer.Option("--check", help="Look every passage up by its own vector.")
    ] = False,
) -> None:
    """Say what an index holds, and check it."""
    from rag.index import Index

    opened = Index.open(index)
    embedder = opened.manifest["embedder"]
    typer.echo(f"{len(opened):,} passages, embedded by {embedder['name']}")
    for name, source in opened.manifest["sources"].items():
        left_out = ", ".join(f"{n:,} {reason}" for reason, n in source["left_out"].items())
        typer.echo(
            f"{name}: {source['passages']:,} passages of {source['pages']:,} pages, "
            f"read {source['ingested']}"
            + (f", left out: {left_out}" if left_out else "")
            + ("" if source["complete"] else "  NOT COMPLETE: run its ingest again")
        )
    if check:
        with progress_bars() as progress:
            check_index(opened, progress)
        typer.echo("every passage is there and found by its own vector")


def check_index(index: Index, progress: Progress) -> None:
    """Raises FootnoteError unless the count is right and every passage finds itself."""
    sources = index.manifest["sources"].values()
    unfinished = [name for name, s in index.manifest["sources"].items() if not s["complete"]]
    if unfinished:
        raise FootnoteError(f"not complete: {', '.join(unfinished)}; run the ingest again")
    expected = sum(source["passages"] for source in sources)
    if len(index) != expected:
        raise FootnoteError(
            f"the index has {len(index):,} passages, its manifest says {expected:,}: remove the "
            "folder and ingest again"
        )
    lost = []
    for done, missed in index.unfound():
        progress("checking", done, len(index))
        lost += missed
    if lost:
        raise FootnoteError(
            f"{len(lost):,} passages are not found by their own vectors: remove the folder and "
            "ingest again"
        )


def open_chatbot(index: Path, generator: str | None = None) -> Chatbot:
    """The chatbot, with a sign of life on standard error while models load."""
    from rich.console import Console

    with Console(stderr=True).status("opening the index and its models"):
        from rag.chatbot import Chatbot

        return Chatbot.open(index, generator)


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """A bar with count, speed and time left for each step that is reported."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [
        TextColumn("{task.description:22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def report(step: str, done: int, total: int | None) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], advance=done, total=total)

        yield report


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, ensure_ascii=False))


def main() -> None:
    """Entry point: errors that a person can put right are one line, never a traceback."""
    # Models are offline unless asked for by hub id; their libraries' chatter is not for people.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except FootnoteError as error:
        print(f"footnote: {error}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        print("footnote: stopped", file=sys.stderr)
        raise SystemExit(130) from None
