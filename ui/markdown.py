"""An answer -> HTML for the page, in which the only links are its footnotes.

The text is hostile until shown otherwise: it may hold what a document, a question or a model
wrote. A Markdown parser that knows neither HTML nor links nor images reads it, and all that it
found is written with escaping. Footnote numbers and the limits of unsupported sentences go
through the parser as characters that no text may hold. This module knows nothing of servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import quote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from rag.data import Answer, Citation, Claim, Passage

# Private-use characters: a footnote is NOTE number COMMA claim END.
_NOTE, _COMMA, _END, _DOUBT, _SURE = "\ue000\ue001\ue002\ue003\ue004"
_OURS = {ord(mark): "\ufffd" for mark in (_NOTE, _COMMA, _END, _DOUBT, _SURE)}
_MARKER = re.compile(r" ?\[(\d{1,3})\]")  # a number stands close to its sentence
_NOTED = re.compile(f"{_NOTE}(\\d+){_COMMA}(-?\\d+){_END}")
_PIECE = re.compile(f"({_NOTE}[^{_END}]*{_END}|{_DOUBT}|{_SURE})")
# What makes a line a list item, heading or quotation; a mark put before it would hide it.
_LINE_START = re.compile(r"\s*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)\s+)*")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)", re.MULTILINE)

DOUBTFUL = "None of the passages found says this."


def answer_html(answer: Answer) -> tuple[str, list[Citation]]:
    """The answer as HTML, and the notes that its `data-note` attributes count from 0."""
    notes: list[Citation] = []
    marked = _marked(answer.text, answer.citations, answer.claims)
    html = _render(marked, {"answer": answer, "notes": notes})
    return html, notes


def text_html(text: str) -> str:
    """Text without footnotes, such as what a model thinks."""
    return _render(text.translate(_OURS), {})


class Growing:
    """An answer that is being written, as HTML: what will not change any more, and the rest.

    Each is rendered once it is finished, so that a long answer costs no more than its length.
    `notes` are its footnotes so far, and what its `data-note` attributes count from 0.
    """

    def __init__(self) -> None:
        self.notes: list[Citation] = []
        self._open = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What is finished by this text, and what is open after it."""
        self._open += text
        at = self._end_of_blocks()
        finished, self._open = self._open[:at], self._open[at:]
        return self._html(finished), self._html(self._open)

    def _end_of_blocks(self) -> int:
        """Where the last blank line or code block ends, outside code; 0 where there is none."""
        fences = [match.start() for match in _FENCE.finditer(self._open)]
        limit = fences.pop() if len(fences) % 2 else len(self._open)
        coded = self._open.find("\n", fences[-1]) + 1 if fences else 0
        blank = self._open.rfind("\n\n", coded, limit)
        return blank + 2 if blank >= 0 else coded

    def _html(self, text: str) -> str:
        text = _MARKER.sub(lambda m: f"{_NOTE}{m[1]}{_COMMA}-1{_END}", text.translate(_OURS))
        return _render(text, {"notes": self.notes})


def place_name(passage: Passage) -> str:
    """The passage's title and headings: "Pipelines › Batching"."""
    names = [passage.title, *passage.headings]
    distinct = [name for at, name in enumerate(names) if name and name not in names[:at]]
    return " › ".join(distinct) or passage.url


def safe_url(url: str) -> str:
    """The web address with everything percent-encoded that could end it early in HTML or
    Markdown; empty where it is no web address."""
    if not re.match(r"https?://[^/\s]", url, re.IGNORECASE):
        return ""
    return quote(url, safe="%/:?#@!$&*+,;=~-._")


def text_markdown(text: str, labels: dict[int, str]) -> str:
    """The text as Markdown with no link or HTML in it, its markers written as `labels` say."""

    def prose(match: re.Match[str]) -> str:
        if match[1] and int(match[1]) in labels:
            # What stands behind it must not make it a link or a definition.
            return labels[int(match[1])] + (f"\\{match[2]}" if match[2] else "")
        return _escaped(match[0])

    parts = [""]
    for at, part in enumerate(_CODE.split(text)):
        if at % 2 == 0:
            part = part.lstrip("\n") if parts[-1].endswith("\n\n") else part
            parts.append(re.sub(r"\[(\d+)\]([(:]?)|[\\`~<>&\[\]]", prose, part))
        elif part.startswith(("```", "~~~")):
            parts[-1] = parts[-1].rstrip("\n")
            parts.append(_fenced(part))
        else:
            parts.append(part)
    return "".join(parts)


def line_markdown(text: str) -> str:
    """The text as one line of Markdown in which nothing is more than text."""
    line = " ".join(re.sub(r"[\\`*_~\[\]<>&#|!]", lambda found: f"\\{found[0]}", text).split())
    return line.replace("\\&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")


_CODE = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`)", re.DOTALL)


def _fenced(block: str) -> str:
    """The block in a fence on lines of its own that nothing inside it can close."""
    mark = block[:3]
    language, _, code = block[3:].removesuffix(mark).partition("\n")
    if not re.fullmatch(r"[\w+#.-]{0,20}", language.strip()):
        language, code = "", f"{language}\n{code}"
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    body = code.strip("\n")
    return f"\n\n{fence}{language.strip()}\n{body}\n{fence}\n\n"


def _escaped(text: str) -> str:
    """Text in which Markdown and HTML find nothing to open."""
    text = escape(text, quote=False)
    return re.sub(r"([\\`~\[\]])", r"\\\1", text)


def _marked(text: str, citations: Sequence[Citation], claims: Sequence[Claim]) -> str:
    """The text with our characters for footnotes and for where unsupported sentences are."""
    text = text.translate(_OURS)  # keeps its length, so that claims stay in place
    known = {note.marker for note in citations}
    inserts: list[tuple[int, int, str]] = []  # from, to, what takes its place
    for marker in _MARKER.finditer(text):
        if int(marker[1]) in known:
            claim = _last_before(claims, marker.start())
            inserts.append(
                (marker.start(), marker.end(), f"{_NOTE}{marker[1]}{_COMMA}{claim}{_END}")
            )
    for said in claims:
        if not said.supported:
            start, end = _doubtful(text, said)
            inserts += [(start, start, _DOUBT), (end, end, _SURE)]
    for start, end, instead in sorted(inserts, reverse=True):
        text = text[:start] + instead + text[end:]
    return text


def _last_before(claims: Sequence[Claim], at: int) -> int:
    """The number of the claim that a marker at that place stands on; -1 for none."""
    return max((number for number, claim in enumerate(claims) if claim.start < at), default=-1)


def _doubtful(text: str, claim: Claim) -> tuple[int, int]:
    """Where the marks of an unsupported claim can stand without changing what it is: of a code
    block, at the end of its first line."""
    if text.startswith(("```", "~~~"), claim.start):
        end = text.find("\n", claim.start, claim.end)
        end = claim.end if end < 0 else end
        return end, end
    begin = _LINE_START.match(text, claim.start, claim.end)
    return begin.end() if begin else claim.start, claim.end


def _render(text: str, env: dict[str, Any]) -> str:
    return _PARSER.render(text, env)


class _Renderer(RendererHTML):
    """Writes what the parser found; `env` gathers the notes of its answer, or holds those of one
    that is being written."""

    def text(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "".join(self._pieces(tokens[at].content, env))

    def code_inline(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        code = f"<code>{escape(_plain(tokens[at].content))}</code>"
        return _doubted(code) if env.get("doubt") else code

    def fence(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        token = tokens[at]
        doubtful = _DOUBT in token.info
        language = (_plain(token.info).split() or [""])[0]
        return code_html(_plain(token.content), language, doubtful)

    def code_block(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return code_html(_plain(tokens[at].content), "", _DOUBT in tokens[at].content)

    def heading_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "<h3>"  # whatever its level: all stand below the question

    def heading_close(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "</h3>\n"

    def table_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return '<div class="table" role="region" aria-label="Table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "</table></div>\n"

    def _pieces(self, content: str, env: dict[str, Any]) -> Iterator[str]:
        for piece in _PIECE.split(content):
            if piece == _DOUBT:
                env["doubt"] = True
            elif piece == _SURE:
                env["doubt"] = False
                yield (
                    f'<button type="button" class="doubt" aria-label="Not supported: {DOUBTFUL}">'
                    "?</button>"
                )
            elif noted := _NOTED.fullmatch(piece):
                yield _note_html(int(noted[1]), int(noted[2]), env)
            elif piece.strip() and env.get("doubt"):
                yield _doubted(escape(piece))
            else:
                yield escape(piece)


def _note_html(marker: int, claim: int, env: dict[str, Any]) -> str:
    """The number as a link to its passage, or as a number where that is not known yet."""
    answer: Answer | None = env.get("answer")
    notes: list[Citation] = env["notes"]
    own = answer.claims[claim].citations if answer and claim >= 0 else ()
    known = (*own, *answer.citations) if answer else notes
    note = next((note for note in known if note.marker == marker), None)
    if note is None:
        return f'<sup class="note">{marker}</sup>'
    if note not in notes:
        notes.append(note)
    address = safe_url(note.url)
    href = f'href="{escape(address)}" target="_blank" rel="noopener noreferrer"' if address else ""
    return (
        f'<sup><a class="note" {href} data-note="{notes.index(note)}" '
        f'aria-label="Footnote {marker}">{marker}</a></sup>'
    )


def _doubted(html: str) -> str:
    return f'<span class="unsupported">{html}</span>'


def _plain(text: str) -> str:
    """The text as it was before our characters came into it."""
    return _NOTED.sub(r"[\1]", text).replace(_DOUBT, "").replace(_SURE, "")


@lru_cache(maxsize=512)
def code_html(code: str, language: str = "", doubtful: bool = False) -> str:
    """A block of code with its colours and a button that copies it."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import TextLexer, get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False) if language else TextLexer(stripnl=False)
    except ClassNotFound:
        lexer = TextLexer(stripnl=False)
    coloured = highlight(code, lexer, HtmlFormatter(nowrap=True, classprefix="c-"))
    name = escape(language[:20]) or "code"
    doubt = f'<span class="unsupported">{DOUBTFUL}</span>' if doubtful else ""
    return (
        f'<figure class="code"><figcaption><span>{name}</span>{doubt}'
        '<button type="button" class="copy">Copy</button></figcaption>'
        f'<pre tabindex="0" role="region" aria-label="Code"><code>{coloured}</code></pre>'
        "</figure>\n"
    )


_PARSER = (
    MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer)
    .enable("table")
    .disable(["link", "image", "autolink", "html_inline", "html_block", "reference", "lheading"])
)
