"""`footnote eval`: its options, and what is printed. The work is done in `eval`."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.data import FootnoteError
from ui.options import (
    DEFAULT_INDEX,
    GeneratorOption,
    IndexOption,
    RerankerOption,
    open_chatbot,
    progress_bars,
)

if TYPE_CHECKING:
    from eval.gold import Gold
    from eval.questions import Question
    from eval.report import Grid
    from eval.sweep import Variant

PROPOSED = 50  # questions, unless --limit says otherwise


def evaluate(
    questions: Annotated[
        Path | None,
        typer.Argument(
            metavar="QUESTIONS",
            help="A question set: .jsonl, .csv or .parquet (question, answer, source_doc), or a "
            "BEIR folder, which is judged for retrieval alone.",
        ),
    ] = None,
    index: IndexOption = DEFAULT_INDEX,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The run's folder, by default a new one in runs/. A run that was stopped goes on "
            "when its folder is named."
        ),
    ] = None,
    generator: GeneratorOption = None,
    reranker: RerankerOption = None,
    judge: Annotated[
        str | None,
        typer.Option(
            metavar="GENERATOR", help="Another generator than the answerer, to grade its answers."
        ),
    ] = None,
    types: Annotated[
        str | None, typer.Option(help="Only questions of these types: single,followup.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="So many of them by chance, even over the types.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What the chance is drawn from.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="The first so many of them.")] = None,
    check_questions: Annotated[
        bool, typer.Option("--check-questions", help="Only say which gold the index lacks.")
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="RUN_A RUN_B", help="Compare two finished runs instead."),
    ] = None,
    sweep: Annotated[
        Path | None,
        typer.Option(
            metavar="SETTINGS.toml",
            help="Run every variant in it: a table that may set index, generator, reranker, "
            "embedder and strict.",
        ),
    ] = None,
    make_questions: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Propose questions from the index instead; edit them."),
    ] = None,
) -> None:
    """Run a question set and measure retrieval, answers, citations and abstention."""
    if compare:
        print_comparison(*compare, out)
        return
    if make_questions:
        propose_questions(index, make_questions, limit or PROPOSED, seed, generator)
        return
    if questions is None:
        raise typer.BadParameter("name a question set, --compare or --make-questions")
    asked = choose(read(questions), types, sample, seed, limit)
    if check_questions:
        print_missing(asked, index)
        return
    from eval.reading import is_beir
    from eval.run import default_out
    from eval.sweep import Variant, read_variants

    folder = out or default_out(questions)
    usual = Variant("", index, generator, reranker)
    if not sweep:
        from eval.report import terminal

        show(terminal(run(usual, asked, folder, judge, answers=not is_beir(questions))))
        typer.echo(f"rows, rankings, summary and report.html are in {folder}")
        return
    from eval.sweep import table

    runs = {}
    for variant in read_variants(sweep, usual):
        typer.echo(f"{variant.name}:", err=True)
        runs[variant.name] = folder / variant.name
        run(variant, asked, runs[variant.name], judge, answers=not is_beir(questions))
    print_tables([table(runs)])
    typer.echo(f"a run for each is in {folder}")


def read(path: Path) -> list[Question]:
    """The question set; of one with faults, every fault is listed first."""
    from eval.questions import BadQuestions
    from eval.reading import read_questions

    try:
        return read_questions(path)
    except BadQuestions as error:
        for fault in error.faults:
            typer.echo(fault, err=True)
        raise


def choose(
    questions: Sequence[Question],
    types: str | None,
    sample: int | None,
    seed: int,
    limit: int | None,
) -> list[Question]:
    """Those to ask, in the order of the file."""
    from eval.questions import TYPES

    wanted = [name.strip() for name in types.split(",")] if types else list(TYPES)
    for name in wanted:
        if name not in TYPES:
            raise FootnoteError(f"no type of question is called {name!r}: {', '.join(TYPES)}")
    chosen = [question for question in questions if question.type in wanted]
    if not chosen:
        raise FootnoteError(f"none of the {len(questions)} questions is of type {types}")
    if sample and sample < len(chosen):
        chosen = drawn(chosen, sample, seed)
    return chosen[:limit]


def drawn(questions: Sequence[Question], count: int, seed: int) -> list[Question]:
    """So many of them by chance, as many of each type as of any other until a type runs out."""
    order = list(range(len(questions)))
    random.Random(seed).shuffle(order)
    before: Counter[str] = Counter()  # of the same type
    turn = {}
    for at in order:
        turn[at] = before[questions[at].type]
        before[questions[at].type] += 1
    taken = sorted(order, key=turn.__getitem__)[:count]
    return [questions[at] for at in sorted(taken)]


def run(
    variant: Variant, asked: Sequence[Question], folder: Path, judge: str | None, answers: bool
) -> dict[str, Any]:
    """The summary of a run, made or finished."""
    from eval.run import Settings
    from eval.run import evaluate as run_evaluation

    gold = look_up(asked, variant.index)
    if gold.missing:
        typer.echo(
            f"the index lacks gold of {len(gold.missing)} of {len(asked)} questions, which count "
            "as not found: see --check-questions",
            err=True,
        )
    bot = open_chatbot(variant.index, variant.generator, variant.reranker, variant.embedder)
    grader = None
    if judge:
        from eval.rubric import Judge
        from rag.generator import load_generator

        grader = Judge(load_generator(judge), bot.answerer)
    settings = Settings(answers=answers, strict=variant.strict, reranker=variant.reranker or "")
    typer.echo(f"a stop loses nothing: the same with --out {folder} goes on", err=True)
    done = 0
    with progress_bars() as progress:

        def tell(so_far: int, total: int) -> None:
            nonlocal done
            progress("asking", so_far - done, total)
            done = so_far

        return run_evaluation(bot, asked, gold, folder, settings, grader=grader, progress=tell)


def look_up(asked: Sequence[Question], index: Path) -> Gold:
    """What the index has of the questions' gold."""
    from eval.gold import find_gold, with_pages
    from rag.index import Index

    opened = Index.open(index)
    bases = [source["base_url"] for source in opened.manifest["sources"].values()]
    return find_gold(opened, with_pages(asked, bases))


def print_missing(asked: Sequence[Question], index: Path) -> None:
    """Which gold the index lacks; an error if any."""
    missing = look_up(asked, index).missing
    for name, lacking in missing.items():
        typer.echo(f"{name}: {', '.join(lacking)}")
    if missing:
        raise FootnoteError(
            f"the index at {str(index)!r} lacks gold of {len(missing)} of {len(asked)} questions"
        )
    typer.echo(f"the index has the gold of all {len(asked)} questions")


def print_comparison(before: Path, after: Path, out: Path | None) -> None:
    """What differs between two runs; also as pages in a folder."""
    from eval import compare
    from eval.html_report import table_page

    found = compare.compare(before, after)
    for line in compare.lines(found):
        typer.echo(line)
    print_tables(compare.grids(found, compare.FLIPS_SHOWN))
    if len(found.flips) > compare.FLIPS_SHOWN:
        typer.echo(f"and {len(found.flips) - compare.FLIPS_SHOWN} more flipped; --out lists them")
    if out:
        for name in ("compare.md", "compare.html"):
            if (out / name).exists():
                raise FootnoteError(f"{out / name} is there already: name another folder")
        out.mkdir(parents=True, exist_ok=True)
        page = table_page("Comparison", compare.lines(found), compare.grids(found))
        (out / "compare.html").write_text(page, "utf-8", errors="xmlcharrefreplace")
        (out / "compare.md").write_text(compare.markdown(found), "utf-8", errors="replace")
        typer.echo(f"the comparison is in {out / 'compare.html'} and {out / 'compare.md'}")


def propose_questions(
    index: Path, file: Path, count: int, seed: int, generator: str | None
) -> None:
    """A file of proposed questions."""
    from eval.propose import propose, write_questions
    from rag.index import Index

    if file.exists():
        raise FootnoteError(f"{file} is there already: name another file")
    model = None
    if generator:
        from rag.generator import load_generator

        model = load_generator(generator)
    with progress_bars() as progress:
        rows = propose(
            Index.open(index), count, seed, model, lambda _, total: progress("proposing", 1, total)
        )
    write_questions(rows, file)
    typer.echo(
        f"{len(rows)} proposed questions are in {file}: edit them before you believe a figure"
    )


def print_tables(tables: Sequence[Grid]) -> None:
    from eval.report import rich_table

    for grid in tables:
        if grid.rows:
            show(rich_table(grid))


def show(what: Any) -> None:
    from rich.console import Console

    Console().print(what)
