"""What an answerer writes, with markers such as [2], -> clean text with footnotes.

An answerer numbers the passages as it was given them; people see numbers that start at 1 in
the order of first use. A marker that names no passage is dropped, and so is every link that the
answerer wrote itself: the only links of an answer are its citations. This module knows nothing
of how the text came about.
"""

import re
from collections.abc import Sequence

from rag.data import Citation, Hit
from rag.sentences import spans

_NUMBERS = r"\^?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*"
_TOKEN = re.compile(
    rf"""
      (?P<fence>```|~~~)
    | (?P<code>`[^`\n]{{0,300}}`)
    | (?P<markers>\s*(?:\[{_NUMBERS}\]|【{_NUMBERS}[^】\n]{{0,30}}】)(?![(:]))
    | !?\[(?P<label>[^\[\]\n]{{0,300}})\]\((?:[^()\n]|\([^()\n]{{0,99}}\)){{0,300}}\)
    | (?P<url><?\b(?:\w[\w+.-]{{0,20}}://|www\.|mailto:|javascript:|data:)[^\s<>`\])]{{0,300}}>?)
    | (?P<bracket>\](?=[(\[:]))
    | (?P<space>\s+)
    | (?P<text>\w+|.)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
# A beginning of one of these that what comes next may complete; the lengths are those above.
_OPEN = re.compile(
    r"""
    \s*(?: !?\[[^\[\]\n]{0,300}
         | !?\[[^\[\]\n]{0,300}\](?:\((?:[^()\n]|\([^()\n]{0,99}\)){0,300}(?:\([^()\n]{0,99})?)?
         | 【[^】\n]{0,60}】?
         | `[^`\n]{0,300} | [`~]{1,2}
         | <?[\w+.:-]{0,60} | <?\w[\w+.-]{0,20}:[^\s<>`\])]{0,300}
         | <?www\.[^\s<>`\])]{0,300}
         | [!<\]] )? \Z
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Footnotes:
    """Turns one answer's raw text into text with footnotes, piece by piece.

    `feed` and `close` return clean text; joined it is the same however the raw text was cut
    into pieces. `citations` are those made so far.
    """

    def __init__(self, hits: Sequence[Hit]):
        """`hits` are the passages in the order in which the answerer numbered them from 1."""
        self._hits = hits
        self._raw = ""  # not decided yet
        self._text = ""  # released
        self._fence = ""  # the mark that will close the code block we are in
        self._numbers: dict[int, int] = {}  # the answerer's number -> ours
        self._quotes: dict[int, str] = {}

    def feed(self, piece: str) -> str:
        """The clean text that is certain after this piece; it may be empty."""
        self._raw += piece
        return self._release(final=False)

    def close(self) -> str:
        """The rest, once the raw text has ended."""
        return self._release(final=True)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The footnotes in the order of their markers."""
        return tuple(
            Citation(number, hit.passage.url, hit.passage.chunk_id, self._quotes[cited])
            for cited, number in self._numbers.items()
            for hit in [self._hits[cited - 1]]
        )

    def _release(self, final: bool) -> str:
        before = len(self._text)
        while self._raw:
            if self._fence:
                taken = self._in_code(final)
            elif not final and _OPEN.match(self._raw):
                break
            else:
                taken = self._in_prose()
            if not taken:
                break
            self._raw = self._raw[taken:]
        return self._text[before:]

    def _in_code(self, final: bool) -> int:
        """Releases code as it stands; returns how much of the raw text that took."""
        closing = self._raw.find(self._fence)
        if closing >= 0:
            taken = closing + len(self._fence)
            self._fence = ""
        else:  # the last two characters may be the beginning of the closing mark
            taken = len(self._raw) if final else max(0, len(self._raw) - 2)
        self._text += self._raw[:taken]
        return taken

    def _in_prose(self) -> int:
        """Releases one token; returns how much of the raw text that took."""
        token = _TOKEN.match(self._raw)
        assert token is not None  # the last alternative matches any character
        if token["markers"]:
            self._text += self._cite(token["markers"])
        elif token["label"] is not None:
            self._text += token["label"]
        elif token["url"]:
            self._text += self._address(token["url"])
        elif token["bracket"]:
            self._text += "] "  # "](" would make a link of what stands before it
        else:
            self._fence = token["fence"] or ""
            self._text += token[0]
        return token.end()

    def _cite(self, marker: str) -> str:
        shown = []
        for cited in _named(marker):
            if not 1 <= cited <= len(self._hits):
                continue
            if cited not in self._numbers:
                self._numbers[cited] = len(self._numbers) + 1
                written = spans(self._text)
                claim = self._text[written[-1].start : written[-1].end] if written else ""
                self._quotes[cited] = best_quote(claim, self._hits[cited - 1].passage.text)
            shown.append(f"[{self._numbers[cited]}]")
        space = marker[: len(marker) - len(marker.lstrip())] if shown else ""
        return space + "".join(dict.fromkeys(shown))

    def _address(self, url: str) -> str:
        """What the documentation itself says is shown, but as code, which is no link."""
        address = url.strip("<>").rstrip(".,;:!?'\"")
        ending = url.strip("<>")[len(address) :]
        known = any(address in hit.passage.text for hit in self._hits)
        return (f"`{address}`" if known else "‹link removed›") + ending


def best_quote(claim: str, text: str) -> str:
    """The span of the text that shares most words with the claim, character for character."""
    words = _words(claim)

    def overlap(quote: str) -> float:
        own = _words(quote)
        return len(words & own) / (len(words | own) or 1)

    return max((text[s.start : s.end] for s in spans(text)), key=overlap, default=text)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _named(marker: str) -> list[int]:
    """The passages a marker names: "[1, 3-5]" -> [1, 3, 4, 5]."""
    numbers: list[int] = []
    for part in re.split(r"[,;]", marker.partition("†")[0]):
        ends = [int(n) for n in re.findall(r"\d+", part)]
        if ends:
            numbers += range(ends[0], min(ends[-1], ends[0] + 20) + 1)
    return numbers
