"""What commands share: their common options, the chatbot they open, the bar that shows progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ingest.build import Progress
    from rag.chatbot import Chatbot

IndexOption = Annotated[Path, typer.Option("--index", help="The index folder.")]
GeneratorOption = Annotated[
    str | None,
    typer.Option(
        help="A chat model's hub id or path, or an OpenAI-style server's URL "
        "(http://host/v1). Without one, sentences are quoted."
    ),
]
RerankerOption = Annotated[
    str | None,
    typer.Option(help="A cross-encoder's hub id or path, to read the best passages again."),
]
TemperatureOption = Annotated[
    float,
    typer.Option(min=0, max=2, help="Above 0 the generator samples; at 0 it is the likeliest."),
]
SeedOption = Annotated[int, typer.Option(help="What sampling begins from.")]
DEFAULT_INDEX = Path("index")


def open_chatbot(
    index: Path,
    generator: str | None = None,
    reranker: str | None = None,
    embedder: str | None = None,
    temperature: float = 0.0,
    seed: int = 0,
) -> Chatbot:
    """The chatbot, with a sign of life on standard error while models load."""
    from rich.console import Console

    with Console(stderr=True).status("opening the index and its models"):
        from rag.chatbot import Chatbot

        return Chatbot.open(
            index,
            generator,
            embedder=embedder,
            reranker=reranker,
            temperature=temperature,
            seed=seed,
        )


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
    bars = Progress(*columns, console=Console(stderr=True))
    tasks: dict[str, Any] = {}

    def report(step: str, done: int, total: int | None) -> None:
        if not tasks:
            bars.start()
        if step not in tasks:
            for task in bars.tasks:  # one whose end was not known has come to it
                if task.total is None:
                    bars.update(task.id, total=task.completed)
            tasks[step] = bars.add_task(step, total=total)
        bars.update(tasks[step], advance=done, total=total)

    try:
        yield report
    finally:
        if tasks:  # it ends with an empty line even where it showed nothing
            bars.stop()
