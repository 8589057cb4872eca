"""`[[autodoc]]` directives are filled in from a package's source, with the site's anchors."""

import sys
import time
from itertools import groupby

import pytest

from ingest import autodoc
from ingest.chunker import LIMIT, split
from ingest.tokens import size

FILES = {
    "__init__.py": "from .pots import *\nfrom .tools import stir\nraise RuntimeError('never run')\n",
    "pots/__init__.py": "from .iron import Kettle, NoWords\nfrom .base import Pot\n",
    "pots/base.py": '''class Pot:
    """Holds water."""

    def pour(self, cup):
        """Fills a cup."""

    def rinse(self):
        """Cleans."""
''',
    "pots/iron.py": '''from ..pots.base import Pot

class Kettle(Pot):
    """Whistles.

    Args:
        litres (`int`): How much it holds.
    """

    lid = True
    "Whether it has one."

    def __init__(self, litres):
        pass

    def whistle(self, loud=True):
        """Makes itself heard."""

    def boil(self):
        """Heats."""

    def _leak(self):
        """Not for others."""

    def __call__(self):
        """Boils and whistles."""

    def silent(self):
        pass

    @property
    def hot(self):
        """Whether it is."""

class NoWords:
    def hum(self):
        """Hums."""

OldKettle = Kettle

class Hidden:
    """Known in its module only."""
''',
    "tools.py": 'def stir(spoon=None):\n    """Goes round."""\n',
}


@pytest.fixture
def expand(tmp_path, monkeypatch):
    for name, text in FILES.items():
        file = tmp_path / "teapots" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield autodoc.expander("teapots")
    assert "teapots" not in sys.modules


def anchors(sections):
    """The anchors in order; the sections of one object follow each other."""
    return [anchor for anchor, _ in groupby(section.anchor for section in sections)]


def test_a_class_is_followed_by_the_methods_it_documents(expand):
    sections = expand("Kettle", ())
    assert anchors(sections) == [
        "teapots.Kettle",
        "teapots.Kettle.boil",
        "teapots.Kettle.whistle",
    ]
    assert sections[0].headings == ("Kettle",)
    assert sections[2].headings == ("Kettle", "whistle")
    assert sections[0].text.startswith("```python\nteapots.Kettle(litres)\n```\n\nWhistles.")
    assert "        Whether it has one." in sections[0].text
    assert sections[2].text == (
        "```python\nteapots.Kettle.whistle(loud=True)\n```\n\nMakes itself heard."
    )


def test_listed_members_only(expand):
    assert anchors(expand("Kettle", ("__call__", "whistle"))) == [
        "teapots.Kettle",
        "teapots.Kettle.__call__",
        "teapots.Kettle.whistle",
    ]


def test_all_adds_the_others_once(expand):
    assert anchors(expand("Kettle", ("whistle", "all", "__call__"))) == [
        "teapots.Kettle",
        "teapots.Kettle.whistle",
        "teapots.Kettle.__call__",
        "teapots.Kettle.boil",
    ]


def test_an_inherited_member_has_its_own_class_as_anchor(expand):
    sections = expand("Kettle", ("pour", "melt"))
    assert anchors(sections) == ["teapots.Kettle", "teapots.Pot.pour"]
    assert sections[1].headings == ("Kettle", "pour")
    assert anchors(expand("Kettle.pour", ())) == ["teapots.Pot.pour"]


@pytest.mark.parametrize(
    ("name", "anchor"),
    [
        ("stir", "teapots.stir"),
        ("tools.stir", "teapots.stir"),
        ("pots.Kettle", "teapots.Kettle"),
        ("pots.iron.Kettle.boil", "teapots.Kettle.boil"),
        ("pots.iron.OldKettle", "teapots.Kettle"),
        ("pots.iron.Hidden", "teapots.pots.iron.Hidden"),
    ],
)
def test_anchors_are_the_shortest_path_through_the_modules_around(expand, name, anchor):
    assert anchors(expand(name, ()))[0] == anchor


def test_an_object_without_a_docstring_is_shown_by_its_signature(expand):
    sections = expand("NoWords", ("hum",))
    assert sections[0].text == "```python\nteapots.NoWords\n```"
    assert anchors(sections) == ["teapots.NoWords", "teapots.NoWords.hum"]


@pytest.mark.parametrize("name", ["Hidden", "Teacup", "pots.Teacup", "Kettle.melt", "", "a b", "."])
def test_unknown_names(expand, name):
    assert expand(name, ()) is None


def test_a_package_that_is_not_installed():
    assert autodoc.expander("teapots_that_are_not_there")("Kettle", ()) is None


@pytest.mark.parametrize(
    ("url", "package"),
    [
        ("https://huggingface.co/docs/transformers/v4.48.0/en", "transformers"),
        ("https://huggingface.co/docs/transformers", "transformers"),
        ("https://huggingface.co/docs/huggingface-hub/en/", "huggingface_hub"),
        ("https://huggingface.co/docs/", None),
        ("https://huggingface.co/blog/docs/transformers/", None),
        ("https://teapots.example/", None),
        ("", None),
    ],
)
def test_the_package_of_a_documentation(url, package):
    assert autodoc.package_of(url) == package


@pytest.fixture(scope="module")
def of_transformers():
    return autodoc.expander("transformers")


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("BertConfig", ("all",), ["BertConfig"]),
        ("pipeline", (), ["pipeline"]),
        ("utils.logging.set_verbosity", (), ["utils.logging.set_verbosity"]),
        (
            "generation.GenerationMixin",
            ("generate",),
            ["GenerationMixin", "GenerationMixin.generate"],
        ),
        (
            "pipelines.TextGenerationPipeline",
            ("__call__",),
            ["TextGenerationPipeline", "TextGenerationPipeline.__call__"],
        ),
        (
            "models.bert.modeling_bert.BertForPreTrainingOutput",
            (),
            ["models.bert.modeling_bert.BertForPreTrainingOutput"],
        ),
    ],
)
def test_anchors_of_transformers(of_transformers, name, members, expected):
    found = anchors(of_transformers(name, members))
    assert found[: len(expected)] == [f"transformers.{anchor}" for anchor in expected]


def test_sections_are_passages_already(of_transformers):
    for section in of_transformers("PreTrainedModel", ("from_pretrained",)):
        assert size(section.text) <= LIMIT
        assert split(section.text) == [section.text]


def test_a_directive_met_again_costs_little(of_transformers):
    of_transformers("LlamaForCausalLM", ("forward",))
    start = time.process_time()
    for _ in range(50):
        of_transformers("LlamaForCausalLM", ("forward",))
    assert time.process_time() - start < 5
