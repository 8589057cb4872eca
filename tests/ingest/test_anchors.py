"""Headings get the fragments that their published page has."""

import pytest

from ingest.anchors import Anchors, without_explicit


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("Pouring tea", "pouring-tea"),
        ("What's in a cup?", "whats-in-a-cup"),
        ("pour_all & drink", "pour_all--drink"),
        ("🫖 Teapots", "-teapots"),
        ("Thé à la menthe", "thé-à-la-menthe"),
        ("お茶 2.0", "お茶-20"),
        ("C++/Rust", "crust"),
        ("a - b", "a---b"),
    ],
)
def test_a_slug_follows_githubs_rule(heading, slug):
    assert Anchors().slug(heading) == slug


@pytest.mark.parametrize(
    ("headings", "slugs"),
    [
        (["a", "a", "a"], ["a", "a-1", "a-2"]),
        (["a", "a", "a-1"], ["a", "a-1", "a-1-1"]),
        (["a-1", "a", "a"], ["a-1", "a", "a-2"]),
        (["A", "a!", "a-1", "a"], ["a", "a-1", "a-1-1", "a-2"]),
        (["?", "!"], ["", "-1"]),
    ],
)
def test_repeats_are_numbered_around_what_is_taken(headings, slugs):
    anchors = Anchors()
    assert [anchors.slug(heading) for heading in headings] == slugs


def test_an_explicit_anchor_is_not_given_to_another_heading():
    anchors = Anchors()
    assert anchors.explicit("Brew.Pot") == "Brew.Pot"
    anchors.explicit("tea")
    assert anchors.slug("Tea") == "tea-1"


@pytest.mark.parametrize(
    ("heading", "parts"),
    [
        ("Cups[[api-cups]]", ("Cups", "api-cups")),
        ("Cups [[brew.Cup]]", ("Cups", "brew.Cup")),
        ("Cups {#all-cups}", ("Cups", "all-cups")),
        ("Cups[[api]][[brew.Cup]]", ("Cups", "api")),
        ("x[[0]] is first", ("x[[0]] is first", "")),
        ("Cups", ("Cups", "")),
    ],
)
def test_an_anchor_written_beside_a_heading_is_taken_off_it(heading, parts):
    assert without_explicit(heading) == parts


def test_many_repeats_take_no_more_than_a_moment():
    anchors = Anchors()
    assert [anchors.slug("tea") for _ in range(100_000)][-1] == "tea-99999"
