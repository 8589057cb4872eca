"""Notebooks: Markdown cells as Markdown, code cells as code, anything else refused in one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Section, passages
from ingest.notebook import document
from rag.data import FootnoteError

URL = "https://tea.example/brew"


def notebook(*cells, **metadata):
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells})


def cell(kind, source, **more):
    return {"cell_type": kind, "metadata": {}, "source": source, **more}


def test_cells_become_sections_with_fenced_code():
    text = notebook(
        cell("markdown", ["# Brewing\n", "\n", "All of it."]),
        cell("markdown", "## Boil\n\nFirst:"),
        cell("code", ["if cold:\n", "    boil()\n"], outputs=[{"text": "hot"}]),
        cell("raw", "raw text"),
        cell("code", "  "),
    )
    page = document(text, "brew.ipynb", URL)
    assert page.title == "Brewing"
    assert page.sections == (
        Section((), "brewing", "All of it."),
        Section(("Boil",), "boil", "First:\n\n```python\nif cold:\n    boil()\n```"),
    )


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"language": "R"}}, "r"),
        ({"language_info": {"name": "julia"}}, "julia"),
        ({"kernelspec": {"language": "a b\n# c"}}, "python"),
        ({"kernelspec": 3}, "python"),
    ],
)
def test_code_is_in_the_kernels_language(metadata, language):
    page = document(notebook(cell("code", "x"), **metadata), "a.ipynb", URL)
    assert page.sections[0].text == f"```{language}\nx\n```"


def test_code_with_fences_in_it_stays_one_block():
    page = document(notebook(cell("code", "s = '''\n```\n# no heading\n'''")), "a.ipynb", URL)
    assert page.sections[0].text == "````python\ns = '''\n```\n# no heading\n'''\n````"


def test_a_fence_left_open_in_a_cell_ends_with_it():
    text = notebook(cell("markdown", "```sh\nmake tea"), cell("markdown", "# Tea\n\nHot."))
    assert document(text, "a.ipynb", URL).sections[1] == Section((), "tea", "Hot.")


def test_the_older_format_is_read():
    text = json.dumps(
        {
            "nbformat": 3,
            "worksheets": [
                {
                    "cells": [
                        {"cell_type": "heading", "level": 2, "source": ["Boil"]},
                        {"cell_type": "code", "input": ["boil()"]},
                    ]
                }
            ],
        }
    )
    (section,) = document(text, "a.ipynb", URL).sections
    assert section == Section(("Boil",), "boil", "```python\nboil()\n```")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"cells": 3}', "{}", "[" * 100_000, '{"a":' * 9999]
)
def test_what_is_no_notebook_is_refused_in_one_line(text):
    with pytest.raises(FootnoteError, match=r"^a\.ipynb is not a notebook.*Jupyter$") as refused:
        document(text, "a.ipynb", URL)
    assert len(str(refused.value)) < 300


def test_half_a_surrogate_pair_does_no_harm():
    page = document(
        '{"cells": [{"cell_type": "markdown", "source": "tea \\ud800"}]}', "a.ipynb", URL
    )
    assert page.sections[0].text.encode() == b"tea ?"


JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.booleans(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["cells", "cell_type", "source", "input", "metadata", "kernelspec"])
            | st.sampled_from(["language", "worksheets", "level"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)
SOURCES = st.one_of(
    st.text(alphabet="ab`#<>!-[]\n |", max_size=60),
    st.lists(st.text(max_size=20), max_size=3),
    JSON,
)
CELLS = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["markdown", "code", "heading", "raw", 3]), "source": SOURCES}
)


@given(
    st.one_of(JSON, st.fixed_dictionaries({"cells": st.lists(CELLS, max_size=5), "metadata": JSON}))
)
def test_any_json_is_read_or_refused(value):
    try:
        page = document(json.dumps(value), "a.ipynb", URL)
    except FootnoteError:
        return
    for passage in passages(page):
        assert passage.text.strip()
        passage.text.encode()


@given(
    st.lists(st.text("abcdefgh", min_size=1), min_size=1).map(" ".join), st.lists(CELLS, max_size=4)
)
def test_the_words_of_a_plain_cell_survive(words, others):
    page = document(notebook(cell("markdown", f"tea {words}."), *others), "a.ipynb", URL)
    assert page.sections[0].text.startswith(f"tea {words}.") or page.sections[0].headings
