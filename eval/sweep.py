"""Named variants over one question set: a TOML file in, a run each, one table of them all.

    [as-it-is]

    [reranked]
    reranker = "models/cross-encoder"

    [model]
    generator = "http://127.0.0.1:8000/v1"
    index = "other-index"

A variant sets what a chatbot is opened with, and whether it is `strict`; what it leaves out is as
the command line says. Each is compared with the first. This module knows nothing of how a
chatbot is opened.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.compare import ALPHA, corrected, differences
from eval.report import LABELS, Cell, Grid, cell
from eval.run import read_run
from eval.summary import SYSTEM
from rag.data import FootnoteError

NAME = re.compile(r"[\w.-]{1,60}")


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to open a chatbot and to ask it."""

    name: str
    index: Path
    generator: str | None = None
    reranker: str | None = None
    embedder: str | None = None
    strict: bool = False


def read_variants(path: Path, otherwise: Variant) -> list[Variant]:
    """Returns the variants of a file, with what they leave out as `otherwise` has it.

    Raises FootnoteError when the file is missing, not TOML, empty, or sets what is not known.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FootnoteError(f"cannot read the variants {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FootnoteError(f"{path} is not TOML: {error}") from error
    if not tables:
        raise FootnoteError(f"{path} names no variants: write a [name] for each")
    return [_variant(path, name, table, otherwise) for name, table in tables.items()]


def _variant(path: Path, name: str, table: object, otherwise: Variant) -> Variant:
    if not NAME.fullmatch(name) or name.startswith("."):
        raise FootnoteError(
            f"{path}: {name!r} cannot name a folder: use letters, digits, dots and hyphens"
        )
    if not isinstance(table, dict):
        raise FootnoteError(f"{path}: {name} stands outside of any variant: write [NAME] above it")
    known = [field for field in Variant.__slots__ if field != "name"]  # type: ignore[attr-defined]
    for key, value in table.items():
        if key not in known:
            raise FootnoteError(f"{path}: [{name}] sets {key}; known are {', '.join(known)}")
        if key == "strict":
            if not isinstance(value, bool):
                raise FootnoteError(f"{path}: [{name}] strict must be true or false, not {value!r}")
        elif not isinstance(value, str) or not value:
            raise FootnoteError(f"{path}: [{name}] {key} must be text, not {value!r}")
    given = dict(table)
    if "index" in given:
        given["index"] = Path(given["index"])
    return replace(otherwise, name=name, **given)


def table(runs: Mapping[str, Path]) -> Grid:
    """Returns the figures of finished runs side by side, by the names of their variants.

    A star marks what differs from the first by more than the noise: p below .05, Holm over the
    declared measures of all variants.
    """
    found = {name: read_run(folder) for name, folder in runs.items()}
    figures = {name: summary["systems"][SYSTEM]["all"] for name, (summary, _) in found.items()}
    stars = _stars({name: rows for name, (_, rows) in found.items()})
    return Grid(
        "Variants; * differs from the first by more than the noise",
        ["", *runs],
        [
            [
                Cell(label),
                *(_starred(cell(figures[v].get(name, {}), name), (v, name) in stars) for v in runs),
            ]
            for name, label in LABELS.items()
            if any(name in all_ for all_ in figures.values())
        ],
    )


def _starred(shown: Cell, star: bool) -> Cell:
    return replace(shown, value=shown.value + "*") if star else shown


def _stars(rows: Mapping[str, Sequence[dict]]) -> set[tuple[str, str]]:
    """The (variant, measure) pairs that differ from the first variant."""
    first, *others = rows
    by_id = {row["id"]: row for row in rows[first]}
    found = []
    for variant in others:
        pairs = [(by_id[row["id"]], row) for row in rows[variant]]
        found += [(variant, one) for one in differences(pairs)]
    tested = zip(found, corrected([one for _, one in found]), strict=True)
    return {
        (variant, one.name) for (variant, _), one in tested if one.p is not None and one.p < ALPHA
    }
