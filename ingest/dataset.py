"""Reads data sets with the `datasets` library: from the Hugging Face hub, or a folder on disk.

A folder is one that `save_to_disk` wrote or one of data files, Parquet for example; it goes
before a data set of the hub with the same name. Rows are streamed, and only the columns that
matter. What a row holds is `ingest.table`'s affair; this module knows nothing of passages.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ingest.reading import Options, Reading
from ingest.table import Row, lacks, one_line, passages, to_read
from rag.data import FootnoteError

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
SAVED = ("state.json", "dataset_dict.json")  # what save_to_disk leaves
SECONDS = 10.0  # for the hub's first answer


def read(name: str, options: Options) -> Reading:
    """Opens the split `options.split` of a folder or of the hub's data set OWNER/NAME.

    Raises FootnoteError when the library, the data set, the split or a column is not there, and
    while the passages are read when something in it is malformed.
    """
    try:
        import datasets  # noqa: F401
    except ImportError as fault:
        raise FootnoteError(
            f"hf:{name}: needs the datasets library; pip install 'footnote[hub]'"
        ) from fault
    source, splits, version = _folder(name) if _is_folder(name) else _hub(name)
    if options.split not in splits:
        raise FootnoteError(
            f"hf:{name} has no split {options.split!r}; give --split with one of"
            f" {', '.join(map(str, splits))}"
        )
    split = splits[options.split]
    present = split.column_names
    if present is not None:  # a stream may tell only in its rows
        if lacking := lacks(options.columns, present):
            raise FootnoteError(f"hf:{name}: {lacking}")
        split = split.select_columns(to_read(options.columns, present))
    left_out: Counter[str] = Counter()
    found = passages(source, _rows(source, split), options, left_out)
    title = name.rstrip("/").rpartition("/")[2]
    return Reading(source, title, version, _total(split), found, left_out)


def _is_folder(name: str) -> bool:
    try:
        return name != "" and Path(name).is_dir()
    except OSError:  # too long a name, for one
        return False


def _folder(name: str) -> tuple[str, Mapping[str, Any], str]:
    """The folder's name as a source, its splits, and no version."""
    import datasets

    folder = Path(name).resolve()
    try:
        if any((folder / mark).is_file() for mark in SAVED):
            saved = datasets.load_from_disk(folder)
            one = isinstance(saved, datasets.Dataset)
            splits = {str(saved.split or "train"): saved} if one else saved
        else:
            splits = datasets.load_dataset(str(folder), streaming=True)
    except Exception as fault:  # the library names no exceptions of its own for this
        raise FootnoteError(
            f"hf:{name}: the folder cannot be read as a data set ({one_line(fault)}); give one"
            " that save_to_disk wrote or one of .parquet files"
        ) from fault
    return f"hf:{folder.name}", splits, ""


def _hub(name: str) -> tuple[str, Mapping[str, Any], str]:
    """The data set's name as a source, its splits, and the revision that is read."""
    import datasets
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    if not HUB_ID.fullmatch(name):
        raise FootnoteError(
            f"hf:{name[:200]}: no such folder, and no data set of the hub is so called; give"
            " hf:OWNER/NAME or the path of a folder"
        )
    try:
        # Asked first, since the library takes long to give up where the hub cannot be reached.
        revision = HfApi().dataset_info(name, timeout=SECONDS).sha
        splits = datasets.load_dataset(name, revision=revision, streaming=True)
    except RepositoryNotFoundError as fault:
        raise FootnoteError(
            f"hf:{name}: the hub has no such data set, or not for you; check the name, or sign in"
            " with hf auth login"
        ) from fault
    except Exception as fault:  # the network's, the hub's, the library's and the file's own
        raise FootnoteError(
            f"hf:{name}: cannot be opened on the hub ({one_line(fault)}); where there is no"
            " network, give a folder that save_to_disk wrote"
        ) from fault
    return f"hf:{name}", splits, (revision or "")[:7]


def _rows(source: str, split: Any) -> Iterator[tuple[str, Row]]:
    number = 0
    try:
        for number, row in enumerate(split, 1):
            yield f"row {number}", row
    except Exception as fault:  # as in _hub
        raise FootnoteError(
            f"{source}, after row {number}: cannot be read on ({one_line(fault)}); try again, or"
            " get its files anew"
        ) from fault


def _total(split: Any) -> int | None:
    """The number of rows, None where a stream does not tell."""
    if hasattr(split, "num_rows"):
        return split.num_rows
    told = (split.info.splits or {}).get(split.split)
    return told.num_examples or None if told else None
