"""A package's docstrings are read from its files, without running it, and linked to its source."""

import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType

import pytest

from ingest import package
from ingest.chunker import LIMIT
from ingest.reading import Options
from ingest.tokens import size
from rag.data import FootnoteError

LINK = "https://code.example/teapot/v{version}/src/"

FILES = {
    "teapot/__init__.py": '''"""Everything for tea.

Start with `brew`.
"""

from teapot.brewing import brew, Pot

raise RuntimeError("this package is never to be run")
''',
    "teapot/brewing.py": '''"""Brewing itself."""

import functools


def brew(leaves: str, minutes: float = 2.5, *cups, hot=True, **extras) -> str:
    """Pours water over the leaves.

    Args:
        leaves (`str`):
            What to brew.

    ```python
    if hot:
        brew("sencha")
    ```
    """
    def inner():
        """Not for others."""


def silent():
    pass


def _hidden():
    """Not for others."""


class Pot:
    """Holds water."""

    def __init__(self, litres, /, *, lid=None):
        """Makes a pot."""

    def __call__(self, cup):
        """Pours into a cup."""

    def __repr__(self):
        """Not for others."""

    @property
    def level(self):
        """How full it is."""

    @functools.cache
    @staticmethod
    def clean():
        """Rinses the pot."""

    class Lid:
        """Keeps the warmth in."""

        def lift(self):
            """Opens it."""


class Cup(Pot):
    """Small, and has no __init__ of its own."""
''',
    "teapot/__main__.py": '"""Not for others."""\n',
    "teapot/_inner/__init__.py": '"""Not for others."""\n',
    "teapot/blends/__init__.py": '"""All blends."""\n',
    "teapot/blends/green.py": '"""Green tea."""\n',
    "teapot/blends/greenish.py": '"""Nearly green tea."""\n',
    "teapot/plain/nested.py": '"""In a folder without an __init__."""\n',
    "teapot/old.py": 'print "no longer Python"\n',
    "teapot/latin.py": '# -*- coding: latin-1 -*-\n"""Th\xe9."""\n',
}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the import path with the package teapot and its record of installation."""
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="latin-1")
    record(tmp_path, "teapot", "1.2", "Home-page: https://tea.example")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def record(site, name, version, *fields, top=None):
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *fields]
    (info / "METADATA").write_text("\n".join(head) + "\n")
    (info / "top_level.txt").write_text(f"{top or name}\n")
    (info / "RECORD").write_text(f"{top or name}/__init__.py,,\n")


def passages(name="teapot", **options):
    reading = package.read(name, Options(**{"source_url": LINK, **options}))
    return {passage.chunk_id: passage for passage in reading.passages}, reading


def test_every_public_object_with_a_docstring_is_read_once(site):
    found, reading = passages()
    assert set(found) == {
        "teapot",
        "teapot.brewing",
        "teapot.brew",
        "teapot.Pot",
        "teapot.Pot.__init__",
        "teapot.Pot.__call__",
        "teapot.Pot.level",
        "teapot.Pot.clean",
        "teapot.Pot.Lid",
        "teapot.Pot.Lid.lift",
        "teapot.brewing.Cup",
        "teapot.blends",
        "teapot.blends.green",
        "teapot.blends.greenish",
        "teapot.plain.nested",
        "teapot.latin",
    }
    assert reading.left_out == {"no docstring": 1, "file that is not valid Python": 1}
    assert "teapot" not in sys.modules


def test_name_title_and_version(site):
    _, reading = passages("teapot.blends")
    assert reading.name == "python:teapot.blends"
    assert (reading.title, reading.version) == ("teapot.blends 1.2", "1.2")


def test_text_begins_with_the_call_and_keeps_the_docstring_as_it_is(site):
    found, _ = passages()
    assert found["teapot.brew"].text == (
        "```python\n"
        "teapot.brew(leaves, minutes=2.5, *cups, hot=True, **extras) -> str\n"
        "```\n"
        "\n"
        "Pours water over the leaves.\n"
        "\n"
        "Args:\n"
        "    leaves (`str`):\n"
        "        What to brew.\n"
        "\n"
        "```python\n"
        "if hot:\n"
        '    brew("sencha")\n'
        "```"
    )
    assert found["teapot.latin"].text.endswith("Thé.")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("teapot.brewing", "teapot.brewing"),
        ("teapot.Pot", "teapot.Pot(litres, /, *, lid=None)"),
        ("teapot.Pot.__call__", "teapot.Pot.__call__(cup)"),
        ("teapot.Pot.level", "teapot.Pot.level"),
        ("teapot.Pot.clean", "teapot.Pot.clean()"),
        ("teapot.brewing.Cup", "teapot.brewing.Cup(litres, /, *, lid=None)"),
    ],
)
def test_signatures(site, name, line):
    assert passages()[0][name].text.splitlines()[1] == line


def test_title_and_headings_say_where_an_object_belongs(site):
    found, _ = passages()
    assert (found["teapot"].title, found["teapot"].headings) == ("teapot", ())
    assert found["teapot.brew"].headings == ("brew",)
    lift = found["teapot.Pot.Lid.lift"]
    assert lift.title == "teapot.brewing"
    assert lift.headings == ("Pot", "Lid", "lift")


def test_links_lead_to_the_lines(site):
    found, _ = passages()
    assert found["teapot"].url == "https://code.example/teapot/v1.2/src/teapot/__init__.py#L1-L4"
    lines = FILES["teapot/brewing.py"].splitlines()
    for name, first, last in [
        ("teapot.brew", "def brew(", '"""Not for others."""'),
        ("teapot.Pot.clean", "@functools.cache", '"""Rinses the pot."""'),
        ("teapot.brewing.Cup", "class Cup(", '"""Small'),
    ]:
        base, _, place = found[name].url.partition("#")
        start, end = (int(number.removeprefix("L")) for number in place.split("-"))
        assert base == "https://code.example/teapot/v1.2/src/teapot/brewing.py"
        assert lines[start - 1].strip().startswith(first)
        assert lines[end - 1].strip().startswith(last)


def test_long_docstrings_become_numbered_pieces_with_one_link(site):
    long = "\n\n".join(f"Paragraph {n} " + "tells more about tea. " * 20 for n in range(8))
    (site / "teapot/long.py").write_text(f'"""{long}"""\n')
    found, _ = passages("teapot.long")
    assert list(found) == ["teapot.long", *(f"teapot.long:{n}" for n in range(1, len(found)))]
    assert len(found) > 2
    assert len({passage.url for passage in found.values()}) == 1


def test_a_function_named_like_a_module_keeps_an_id_of_its_own(site):
    (site / "teapot/blends/__init__.py").write_text('def green():\n    """Makes it green."""\n')
    found, _ = passages("teapot.blends")
    assert "Makes it green." in found["teapot.blends.green"].text
    assert "Green tea." in found["teapot.blends.green#2"].text


def test_excluded_modules_are_not_read(site):
    found, reading = passages(exclude=("teapot.blends.green", "teapot.old"))
    assert "teapot.blends.green" not in found
    assert "teapot.blends.greenish" in found
    assert "file that is not valid Python" not in reading.left_out


def test_a_package_can_be_a_single_file(site):
    (site / "strainer.py").write_text('"""Holds the leaves back."""\n')
    found, reading = passages("strainer", source_url="https://code.example/")
    assert found["strainer"].url == "https://code.example/strainer.py#L1-L1"
    assert (reading.version, reading.title) == ("", "strainer")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "names no Python module"),
        ("tea pot", "names no Python module"),
        ("../teapot", "names no Python module"),
        ("teapot..blends", "names no Python module"),
        ("kettle_that_is_not_there", "run pip install kettle_that_is_not_there"),
        ("specless", "no package specless is installed"),
        ("teapot.kettle", "has no module teapot.kettle"),
        ("teapot.brewing.Pot", "has no module teapot.brewing.Pot"),
        ("sys", "has no Python source"),
        ("iron", "has no Python source"),
        ("iron.cast", "has no Python source"),
        ("wordless", "no public object with a docstring"),
    ],
)
def test_what_cannot_be_read(site, monkeypatch, name, says):
    # As __main__ is in a console script: there, but without a specification.
    monkeypatch.setitem(sys.modules, "specless", ModuleType("specless"))
    (site / "iron").mkdir()
    (site / "iron" / f"cast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    (site / "wordless.py").write_text("x = 1\n")
    with pytest.raises(FootnoteError) as raised:
        passages(name, source_url="https://code.example/")
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_everything_excluded(site):
    with pytest.raises(FootnoteError, match="no module left"):
        passages(exclude=("teapot",))


@pytest.mark.parametrize("source_url", ["ftp://code.example/", "src/", "https://a b/"])
def test_a_source_url_that_makes_no_link(site, source_url):
    with pytest.raises(FootnoteError, match="--source-url"):
        passages(source_url=source_url)


def test_a_version_that_nobody_knows(site):
    (site / "strainer.py").write_text('"""Holds the leaves back."""\n')
    with pytest.raises(FootnoteError, match="version is unknown"):
        passages("strainer")


def test_a_local_build_is_linked_to_the_release(site):
    (site / "urn").mkdir()
    (site / "urn/__init__.py").write_text('"""For many cups."""\n')
    record(site, "urn", "3.0+copper")
    found, reading = passages("urn", source_url="https://code.example/v{version}")
    assert found["urn"].url == "https://code.example/v3.0/urn/__init__.py#L1-L1"
    assert reading.version == "3.0+copper"


def test_no_repository_known_asks_for_the_address(site):
    with pytest.raises(FootnoteError, match=r"no repository is known.*--source-url https://"):
        package.read("teapot", Options())


def test_candidates_come_from_the_record_of_installation(site):
    record(
        site,
        "brewery",
        "2.0",
        "Home-page: https://brewery.example/",
        "Project-URL: Documentation, https://brewery.example/docs",
        "Project-URL: Issues, https://github.com/tea/brewery/issues",
        "Project-URL: Source, https://github.com/tea/brewery.git",
        "Project-URL: Mirror, https://gitlab.com/tea/brewery",
        "Project-URL: Evil, https://github.com.evil.example/tea/brewery",
    )
    assert package.likely_places(metadata.distribution("brewery"), "2.0") == [
        "https://github.com/tea/brewery/blob/v2.0/",
        "https://github.com/tea/brewery/blob/v2.0/src/",
        "https://github.com/tea/brewery/blob/2.0/",
        "https://github.com/tea/brewery/blob/2.0/src/",
        "https://gitlab.com/tea/brewery/-/blob/v2.0/",
        "https://gitlab.com/tea/brewery/-/blob/v2.0/src/",
        "https://gitlab.com/tea/brewery/-/blob/2.0/",
        "https://gitlab.com/tea/brewery/-/blob/2.0/src/",
    ]


@contextmanager
def repository(pages):
    """A server that answers HEAD by `pages`: path -> status, or the address to go on to."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            answer = pages.get(self.path, 404)
            self.send_response(answer if isinstance(answer, int) else 302)
            if isinstance(answer, str):
                self.send_header("Location", answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


FILE = "teapot/__init__.py"


def test_the_first_place_that_answers_is_taken():
    with repository({f"/1.2/{FILE}": 200, f"/1.2/src/{FILE}": 200}) as (host, asked):
        candidates = [f"{host}/v1.2/", f"{host}/1.2/", f"{host}/1.2/src/"]
        assert package.first_that_answers(candidates, FILE) == f"{host}/1.2/"
        assert asked == [f"/v1.2/{FILE}", f"/1.2/{FILE}"]


def test_a_place_that_moved_within_its_host_still_answers():
    with repository({f"/old/{FILE}": f"/new/{FILE}", f"/new/{FILE}": 200}) as (host, _):
        assert package.first_that_answers([f"{host}/old/"], FILE) == f"{host}/old/"


def test_no_other_host_is_followed():
    with (
        repository({f"/{FILE}": 200}) as (elsewhere, asked),
        repository({f"/{FILE}": f"{elsewhere}/{FILE}"}) as (host, _),
    ):
        assert package.first_that_answers([f"{host}/"], FILE) is None
        assert asked == []


def test_a_page_to_sign_in_is_no_answer():
    with repository({f"/{FILE}": "/sign_in", "/sign_in": 200}) as (host, _):
        assert package.first_that_answers([f"{host}/"], FILE) is None


def test_going_round_in_circles_ends():
    with repository({f"/{FILE}": f"/{FILE}"}) as (host, _):
        assert package.first_that_answers([f"{host}/"], FILE) is None


@pytest.mark.parametrize("status", [403, 404, 429, 500])
def test_refusals_are_no_answer(status):
    with repository({f"/{FILE}": status}) as (host, _):
        assert package.first_that_answers([f"{host}/"], FILE) is None


def test_nobody_there():
    with repository({}) as (host, _):
        pass
    assert package.first_that_answers([f"{host}/a/", f"{host}/b/"], FILE) is None


# What a package offers and how its objects are called: from here on, one small package a test.


def of(site, **files):
    """The passages of a package `urn` of these files, by chunk id."""
    for name, text in files.items():
        file = site / "urn" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return passages("urn", source_url="https://code.example/")[0]


def call(passage):
    """The signature that a passage begins with."""
    return passage.text.removeprefix("```python\n").partition("\n```")[0]


TAP = 'class Tap:\n    """Lets it out."""\n\n    def turn(self):\n        """Opens."""\n'


@pytest.mark.parametrize(
    ("init", "name"),
    [
        ("from ._parts import Tap", "urn.Tap"),
        ("from urn._parts import Tap", "urn.Tap"),
        ("from ._parts import Tap as Spout", "urn.Spout"),
        ("from ._parts import *", "urn.Tap"),
        ("from .parts import Tap", "urn.Tap"),
        ("from ._parts import *\n__all__ = ['Tap']", "urn.Tap"),
        ("import typing\nif typing.TYPE_CHECKING:\n    from ._parts import Tap", "urn.Tap"),
        (
            "try:\n    import x\nexcept ImportError:\n    pass\nelse:\n    from ._parts import Tap",
            "urn.Tap",
        ),
        ("from ._parts import Tap as _Tap\nTap = _Tap", "urn.Tap"),
    ],
)
def test_what_a_package_passes_on_is_read_once_under_its_public_name(site, init, name):
    found = of(site, __init__=init, _parts=TAP, parts="from ._parts import Tap\n__all__ = ['Tap']")
    assert set(found) == {name, f"{name}.turn"}
    assert call(found[name]) == name
    assert (found[name].title, found[name].headings) == ("urn", (name[4:],))
    assert found[f"{name}.turn"].url == "https://code.example/urn/_parts.py#L4-L5"


def test_what_is_imported_for_use_is_not_passed_on(site):
    found = of(
        site,
        __init__="",
        _parts=TAP,
        use="from ._parts import Tap\n",
        near='from .far_away import reach\n\ndef take():\n    """Takes a cup."""\n',
        far_away='def reach():\n    """Takes a far cup."""\n',
        unlisted="from ._parts import Tap\n__all__ = []\n",
    )
    assert set(found) == {"urn.near.take", "urn.far_away.reach"}


def test_the_shortest_name_wins_and_the_title_is_where_it_is_defined(site):
    (site / "urn/deep/deeper").mkdir(parents=True)
    (site / "urn/deep/deeper/__init__.py").write_text("from .well import Tap\n")
    (site / "urn/deep/deeper/well.py").write_text(TAP)
    (site / "urn/deep/__init__.py").write_text("from .deeper import *\n")
    found = of(site, __init__='"""An urn."""')
    assert set(found) == {"urn", "urn.deep.Tap", "urn.deep.Tap.turn"}
    assert found["urn.deep.Tap"].title == "urn.deep.deeper.well"
    found = of(site, __init__="from .deep import Tap")
    assert set(found) == {"urn.Tap", "urn.Tap.turn"}
    inner, _ = passages("urn.deep.deeper", source_url="https://code.example/")
    assert set(inner) == set(found)  # the packages around give the name


def test_star_imports_in_circles_end(site):
    found = of(
        site, __init__="from .a import *", a=f"from .b import *\n{TAP}", b="from .a import *"
    )
    assert set(found) == {"urn.Tap", "urn.Tap.turn"}


def test_a_list_of_names_may_be_made_of_another(site):
    found = of(
        site,
        __init__="from . import _parts\nfrom ._parts import *\n__all__ = ['x'] + _parts.__all__",
        _parts=f"__all__ = ['Tap']\n{TAP}\ndef other():\n    'Not listed.'\n",
    )
    assert set(found) == {"urn.Tap", "urn.Tap.turn"}


def test_a_function_that_hides_the_module_it_comes_from(site):
    found = of(site, __init__="from .pour import pour", pour='"""Of it."""\ndef pour(): "Pours."')
    assert "Of it." in found["urn.pour"].text
    assert "Pours." in found["urn.pour#2"].text


DATA = '''
import enum
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

@dataclass
class Base:
    "First."
    kind: str

@dataclass(kw_only=True)
class Tea(Base):
    "Leaves and water."
    leaves: list[str] = field(default_factory=list)
    """What is in it.

    In order.
    """
    minutes: float = 2.5
    #: How hot it is,
    #: in degrees.
    heat: int = field(default=80, metadata={"unit": "C"})
    label: ClassVar[str] = "tea"
    steeped: bool = field(init=False, default=False)
    def __post_init__(self):
        self.cold: bool = False

class Size(enum.Enum):
    "How much."
    SMALL = 1
    LARGE = 2  #: for two
    _ODD = 3

class Pair(NamedTuple):
    "Two."
    left: int
    right: int = 0

class Plain:
    LIMIT = 3
    "As many as there are."
    other = 4

CUPS: int = 6
"Cups in a set."
SPOONS = 6
'''


def test_dataclasses_are_called_with_their_fields(site):
    found = of(site, __init__=DATA)
    assert call(found["urn.Base"]) == "urn.Base(kind: str)"
    assert call(found["urn.Pair"]) == "urn.Pair(left: int, right: int = 0)"
    assert found["urn.Tea"].text.removeprefix("```python\n") == (
        "urn.Tea(kind, *, leaves=list(), minutes=2.5, heat=80)\n"
        "```\n\n"
        "Leaves and water.\n\n"
        "Attributes:\n"
        "    leaves (`list[str]`, defaults to `list()`):\n"
        "        What is in it.\n\n"
        "        In order.\n"
        "    heat (`int`, defaults to `80`):\n"
        "        How hot it is,\n"
        "        in degrees."
    )


def test_members_of_enumerations_and_documented_attributes(site):
    found = of(site, __init__=DATA)
    assert found["urn.Size"].text.endswith(
        "How much.\n\nAttributes:\n    SMALL (`1`):\n    LARGE (`2`):\n        for two"
    )
    # A class without a docstring is read for its attributes'.
    assert found["urn.Plain"].text.endswith(
        "\n\nAttributes:\n    LIMIT (`3`):\n        As many as there are."
    )
    assert call(found["urn.CUPS"]) == "urn.CUPS: int = 6"
    assert found["urn.CUPS"].text.endswith("Cups in a set.")
    assert "urn.SPOONS" not in found


def test_an_attribute_that_the_docstring_describes_is_not_listed_again(site):
    text = '''class Tea:
    """Hot.

    Attributes:
        leaves: What is in it.
    """
    leaves: str = "green"
    water: str = "soft"
'''
    found = of(site, __init__=text)["urn.Tea"].text
    assert found.count("leaves") == 1
    assert "    water (`str`, defaults to `'soft'`):" in found


def test_types_are_shown_where_the_docstring_does_not_tell_them(site):
    text = '''def pour(cup: int, slowly: bool = True) -> str:
    """Pours."""

def fill(cup: int, slowly: bool = True) -> str:
    """Fills.

    :param cup: Which.
    :returns: How it went.
    """
'''
    found = of(site, __init__=text)
    assert call(found["urn.pour"]) == "urn.pour(cup: int, slowly: bool = True) -> str"
    assert call(found["urn.fill"]) == "urn.fill(cup, slowly=True)"


def test_overloads_are_shown_while_they_are_few(site):
    text = "from typing import overload\n"
    for kind in ("int", "str"):
        text += f"@overload\ndef pour(cup: {kind}) -> {kind}: ...\n"
    text += 'def pour(cup):\n    """Pours."""\n'
    for number in range(20):
        text += f"@overload\ndef many(cup: Literal[{number}]) -> str: ...\n"
    text += 'def many(cup):\n    """Pours much."""\n'
    found = of(site, __init__=text)
    assert call(found["urn.pour"]) == "urn.pour(cup: int) -> int\nurn.pour(cup: str) -> str"
    assert call(found["urn.many"]) == "urn.many(cup)"


STUB = '''from typing import overload
def boil(litres: float) -> None:
    """Heats."""
@overload
def cool(by: int) -> int:
    """Cools."""
@overload
def cool(by: str) -> str: ...
'''


def test_stubs_stand_for_compiled_modules_only(site):
    (site / "urn").mkdir()
    (site / "urn" / f"fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    (site / "urn/fast.pyi").write_text(STUB)
    (site / "urn/slow.pyi").write_text('def boil():\n    """As the stub says."""\n')
    found = of(site, slow='def boil():\n    """As the source says."""\n', __init__="")
    assert set(found) == {"urn.fast.boil", "urn.fast.cool", "urn.slow.boil"}
    assert call(found["urn.fast.boil"]) == "urn.fast.boil(litres: float) -> None"
    assert call(found["urn.fast.cool"]).splitlines()[1] == "urn.fast.cool(by: str) -> str"
    assert found["urn.fast.boil"].url == "https://code.example/urn/fast.pyi#L2-L3"
    assert "As the source says." in found["urn.slow.boil"].text


@pytest.mark.parametrize("name", ["kettle", "iron.kettle"])
def test_a_compiled_module_named_by_itself_is_read_from_its_stub(site, name):
    stub = site.joinpath(*name.split(".")).with_suffix(".pyi")
    stub.parent.mkdir(exist_ok=True)
    stub.with_suffix(EXTENSION_SUFFIXES[0]).write_bytes(b"")
    stub.write_text(STUB)
    found, _ = passages(name, source_url="https://code.example/")
    assert found[f"{name}.boil"].url == f"https://code.example/{name.replace('.', '/')}.pyi#L2-L3"


@pytest.fixture(scope="module")
def core():
    """The passages of transformers as installed, without its models."""
    options = Options(
        exclude=("transformers.models",),
        source_url="https://github.com/huggingface/transformers/blob/v{version}/src/",
    )
    return list(package.read("transformers", options).passages)


def test_transformers_without_its_models(core):
    assert len(core) > 2500
    assert len({passage.chunk_id for passage in core}) == len(core)
    assert not any(passage.title.startswith("transformers.models") for passage in core)
    assert max(size(passage.text) for passage in core) <= LIMIT


def test_transformers_objects_bear_the_names_they_are_imported_by(core):
    found = {passage.chunk_id: passage for passage in core}
    generation = found["transformers.TextGenerationPipeline"]
    assert generation.title == "transformers.pipelines.text_generation"
    tag = f"/v{metadata.version('transformers')}/src/transformers/pipelines/text_generation.py#L"
    assert tag in generation.url
    assert "transformers.pipelines.text_generation.TextGenerationPipeline" not in found
    assert "transformers.PreTrainedModel.from_pretrained" in found
    assert "transformers.utils.logging.set_verbosity" in found


def test_a_parameter_among_a_hundred_is_found_with_its_owner(core):
    told = [p.text for p in core if p.chunk_id.startswith("transformers.TrainingArguments:")]
    text = next(text for text in told if "    save_total_limit (`int`" in text)
    assert text.startswith("`transformers.TrainingArguments` parameters (continued)\n")
    assert "elete" in text.partition("save_total_limit (")[2]
