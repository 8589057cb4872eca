"""The documentation of one object is cut into pieces that each say what they are about."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunker import LIMIT, LONGEST
from ingest.docstring import RETURNS, documented, pieces
from ingest.tokens import size

NAME = "teapot.brew"
CALL = "teapot.brew(leaves, water)"
LONG = "It says a good deal more about what this is for and when to use it. "


def parameters(style, count=12, length=3):
    """A docstring with `count` parameters in the style of a convention."""
    text = LONG * length
    forms = {
        "hugging face": ("Args:", "    p{n} (`int`, *optional*, defaults to {n}):\n        {text}"),
        "google": ("Args:", "    p{n} (int): {text}"),
        "google, bare": ("Parameters:", "    p{n}: {text}"),
        "numpy": ("Parameters\n----------", "p{n} : int, optional\n    {text}"),
        "sphinx": ("", ":param int p{n}: {text}\n:type p{n}: int"),
        "list": ("Args:", "    - **p{n}** (`int`) -- {text}"),
    }
    title, entry = forms[style]
    entries = [entry.format(n=n, text=text.strip()) for n in range(count)]
    return "\n".join(["Brews.\n", title, *entries])


STYLES = ["hugging face", "google", "google, bare", "numpy", "sphinx", "list"]


def test_what_fits_stays_one_piece_as_it_was_written():
    text = "Brews.\n\nArgs:\n    leaves (`str`):\n        Which.\n\n```python\nif x:\n    y\n```"
    assert pieces(NAME, CALL, text) == [f"```python\n{CALL}\n```\n\n{text}"]


@pytest.mark.parametrize("style", STYLES)
def test_a_piece_that_begins_among_parameters_says_so(style):
    first, *rest = pieces(NAME, CALL, parameters(style))
    assert first.startswith(f"```python\n{CALL}\n```\n\nBrews.")
    assert len(rest) > 1
    for piece in rest:
        assert piece.startswith(f"`{NAME}` parameters (continued)\n\n")


@pytest.mark.parametrize("style", STYLES)
def test_a_parameter_stays_with_its_description(style):
    found = pieces(NAME, CALL, parameters(style))
    for number in range(12):
        [piece] = [
            p for p in found if f"p{number} " in p or f"p{number}:" in p or f"p{number}**" in p
        ]
        name = next(
            form for form in (f"p{number} ", f"p{number}:", f"p{number}**") if form in piece
        )
        assert piece.partition(name)[2].count("a good deal more") >= 3


@pytest.mark.parametrize("style", STYLES)
def test_a_parameter_too_long_for_a_piece_is_named_again(style):
    found = pieces(NAME, CALL, parameters(style, count=2, length=30))
    again = [piece for piece in found if "`p1` (continued):\n" in piece]
    assert len(again) >= 2
    for piece in again:
        assert piece.startswith(f"`{NAME}` parameters (continued)\n\n`p1` (continued):\n")


@pytest.mark.parametrize("style", STYLES)
def test_documented_names(style):
    assert documented(parameters(style)) == {f"p{n}" for n in range(12)}


@pytest.mark.parametrize(
    "text",
    [
        "Returns:\n    `str`: Tea.",
        "Returns\n-------\nstr\n    Tea.",
        ":returns: Tea.",
        "Return:\n    Tea.",
    ],
)
def test_documented_results(text):
    assert documented(f"Brews.\n\n{text}") == {RETURNS}


def test_what_comes_after_the_parameters_is_not_called_parameters():
    text = parameters("hugging face") + "\n\nReturns:\n    " + LONG * 5
    text += "\n\nTea is old.\n\n" + (LONG * 4 + "\n\n") * 4
    found = pieces(NAME, CALL, text)
    [tells] = [piece for piece in found if "Returns:" in piece]
    assert not tells.startswith(f"`{NAME}` parameters") or tells.count("p11 (") == 1
    assert found[-1].startswith(f"`{NAME}` (continued)\n\n")


def test_a_title_stands_with_what_it_introduces():
    groups = "".join(
        f"\n    > Group {n}\n\n    p{n} (`int`):\n        {LONG * 6}\n" for n in range(8)
    )
    code = "x = 1\n" * (2 * LIMIT // 9)
    text = f"Brews. {LONG * 9}\n\nArgs:{groups}\n\nExamples:\n\n```python\n{code}```"
    found = pieces(NAME, CALL, text)
    for piece in found:
        last = piece.splitlines()[-1]
        assert not last.endswith(":") and "> Group" not in last
    assert sum("Examples:\n\n```python" in piece for piece in found) == 1


def test_code_stays_fenced_and_indented():
    code = "\n".join(f"    >>> pot.pour({n})\n    {n} cups" for n in range(120))
    found = pieces(NAME, CALL, f"Brews.\n\nExamples:\n\n    ```python\n{code}\n    ```\n\nDone.")
    assert len(found) > 2
    for piece in found:
        assert piece.count("```") % 2 == 0
    lines = [line for piece in found for line in piece.splitlines()]
    assert [line for line in lines if "pour" in line] == code.splitlines()[::2]


def test_a_long_signature_comes_after_the_text():
    call = f"{NAME}({', '.join(f'parameter_{n}=None' for n in range(30))})"
    found = pieces(NAME, call, "Brews.")
    assert found == [
        f"```python\n{NAME}(...)\n```\n\nBrews.",
        f"`{NAME}` signature\n\n```python\n{call}\n```",
    ]


def test_a_signature_heavy_with_signs_comes_after_the_text():
    call = f"{NAME}({', '.join(['*'] * (LIMIT // 3))})"
    found = pieces(NAME, call, "Brews.")
    assert len(call) < 400
    assert found[0] == f"```python\n{NAME}(...)\n```\n\nBrews."
    assert found[1].startswith(f"`{NAME}` signature\n\n")


def test_an_endless_signature_is_left_out():
    call = f"{NAME}({', '.join(f'parameter_{n}=None' for n in range(300))})"
    assert pieces(NAME, call, "Brews.") == [f"```python\n{NAME}(...)\n```\n\nBrews."]


def test_an_entry_that_is_called_like_a_section():
    text = inspect.cleandoc(
        """Brews.

        Args:
            leaves: Which.
            returns: Whether the pot is returned.
            notes:
                What to write down.
        """
    )
    assert documented(text) == {"leaves", "returns", "notes"}


MARKS = """
Args:
    x (`int`):
        It is
    y
Parameters
----------
x : int
```python
    ```
```
~~~
:param x: z
:returns: z
Returns:
- item
>>> x = 1
> Group
Examples::
\t
"""
LINES = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60),
    st.sampled_from(MARKS.split("\n")),
    st.sampled_from(["word " * 150, "w" * 2500, LONG * 9, "茶" * 500, "차를🍵" * 300]),
)


@settings(deadline=None)
@given(st.lists(LINES, max_size=40).map("\n".join))
def test_no_word_is_lost_whatever_is_cut(text):
    found = pieces(NAME, CALL, text)
    assert all(piece.strip() for piece in found)
    assert all(size(piece) <= LIMIT and len(piece) <= LONGEST for piece in found)
    told = iter("".join("".join(found).split()))
    lost = [sign for sign in "".join(text.split()) if sign not in told]
    assert not lost
    documented(text)


@settings(deadline=None)
@given(st.text(max_size=600), st.text(max_size=500), st.text(max_size=3000))
def test_nothing_makes_it_fail(name, signature, text):
    assert pieces(name, signature, text)
