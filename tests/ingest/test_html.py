"""Pages of HTML: what they are about, as Markdown, linked to anchors that are there."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.document import Section, passages
from ingest.html import document, tables_as_markdown
from rag.data import FootnoteError

URL = "https://tea.example/pots.html"


def sections(body):
    return document(f"<!doctype html><html><body>{body}</body></html>", "pots.html", URL).sections


def only(body):
    (section,) = sections(body)
    return section.text


@pytest.mark.parametrize(
    "main", ["<main>{}</main>", "<div role=main>{}</div>", "<div><article>{}</article></div>"]
)
def test_only_the_main_part_is_read(main):
    text = "<p>Tea.</p><nav>In this page</nav><aside>Ad</aside><script>pour()</script><style>p{}</style>"
    page = f"<header>Site</header><nav>Menu</nav><div>Side</div>{main.format(text)}<footer>End</footer>"
    assert only(page) == "Tea."


def test_a_page_without_a_main_part_is_read_without_its_frame():
    assert (
        only("<header><h1>Site</h1></header><nav>Menu</nav><p>Tea.<footer>End</footer>") == "Tea."
    )


def test_several_articles_are_all_read():
    assert "One" in only("<article>One</article><article>Two</article>")
    assert "Two" in only("<article>One</article><article>Two</article>")


def test_the_title():
    assert (
        document("<title>Site</title><h1>Pots <a href='#p'>¶</a></h1>x", "a.html", URL).title
        == "Pots"
    )
    assert document("<title>All\n pots</title><p>x", "a.html", URL).title == "All pots"
    assert document("<h1>Pots</h1><main>x</main>", "a.html", URL).title == "Pots"
    assert document("<p>x", "a.html", URL).title == "a.html"
    page = "<main><header><h1>Pots</h1></header>x</main>"
    assert document(page, "a.html", URL).title == "Pots"


def test_headings_have_anchors_that_are_in_the_page():
    text = """
    <main>
    <h1 id="pots">Pots</h1><p>All.</p>
    <section id="iron"><span id="old-iron"></span><h2>Iron</h2><p>Heavy.</p></section>
    <h2><a name="clay"></a>Clay</h2><p>Light.</p>
    <a id="glass"></a><h3>Glass</h3><p>Clear.</p>
    <h2>Care</h2><p>Dry.</p>
    <h2 id="a b">Odd</h2><p>End.</p>
    </main>"""
    assert sections(text) == (
        Section((), "pots", "All."),
        Section(("Iron",), "iron", "Heavy."),
        Section(("Clay",), "clay", "Light."),
        Section(("Clay", "Glass"), "glass", "Clear."),
        Section(("Care",), "glass", "Dry."),
        Section(("Odd",), "a%20b", "End."),
    )


@pytest.mark.parametrize(
    "heading",
    [
        '<h2 id="x">Cups<a class="headerlink" href="#x" title="Link">¶</a></h2>',
        '<h2 id="x"><a href="#x">#</a> Cups</h2>',
        '<h2 id="x">Cups <a class="hash-link" href="#x">\u200b</a></h2>',
        '<h2 id="x"><a href="#x">Cups</a></h2>',
    ],
)
def test_permalinks_are_no_part_of_a_heading(heading):
    assert sections(f"{heading}<p>Text.") == (Section(("Cups",), "x", "Text."),)


def test_paragraphs_lists_and_inline_code():
    text = """<p>Boil <b>all</b>
      the <code>water</code>,<br>then <a href="https://a.example/x">pour</a>, <a href="b.html">rest</a>.
    <ul><li><p>one</p><li>two<ol start="3"><li>deep</ol></ul><p>End<code></code>."""
    assert only(text) == (
        "Boil all the `water`, then [pour](https://a.example/x), rest.\n\n"
        "- one\n- two\n  3. deep\n\nEnd."
    )


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ('<pre><code class="language-python">{}</code></pre>', "python"),
        ('<pre class="lang-py">{}</pre>', "py"),
        (
            '<div class="highlight-python notranslate"><div class="highlight"><pre>{}</pre></div></div>',
            "python",
        ),
        ('<div class="highlight-default"><pre>{}</pre></div>', ""),
        ("<pre>{}</pre>", ""),
    ],
)
def test_code_keeps_its_lines_and_indentation(code, language):
    lines = "\n<span>def</span> f():\n    <i>return</i> a &lt; b\n\n\n# end\n"
    assert only(code.format(lines)) == f"```{language}\ndef f():\n    return a < b\n\n\n# end\n```"


def test_code_with_fences_and_breaks():
    assert only("<pre>```\n  a<br>  b<br/>c</pre>") == "````\n```\n  a\n  b\nc\n````"


def test_a_table_of_line_numbers_and_code_is_code():
    text = (
        "<table><tr><td class='linenos'><pre>1\n2</pre></td><td><pre>a\nb</pre></td></tr></table>"
    )
    assert only(text) == "```\na\nb\n```"


def test_tables_become_markdown():
    text = """<table><caption>Cups</caption><thead><tr><th>cup</th><th>ml</th></tr></thead>
    <tbody><tr><td>a|b</td><td><p>1</p><p>2</p></td></tr><tr></tr></tbody></table><p>End."""
    assert only(text) == "Cups\n\n| cup | ml |\n|---|---|\n| a\\|b | 1 2 |\n\nEnd."


def test_objects_of_an_api_page_are_sections_of_their_own():
    text = """<h1 id="api">API</h1>
    <dl class="py class"><dt class="sig" id="brew.Pot"><em>class </em>brew.Pot(<i>size</i>)
      <a href="src.html"><span class="viewcode-link">[source]</span></a><a class="headerlink" href="#brew.Pot">¶</a></dt>
    <dd><p>A pot.</p><dl class="field-list"><dt>Parameters</dt><dd>size</dd></dl>
      <dl class="py method"><dt class="sig" id="brew.Pot.pour">pour(cup)</dt><dd>Pours.</dd>
      <dt class="sig" id="brew.Pot.fill">fill()</dt><dd>Fills.</dd></dl>
      <p>See also.</p></dd></dl><p>End."""
    assert sections(text) == (
        Section(
            ("class brew.Pot",),
            "brew.Pot",
            "`class brew.Pot(size)`\n\nA pot.\n\nParameters\n\nsize",
        ),
        Section(("class brew.Pot", "pour"), "brew.Pot.pour", "`pour(cup)`\n\nPours."),
        Section(("class brew.Pot", "fill"), "brew.Pot.fill", "`fill()`\n\nFills."),
        Section(("class brew.Pot",), "brew.Pot", "See also."),
        Section((), "api", "End."),
    )


def test_what_is_hidden_is_left_out_and_what_follows_it_is_not():
    text = "<p hidden>a</p><ul role='navigation'><li>b</ul><dl hidden><dd>c</dl>tea<ul><li>d<a href='#x'>¶</a> e</ul>"
    assert only(text) == "tea\n\n- d e"


def test_no_script_survives_and_text_that_looks_like_one_is_text():
    text = only("<p onclick='x()'>a<script>alert(1)</script><svg><script>b</script></svg>&lt;i&gt;")
    assert text == "a<i>"


@pytest.mark.parametrize(
    "page", ["", " ", "<!-- -->", "<html>", "\0", '<?xml version="1.0" encoding="latin1"?><p>']
)
def test_a_page_without_text_has_no_sections(page):
    assert document(page, "a.html", URL).sections == ()


@pytest.mark.parametrize("tag", ["div", "b", "ul><li", "table", "blockquote", "dl><dt id=x"])
def test_tags_nested_beyond_reason_are_refused_in_one_line(tag):
    with pytest.raises(FootnoteError, match="nested too deeply"):
        document(f"<{tag}>" * 100_000 + "tea", "a.html", URL)


# fmt: off
MARKS = [
    "a ", "<p>a", "<", "&", "<a ", '<a b="', "<!--", "<h2 id=a>a", "<li>a", "<td>a", "<br>",
    "<dt id=x>a", "</p>", "<pre>`\n", "<tr><td>a</td></tr>", "<a id=x></a>",
    "<table><tr><td>a</td></tr></table>",
]
# fmt: on


@pytest.mark.parametrize("mark", MARKS)
def test_a_megabyte_takes_seconds(mark):
    start = time.monotonic()
    try:
        page = document((mark * 1_000_000)[:1_000_000], "a.html", URL)
        list(passages(page))
    except FootnoteError as refused:
        assert "nested" in str(refused)
    assert time.monotonic() - start < 20


# fmt: off
TAGS = [
    "div", "p", "h1", "h2", "dl", "dt", "dd", "ul", "ol", "li", "a", "code", "pre", "table", "tr",
    "td", "main", "nav", "script", "header", "section", "svg", "article", "body", "html", "title",
    "br", "span", "style", "template",
]
# fmt: on
PIECES = st.one_of(
    st.sampled_from([f"<{slash}{tag}>" for tag in TAGS for slash in ("", "/")]),
    st.sampled_from(["<h2 id='a b'>", "<dt id=x>", "<a name=y>", "<section id=s>", "<!--", "-->"]),
    st.sampled_from(
        ['<a href="http://x.y">', "&#0;", "&#xD800;", "&lt;", "<?x", "<![CDATA[", "<a b='"]
    ),
    st.text(max_size=20),
)
PAGES = st.lists(PIECES, max_size=30).map("".join)


@given(PAGES)
def test_any_page_is_read_and_its_anchors_are_in_it(page):
    found = document(page, "a.html", URL)
    assert all(section.text.strip() for section in found.sections)
    for section in found.sections:
        assert section.anchor in ("", "a%20b", "x", "y", "s")
    for passage in passages(found):
        assert passage.text.strip()
        passage.text.encode()


@given(st.lists(st.text("abcdefgh", min_size=1), min_size=1).map(" ".join), PAGES)
def test_the_words_of_a_plain_paragraph_survive(words, after):
    # Another main part, a title or head in `after` would be another page's.
    after = re.sub(r"</?(main|body|html|article|title)>", "", after)
    texts = [
        s.text for s in document(f"<main><p>tea {words}.</p></main>{after}", "a.html", URL).sections
    ]
    assert texts and texts[0].startswith(f"tea {words}.")


def test_only_a_table_that_begins_a_line_is_turned_into_markdown():
    text = "Write `<table>` and `</table>`.\n\n  <TABLE><tr><td>a</td></tr></TABLE> End. <table>"
    assert tables_as_markdown(text) == (
        "Write `<table>` and `</table>`.\n\n\n\n| a |\n|---|\n\n End. <table>"
    )
