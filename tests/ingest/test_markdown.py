"""Pages of Markdown: sections, their right anchors, and text without markup."""

import re
import tarfile
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Section, passages
from ingest.markdown import document

URL = "https://tea.example/pots"


def sections(text, name="pots.md", **kwargs):
    return document(text, name, URL, **kwargs).sections


def only(text, name="pots.md"):
    (section,) = sections(text, name)
    return section.text


def test_headings_make_sections_with_their_path_and_anchor():
    page = document(
        "Before.\n\n# Pots\n\nAll.\n\n## Iron\n\nHeavy.\n\n### Care\n\nOil.\n\n## Clay\n\nLight.",
        "pots.md",
        URL,
    )
    assert page.title == "Pots"
    assert page.sections == (
        Section((), "", "Before."),
        Section((), "pots", "All."),
        Section(("Iron",), "iron", "Heavy."),
        Section(("Iron", "Care"), "care", "Oil."),
        Section(("Clay",), "clay", "Light."),
    )


def test_a_passage_links_to_its_section():
    (passage,) = passages(document("# Pots\n\n## Iron\n\nHeavy.", "pots.md", URL))
    assert (passage.url, passage.title, passage.headings) == (f"{URL}#iron", "Pots", ("Iron",))


def test_headings_underlined_and_deep_are_headings():
    found = sections("Pots\n====\n\nA\n\nIron\n----\n\nB\n\n###### Small\nC")
    assert [section.headings for section in found] == [(), ("Iron",), ("Iron", "Small")]


def test_markup_is_removed_from_headings():
    text = "# T\n## The `pour_all` [rule](rule.md) <a id='x'></a>**now** ![logo](a.png)\n\nText."
    (section,) = sections(text)
    assert section.headings == ("The pour_all rule now",)
    assert section.anchor == "the-pour_all-rule-now-"


def test_a_link_of_doc_builder_in_a_heading_is_its_name():
    assert sections("## The [`~brew.Pot`] class\n\nText.")[0].headings == ("The brew.Pot class",)


def test_explicit_anchors_are_taken_and_repeats_numbered():
    text = "## Cup[[tea-cup]]\n\na\n\n## Cup\n\nb\n\n## Cup {#last}\n\nc\n\n## Cup\n\nd"
    assert [(s.headings, s.anchor) for s in sections(text)] == [
        (("Cup",), "tea-cup"),
        (("Cup",), "cup"),
        (("Cup",), "last"),
        (("Cup",), "cup-1"),
    ]


def test_a_heading_in_a_list_stays_text_but_takes_its_anchor():
    found = sections("- # Tea\n\n  Sip.\n\n# Tea\n\nPour.")
    assert [(s.anchor, s.text) for s in found] == [("", "- # Tea\n\n  Sip."), ("tea-1", "Pour.")]


def test_a_heading_without_an_anchor_keeps_the_one_before():
    found = sections("# Tea\n\na\n\n## ?!\n\nb")
    assert [section.anchor for section in found] == ["tea", "tea"]


@pytest.mark.parametrize(
    ("text", "name", "title"),
    [
        ("---\ntitle: 'Green tea'\n---\nText.", "a.md", "Green tea"),
        ("---\ntitle: Green tea\n---\n# Tea\n\nText.", "a.md", "Tea"),
        ("Text.", "hot_drinks/green-tea.md", "Green tea"),
        ("Text.", "hot-drinks/index.md", "Hot drinks"),
        ("Text.", "README.md", "README"),
        ("## Section\n\nText.", "cups.md", "Cups"),
    ],
)
def test_the_title(text, name, title):
    assert document(text, name, URL).title == title


def test_front_matter_is_left_out_and_a_rule_is_not_front_matter():
    assert only("---\ntitle: Tea\ntags: [a]\n---\n\nText.") == "Text."
    (section,) = sections("---\nNo field\n---\nText.\n\n***\n")
    assert section == Section(("No field",), "no-field", "Text.")


def test_comments_are_left_out_with_the_headings_and_code_in_them():
    text = "<!-- Draft\n\n# Not a heading\n\n```\nnot code\n-->\n\nTea.\n\n<!-- one line --> Cup."
    assert sections(text) == (Section((), "", "Tea.\n\n Cup."),)


def test_a_comment_in_code_is_code():
    text = "```html\n<!-- steam -->\n<Tip>\n```"
    assert only(text) == text


def test_a_comment_that_never_ends_hides_nothing():
    assert only("<!-- Draft\n\nTea.") == " Draft\n\nTea."


def test_a_licence_notice_is_left_out():
    notice = (
        'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file'
        " except in compliance with\nthe License. You may obtain a copy of the License at\n\n"
        "http://www.apache.org/licenses/LICENSE-2.0"
    )
    assert only(f"{notice}\n\nTea is hot.") == "Tea is hot."
    assert sections(notice) == ()


def test_tags_on_lines_of_their_own_do_not_swallow_headings_and_code():
    text = "<pt>\n## Iron\n```py\nx = 1\n```\n</pt>\n<Tip>\n\nMind it.\n\n</Tip>"
    (section,) = sections(text)
    assert section == Section(("Iron",), "iron", "```py\nx = 1\n```\n\nMind it.")


def test_code_keeps_lines_indentation_and_what_looks_like_markup():
    code = "```py\nif tea:\n\n    pour('<b>')  # [x](y) &lt;\n# Not a heading\n```"
    assert only(f"Do:\n\n{code}\n\nDone.") == f"Do:\n\n{code}\n\nDone."


def test_a_fence_in_a_list_that_is_never_closed_ends_with_its_item():
    (section,) = sections("- item\n\n  ```\n  x\n\n# Not code\n\nText.")[1:]
    assert section.text == "Text."
    assert "```\n  x\n\n  ```" in sections("- item\n\n  ```\n  x\n\n# Not code\n\nText.")[0].text


def test_indented_code_is_fenced_where_a_colon_announces_it():
    assert only("Write:\n\n    if a:\n        b()\n\nEnd.") == (
        "Write:\n\n```\nif a:\n    b()\n```\n\nEnd."
    )


def test_an_indented_docstring_stays_text_without_components():
    text = "Makes a pot.\n\n    Args:\n        size (`int`):\n            <Tip>\n            Big.\n            </Tip>\n"
    assert only(text) == "Makes a pot.\n\n    Args:\n        size (`int`):\n            Big."


def test_imports_and_exports_of_mdx_are_left_out():
    text = (
        'import Cup from "./cup"\nexport const a = {\n  b: 1\n}\n\nTea.\n\nexport things to print.'
    )
    assert only(text, "a.mdx") == "Tea.\n\nexport things to print."
    assert "export const" in only(text, "a.md")


def test_a_table_of_html_becomes_one_of_markdown():
    text = "Cups:\n\n<table>\n<tr><th>cup</th><th>ml</th></tr>\n\n<tr><td>big</td><td>400</td></tr>\n</table>\n\nEnd."
    assert only(text) == "Cups:\n\n| cup | ml |\n|---|---|\n| big | 400 |\n\nEnd."


def test_a_tables_padding_is_left_out():
    assert only("| cup    | ml  |\n|--------|----:|\n| big    | 400 |") == (
        "| cup | ml |\n|---|---:|\n| big | 400 |"
    )


def test_the_notebook_button_is_left_out():
    assert only("[[open-in-colab]]\n\nTea.") == "Tea."


def expand(name, members):
    if name != "Pot":
        return None
    methods = tuple(Section(("Pot", m), f"brew.Pot.{m}", f"Does {m}.") for m in members)
    return (Section(("Pot",), "brew.Pot", "A pot."), *methods)


def test_a_directive_is_expanded_in_place_under_its_heading():
    text = "# API\n\n## Pots\n\nHere:\n\n[[autodoc]] Pot\n    - pour\n\n    - fill\n\nAfter."
    assert sections(text, expand=expand) == (
        Section(("Pots",), "brew.Pot", "Here:"),
        Section(("Pots", "Pot"), "brew.Pot", "A pot."),
        Section(("Pots", "Pot", "pour"), "brew.Pot.pour", "Does pour."),
        Section(("Pots", "Pot", "fill"), "brew.Pot.fill", "Does fill."),
        Section(("Pots",), "brew.Pot", "After."),
    )


def test_an_object_that_has_its_name_for_heading_is_not_named_twice():
    (section,) = sections("## API\n\n### Pot\n\n[[autodoc]] Pot", expand=expand)
    assert section.headings == ("API", "Pot")


def test_a_headings_own_anchor_stays_over_an_api_object():
    text = "## Pots[[all-pots]]\n\nHere:\n\n[[autodoc]] Pot\n\n## More\n\nText."
    assert [s.anchor for s in sections(text, expand=expand)] == ["all-pots", "brew.Pot", "more"]


def test_directives_that_are_not_expanded_are_counted_and_their_members_dropped():
    left_out = Counter()
    text = (
        "Tea.\n\n[[autodoc]] Cup\n    - sip\n\n[[autodoc]] brew.Kettle: no such module\nat all\n\n"
        "```\n[[autodoc]] Code\n```"
    )
    (section,) = sections(text, expand=expand, left_out=left_out)
    assert section.text == "Tea.\n\n```\n[[autodoc]] Code\n```"
    assert left_out == {"[[autodoc]] not expanded": 2}


# fmt: off
MARKS = [
    "# a", "## b [[x]]", "```", "~~~", "<!--", "-->", "<Tip>", "</Tip>", "[[autodoc]] X", "    - m",
    "    code", "Write:", "- item", "> q", "|a|b|", "|-|-|", "<table>", "</table>", "<tr><td>x",
    "![a b c](d)", "{/*", "---", "title: x", "\\", '<img alt="a', "<script>", "import x from 'y'",
    "export const a", "[[open-in-colab]]", "", "[`a`]", "[" * 300,
]
# fmt: on
PIECES = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="ab[]()<>`*|#-!\\&{}\n ", max_size=60),
    st.sampled_from(MARKS),
)
TEXTS = st.tuples(st.sampled_from(["\n", "\n\n", " ", ""]), st.lists(PIECES, max_size=25)).map(
    lambda drawn: drawn[0].join(drawn[1])
)


@given(TEXTS, st.sampled_from(["a.md", "a.mdx"]))
def test_any_text_is_read_and_every_passage_has_text(text, name):
    page = document(text, name, URL)
    assert all(section.text.strip() for section in page.sections)
    for passage in passages(page):
        assert passage.text.strip()
        assert passage.url.isprintable() and " " not in passage.url


WORDS = st.lists(st.text("abcdefgh", min_size=1), min_size=1).map(" ".join)


@given(WORDS, TEXTS)
def test_the_words_of_a_plain_paragraph_survive(words, after):
    paragraph = f"tea {words}."
    # The rule keeps what follows from making a heading of the paragraph.
    assert sections(f"{paragraph}\n\n***\n\n{after}")[0].text.startswith(paragraph)


@given(WORDS, TEXTS.filter(lambda text: not re.search(r"<!--|\{/\*|^---", text)))
def test_nothing_before_a_plain_paragraph_hides_it(words, before):
    found = sections(f"{before}\n\ntea {words}.")
    assert f"tea {words}." in found[-1].text


@pytest.mark.parametrize(
    "mark", ["[", "<", "`", "*", "|", "> ", "<!--\n", "<table>\n", "[[autodoc]] x\n"]
)
def test_a_megabyte_of_marks_takes_seconds(mark):
    start = time.monotonic()
    list(passages(document((mark * 1_000_000)[:1_000_000], "a.md", URL)))
    assert time.monotonic() - start < 30


def test_many_headings_full_of_brackets_take_seconds():
    start = time.monotonic()
    document(("# " + "[" * 300 + "\n") * 3000, "a.md", URL)
    assert time.monotonic() - start < 20


@pytest.fixture(scope="module")
def docs(shared):
    """The pages of a large site in Markdown, by name."""
    with tarfile.open(shared / "corpus" / "docs_en.tar.gz") as archive:
        return {
            member.name.removeprefix("docs_en/"): archive.extractfile(member).read().decode()
            for member in archive
            if member.isfile() and member.name.endswith(".md")
        }


def anchors_by_hand(text):
    """The anchors of a page, line by line, with none of the code under test."""
    anchors, seen, fence = set(), Counter(), ""
    text = re.sub(r"<!--.*?-->", lambda comment: "\n" * comment[0].count("\n"), text, flags=re.S)
    for line in text.split("\n"):
        if marker := re.match(r"\s*(```+|~~~+)", line):
            if not fence:
                fence = marker[1]
            elif line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        heading = re.match(r" {0,3}#{1,6}\s+(.*?)\s*$", line)
        if fence or not heading:
            continue
        if own := re.search(r"\[\[([^\]]+)\]\]$", heading[1]):
            anchors.add(own[1])
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"<[^>]*>", "", words).lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def test_every_fragment_of_a_real_site_is_an_anchor_of_its_page(docs):
    assert len(docs) == 470
    total, wrong = 0, []
    for name, text in docs.items():
        anchors = anchors_by_hand(text) | {""}
        for passage in passages(document(text, name, URL)):
            total += 1
            if passage.url.partition("#")[2] not in anchors:
                wrong.append((name, passage.url))
    assert total > 9000
    assert wrong == []


def test_no_markup_of_a_real_site_reaches_its_passages(docs):
    found = Counter()
    for name, text in docs.items():
        for passage in passages(document(text, name, URL)):
            prose = re.sub(r"(?ms)^\s*(```+|~~~+).*?^\s*\1", "", passage.text)
            prose = re.sub(r"(`+)[^`]+\1", "", prose)
            found.update(
                re.findall(r"</?(?:Tip|div|br|small|hfoptions?|iframe|pt|tf)\b|<!--", prose)
            )
    assert not found


def code_by_hand(text):
    """The code blocks of a page that begin a line."""
    block = []
    for line in re.sub("<!--.*?-->", "", text, flags=re.S).split("\n"):
        if block:
            block.append(line)
            if re.fullmatch(" {0,3}```\\s*", line):
                yield "\n".join(block).rstrip()
                block = []
        elif line.startswith("```") and "`" not in line.lstrip("`"):
            block = [line]


def test_a_real_site_loses_none_of_its_code(docs):
    blocks = 0
    for name, text in docs.items():
        kept = "\n".join(section.text for section in document(text, name, URL).sections)
        for block in code_by_hand(text):
            blocks += 1
            assert block in kept, name
    assert blocks > 2000
