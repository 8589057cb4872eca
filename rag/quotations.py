"""Passages -> the sentences and code blocks that can be quoted from them.

Passages are cut from pages by a length, and often have lost their line breaks: sentences that an
edge has cut in two are left out, code is given back its fences and lines, and code that goes on
in the next passage is joined. This module knows nothing of questions or scores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from textwrap import dedent

from rag.data import Hit
from rag.sentences import is_code, passage_spans

LONGEST = 110  # words of a sentence; what is longer is none
CODE_LINES = 30  # at most
OVERLAP = range(1000, 9, -1)  # characters that passages may share where one goes on after the other
CODE_WORDS = 0.45  # of the words, from which on they are code that has lost its fences

# A block that holds no more than package.module.Name(parameters) shows nobody how.
_SIGNATURE = re.compile(r"\A```\w*\n(?:\w+\.)+\w+(?:\(.*\))?(?:(?: ->|:) .*)?\n```\Z")
# A sentence that begins with a lower letter because a parameter's name does.
_NAMED = re.compile(r"\w+ \(`|\w*_\w")
# What is no sign of code, though it looks like it; and a word of code.
_MARKUP = re.compile(r"`[^`]*`|\[[^\]\n]*\]\([^)\s]*\)|<[^>]*>|https?://\S+|\*\*?|\$.*?\$")
_CODE_WORD = re.compile(r"""[={}"]|\w[(\[]|[)\]][.,:]?\w|_\w|^\.{3}$|^\#$|\w\.\w""")
# Code in a sentence, which stays, or a footnote number or tag of HTML or MDX, which goes; <s> and
# <image> may be tokens.
_NO_WORDS = re.compile(
    r"(`[^`\n]*`)|\[\^?\d+\]"
    r"|</?(?:[A-Z]\w*|hf\w+|frameworkcontent|pt|tf|jax|a|br|center|code|div|em|figcaption|figure"
    r"|iframe|img|kbd|li|ol|p|pre|small|source|span|strong|su[bp]|t[dhr]|ul|video)(?: [^<>]*)?/?>"
)


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence or code block of a hit's passage, as it can stand in an answer."""

    rank: int  # of its hit, from 0
    start: int  # in the passage
    text: str  # as quoted
    is_code: bool  # a block of it
    ends_in: int | None = None  # the rank of the hit where code goes on that this one cuts off

    @property
    def markers(self) -> str:
        """Its passages as an answer cites them, [1] being the first hit."""
        ends = "" if self.ends_in is None else f"[{self.ends_in + 1}]"
        return f"[{self.rank + 1}]{ends}"


def quotations(hits: Sequence[Hit]) -> list[Quotation]:
    """The sentences and code blocks of all hits, in their order."""
    by_hit = [list(_quotable(rank, hit)) for rank, hit in enumerate(hits)]
    by_place = {(hit.passage.url, *position(hit)): rank for rank, hit in enumerate(hits)}
    for rank, hit in enumerate(hits):
        *before, number = position(hit) or [0]
        after = by_place.get((hit.passage.url, *before, number + 1))
        if after is not None and by_hit[rank] and by_hit[after]:
            tail, head = by_hit[rank][-1], by_hit[after][0]
            if joined := _joined(tail, hit, head, hits[after]):
                del by_hit[rank][-1]
                by_hit[after][0] = joined
    return [q for found in by_hit for q in found if not q.is_code or _shows_how(q.text)]


def _shows_how(block: str) -> bool:
    return not _SIGNATURE.search(block) and len(block.split()) > 3  # more than its fences


def position(hit: Hit) -> list[int]:
    """The numbers in the passage's id: passages of a page are numbered as they stand in it."""
    return [int(digits) for digits in re.findall(r"\d{1,18}", hit.passage.chunk_id)]


def _joined(tail: Quotation, hit: Hit, head: Quotation, after: Hit) -> Quotation | None:
    """The code block that begins in one passage and ends in the next, if there is one."""
    if not (tail.is_code and head.is_code) or head.start:
        return None
    last = passage_spans(hit.passage.text)[-1]
    first, second = hit.passage.text[last.start : last.end], after.passage.text
    if last.start != tail.start or first[3:].endswith(("```", "~~~")):
        return None
    if second.startswith(first):  # passages may overlap
        return head
    if is_code(second):
        return None
    whole = (n for n in OVERLAP if first.endswith(second[:n]) and second[n : n + 1].isspace())
    shared = next(whole, 0)
    rest = second[shared : passage_spans(second)[0].end]
    block = _as_block(first + ("" if shared else "\n") + rest)
    return replace(tail, text=block, ends_in=head.rank)


def _quotable(rank: int, hit: Hit) -> Iterator[Quotation]:
    """The passage's code blocks and its whole sentences."""
    text = hit.passage.text
    for span in passage_spans(text):
        piece = text[span.start : span.end]
        if span.is_code:
            yield Quotation(rank, span.start, _as_block(piece), True)
            continue
        line = " ".join(piece.split())
        in_code = _reads_as_code(line)
        if ">>>" in line or _is_interpreter(line):
            yield Quotation(rank, span.start, _as_block(f"```py\n{piece.strip()}```"), True)
            continue
        said = line if in_code else _as_sentence(line)
        cut_off = (span.start == 0 and said[:1].islower() and not _NAMED.match(said)) or (
            span.end == len(text) and said[-1:] not in set(".!?:)`")
        )
        if not cut_off and 4 <= len(said.split()) <= LONGEST:
            yield Quotation(rank, span.start, f"`{said}`" if in_code else said, False)


def _reads_as_code(sentence: str) -> bool:
    """Whether it is code, in a passage whose cut has left it no fences."""
    if "=" not in sentence or "`" in sentence or sentence.startswith("- "):
        return False
    words = _MARKUP.sub(" ", sentence).split()
    return sum(bool(_CODE_WORD.search(word)) for word in words) >= CODE_WORDS * len(words)


def _as_sentence(piece: str) -> str:
    """A sentence as it can stand in an answer: no list mark, tag, directive such as
    [[open-in-colab]] or footnote number, and references such as [`Name`] without their
    brackets."""
    piece = re.sub(r"^\s*(?:[-*+]|\d{1,2}[.)]|#{1,6}|>)\s+", "", piece)
    piece = re.sub(r"\[\[[a-z-]{4,}\]\]", "", piece)
    piece = re.sub(_NO_WORDS, r"\1", piece)
    piece = re.sub(r"\[(`[^`\n]+`)\](?!\()", r"\1", piece).replace("``", "`")
    if piece.count("`") % 2:  # the one without a mate would make code of the markers that follow
        piece = piece.replace("`", "")
    return " ".join(piece.split())


def _is_interpreter(code: str) -> bool:
    return code.lstrip().startswith((">>> ", "... "))


def _as_block(piece: str) -> str:
    """A code block with its fences on lines of their own, also where the passage cut them off."""
    piece = piece if is_code(piece) else f"```{'py' * _is_interpreter(piece)}\n{piece}"
    mark, body = piece[:3], piece[3:]
    body = body.removesuffix(mark)
    language = re.match(r"[\w+-]*(?=\s)", body)
    name = language[0] if language else ""
    body = dedent(body[len(name) :].strip("\n").rstrip()).lstrip(" ")
    if _is_interpreter(body):  # its lines are known even where its breaks are lost
        body = re.sub(r"(?<=\S) +(?=>>> |\.\.\. )", "\n", body)
    lines = body.split("\n")
    return "\n".join([f"```{name}", *lines[:CODE_LINES], "```"])
