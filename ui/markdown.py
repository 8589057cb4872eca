"""An answer -> Markdown for the web chat in which the only links are its citations.

The text is hostile until shown otherwise: it may hold what a document, a question or a model
wrote. Prose is escaped, code is fenced anew, and markers become links to retrieved passages.
This module knows nothing of Gradio.
"""

import re
from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from rag.data import Answer, Citation, Hit

_CODE = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`)", re.DOTALL)


def answer_markdown(answer: Answer) -> str:
    """The answer's text, its markers linked, and the list of its footnotes."""
    parts = [text_markdown(answer.text, answer.citations)]
    names = {hit.passage.chunk_id: place_name(hit) for hit in answer.hits}
    if answer.citations:
        notes = [
            f"{note.marker}. [{_escaped(names[note.chunk_id])}]({_address(note.url)})"
            for note in answer.citations
        ]
        parts.append("**Footnotes**\n\n" + "\n".join(notes))
    elif answer.abstained and answer.hits:
        nearest = {hit.passage.url.partition("#")[0]: hit for hit in reversed(answer.hits)}
        pages = [
            f"- [{_escaped(place_name(hit))}]({_address(hit.passage.url)})"
            for hit in sorted(nearest.values(), key=lambda hit: -hit.score)[:3]
        ]
        parts.append("The nearest pages:\n\n" + "\n".join(pages))
    return "\n\n".join(parts)


def text_markdown(text: str, citations: Sequence[Citation] = ()) -> str:
    """The text with no link or HTML in it but the markers of the citations given."""
    urls = {note.marker: note.url for note in citations}

    def prose(match: re.Match[str]) -> str:
        if match[1] and int(match[1]) in urls:
            return f"[\\[{match[1]}\\]]({_address(urls[int(match[1])])})"
        return _escaped(match[0])

    parts = []
    for at, part in enumerate(_CODE.split(text)):
        if at % 2 == 0:
            parts.append(re.sub(r"\[(\d+)\]|[\\`~<>&\[\]]", prose, part))
        elif part.startswith(("```", "~~~")):
            parts.append(_fenced(part))
        else:
            parts.append(part)
    return "".join(parts)


def passages_html(hits: Sequence[Hit]) -> str:
    """The passages as text to unfold, each with its link and score."""
    items = [
        f"<details><summary>{rank}. <a href='{escape(_address(hit.passage.url))}' target='_blank' "
        f"rel='noopener noreferrer'>{escape(place_name(hit))}</a> "
        f"<small>{hit.score:.2f}</small></summary><pre>{escape(hit.passage.text)}</pre></details>"
        for rank, hit in enumerate(hits, 1)
    ]
    return f"<div class='passages'>{''.join(items)}</div>" if items else ""


def place_name(hit: Hit) -> str:
    """The passage's title and headings: "Pipelines › Batching"."""
    return " › ".join(filter(None, [hit.passage.title, *hit.passage.headings])) or hit.passage.url


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


def _address(url: str) -> str:
    """The URL with everything percent-encoded that could end it early in Markdown or HTML."""
    return quote(url, safe="%/:?#@!$&*+,;=~-._")
