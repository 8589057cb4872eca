"""The `footnote` command.

Results go to standard output, progress and warnings to standard error. A FootnoteError is one
line and status 1; wrong usage is status 2. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.data import Answer, FootnoteError, Passage
from ui.evaluation import evaluate
from ui.options import (
    DEFAULT_INDEX,
    GeneratorOption,
    IndexOption,
    RerankerOption,
    SeedOption,
    TemperatureOption,
    open_chatbot,
    progress_bars,
)
from ui.rows import answer_row, hit_row

if TYPE_CHECKING:
    from ingest.build import Progress
    from ingest.reading import Reading
    from rag.chatbot import Chatbot
    from rag.index import Index

app = typer.Typer(
    help="Answers questions about documentation; every sentence carries a footnote.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="python:PACKAGE, hf:DATASET, https://..., a folder or file of Markdown, notebooks "
            "or HTML, or a table of chunks (.parquet, .jsonl, .csv, dataset viewer text).",
        ),
    ],
    index: IndexOption = DEFAULT_INDEX,
    embedder: Annotated[
        str | None, typer.Option(help="A sentence-embedding model's hub id or path.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--as", help="The reader: package, dataset, web, files or table."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="files: the site they are published on.")
    ] = None,
    chunking: Annotated[
        str, typer.Option(help="files: 'own', or 'table' for the cut of the published table.")
    ] = "own",
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="MODULE", help="package: a module to leave out; may be repeated."),
    ] = None,
    source_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="package: the folder of its source, with {version} for its version.",
        ),
    ] = None,
    columns: Annotated[
        str, typer.Option(help="table, dataset: other column names, as chunk=text,url=link.")
    ] = "",
    split: Annotated[str, typer.Option(help="dataset: the split to read.")] = "train",
    skip_bad_rows: Annotated[
        bool, typer.Option(help="table, dataset: count malformed rows and go on.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a table (.parquet) instead of an index."),
    ] = None,
) -> None:
    """Read documentation into an index; only what changed is embedded."""
    from ingest.build import build
    from ingest.reading import Options, read
    from ingest.table import parse_columns

    options = Options(
        base_url=base_url,
        chunking=chunking,
        exclude=tuple(exclude or ()),
        source_url=source_url,
        columns=parse_columns(columns),
        split=split,
        skip_bad_rows=skip_bad_rows,
    )
    readings = (read(source, options, kind) for source in sources)
    if export:
        write_table(readings, export)
        return
    for reading in readings:
        with progress_bars() as progress:
            built = build(reading, index, embedder, progress)
        left_out = "".join(
            f", {count:,} {reason} left out" for reason, count in built.left_out.items() if count
        )
        moved = f", {built.moved:,} moved" if built.moved else ""
        gone = f", {built.removed:,} removed" if built.removed else ""
        typer.echo(
            f"{built.source}: {built.read:,} read, {built.kept:,} passages{left_out}; "
            f"{built.embedded:,} embedded{moved}{gone}"
        )


def write_table(readings: Iterable[Reading], file: Path) -> None:
    """Writes all that is read to a table of chunks."""
    from ingest.export import export

    def passages(progress: Progress) -> Iterator[Passage]:
        for reading in readings:
            for passage in reading.passages:
                progress("reading", 1, reading.total)
                yield replace(passage, source=passage.source or reading.name)

    with progress_bars() as progress:
        rows = export(passages(progress), file)
    typer.echo(f"{rows:,} rows in {file}")


@app.command()
def remove(source: str, index: IndexOption = DEFAULT_INDEX) -> None:
    """Take a source out of an index; `info` lists their names."""
    from ingest.build import remove as remove_source

    typer.echo(f"{source}: {remove_source(source, index):,} passages removed")


@app.command()
def search(
    question: str,
    index: IndexOption = DEFAULT_INDEX,
    k: Annotated[int, typer.Option("-k", min=1, help="How many passages.")] = 10,
    reranker: RerankerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the passages that best match a question."""
    hits = open_chatbot(index, reranker=reranker).search(question, k)
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
    reranker: RerankerOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Leave out what no passage supports.")
    ] = False,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Answer a question, with footnotes."""
    bot = open_chatbot(index, generator, reranker, temperature=temperature, seed=seed)
    if as_json:
        print_json(answer_row(question, bot.ask(question, strict=strict), bot.answerer))
        return
    for event in bot.stream(question, strict=strict):
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
    generator: Annotated[
        list[str] | None,
        typer.Option(
            help="As for ask; may be repeated, and people choose: 'extractive' is the answerer "
            "without a model."
        ),
    ] = None,
    reranker: RerankerOption = None,
    temperature: TemperatureOption = 0.0,
    seed: SeedOption = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 7860,
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Where a proxy on this machine is reached: docs.example.org; may be repeated.",
        ),
    ] = None,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Where a proxy puts it: /docs-chat.")
    ] = "",
    auth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Who may come in: names and hashed passwords, by 'python -m ui.users NAME'.",
        ),
    ] = None,
    max_concurrent: Annotated[int, typer.Option(min=1, help="Answers at a time.")] = 2,
    max_queue: Annotated[int, typer.Option(min=0, help="Questions that may wait.")] = 64,
    rate: Annotated[int, typer.Option(min=1, help="Questions a minute and person.")] = 30,
    max_question: Annotated[
        int, typer.Option(min=1, max=4000, help="Characters of a question.")
    ] = 4000,
    feedback: Annotated[
        Path, typer.Option(metavar="FILE", help="Where what people think of answers is added.")
    ] = Path("runs/feedback.jsonl"),
    log_questions: Annotated[
        bool, typer.Option("--log-questions", help="Write questions to the log.")
    ] = False,
    mcp: Annotated[
        bool, typer.Option("--mcp", help="Serve the tools ask and search at /mcp as well.")
    ] = False,
) -> None:
    """Serve the web chat."""
    from rag.manifest import read_manifest
    from ui.desk import Limits
    from ui.server import Service, launch
    from ui.users import read_users

    def open_bots() -> dict[str, Chatbot]:
        from rag.chatbot import Chatbot

        models = [None if name == "extractive" else name for name in generator or ["extractive"]]
        bots: dict[str, Chatbot] = {}
        for model in models:
            bot = Chatbot.open(index, model, reranker=reranker, temperature=temperature, seed=seed)
            # Where a model lies on this machine is not for people to read.
            name = Path(bot.answerer).name if Path(bot.answerer).is_dir() else bot.answerer
            if name in bots:
                raise FootnoteError(f"two answerers are called {name!r}: start one of them")
            bots[name] = bot
        return bots

    service = Service(
        host=host,
        port=port,
        host_names=frozenset(name.lower() for name in host_name or ()),
        root_path="/" + root_path.strip("/") if root_path.strip("/") else "",
        users=read_users(auth) if auth else None,
        limits=Limits(max_concurrent, max_queue, rate, max_question),
        feedback=feedback,
        log_questions=log_questions,
        mcp=mcp,
    )
    launch(read_manifest(index)["sources"], open_bots, service)


app.command("eval")(evaluate)


@app.command()
def info(
    index: IndexOption = DEFAULT_INDEX,
    check: Annotated[
        bool, typer.Option("--check", help="Look every passage up by its vector and its words.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Write again what the check does not find.")
    ] = False,
) -> None:
    """Say what an index holds, check it and mend it."""
    from rag.index import Index

    if repair:
        from ingest.build import repair as repair_index

        with progress_bars() as progress:
            mended = repair_index(index, progress)
        typer.echo(f"{mended:,} passages mended")
    opened = Index.open(index)
    embedder = opened.manifest["embedder"]
    typer.echo(f"{len(opened):,} passages, embedded by {embedder['name']}")
    for name, source in opened.manifest["sources"].items():
        left_out = ", ".join(f"{n:,} {reason}" for reason, n in source["left_out"].items())
        typer.echo(
            f"{name}: {source['passages']:,} passages of {source['pages']:,} pages"
            + (f", read {source['ingested']}" if source["ingested"] else "")
            + (f", left out: {left_out}" if left_out else "")
            + ("" if source["complete"] else "  NOT COMPLETE: run its ingest again")
        )
    if check:
        with progress_bars() as progress:
            check_index(opened, progress)
        typer.echo("every passage is there, found by its own vector and its words")


def check_index(index: Index, progress: Progress) -> None:
    """Raises FootnoteError unless embedder and count are right and every passage finds itself."""
    from rag.exported import ExportedEncoder, is_exported

    sources = index.manifest["sources"]
    if unfinished := [name for name, source in sources.items() if not source["complete"]]:
        raise FootnoteError(f"not complete: {', '.join(unfinished)}; run the ingest again")
    if is_exported(index.folder / "encoder"):
        kept = ExportedEncoder(index.folder / "encoder")
        index.check_embedder({"name": kept.name, "fingerprint": kept.fingerprint})
    expected = sum(source["passages"] for source in sources.values())
    if len(index) != expected:
        raise FootnoteError(
            f"the index has {len(index):,} passages, its manifest says {expected:,}: run its "
            "ingest again"
        )
    lost = []
    for done, missed in index.unfound():
        progress("checking", done, len(index))
        lost += missed
    if lost:
        raise FootnoteError(
            f"{len(lost):,} passages are not found by their own vectors or words: mend the index "
            "with --repair"
        )


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
    except (OSError, sqlite3.Error) as error:  # a disk that is full, most often
        print(
            f"footnote: {' '.join(str(error).split())}: look for room and rights", file=sys.stderr
        )
        raise SystemExit(1) from error
    except SystemExit as end:
        if end.code == 130:  # what Typer makes of Ctrl-C
            print("footnote: stopped", file=sys.stderr)
        raise
