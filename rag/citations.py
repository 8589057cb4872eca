"""Markers in an answer's text -> footnotes, each held against the passage that it names.

An answerer numbers the passages as it was given them; people see numbers that start at 1 in
the order of first use. A marker on a passage that does not say what its sentence says moves to
the one that does, or is dropped; so is every link that the answerer wrote itself: the only links
of an answer are its citations. This module knows nothing of how the text came about, or of how
support is told (support.py).
"""

import re
from collections.abc import Sequence

from rag.data import Citation, Claim, Hit
from rag.sentences import spans
from rag.support import Evidence

_NUMBERS = r"\^?\d{1,3}(?:\s*[,;–-]\s*\^?\d{1,3})*"
_MARKER = rf"(?:\[{_NUMBERS}\]|【{_NUMBERS}[^】\n]{{0,30}}】)"
_TOKEN = re.compile(
    rf"""
      (?P<fence>```|~~~)
    | (?P<code>`[^`\n]{{0,999}}`)
    | (?P<markers>(?:\s*{_MARKER})+(?![(:]))
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
    rf"""
      (?:\s*{_MARKER})* \s* (?:\[[^\[\]\n]{{0,300}} | 【[^】\n]{{0,60}}】?)? \Z
    | \s*(?: !?\[[^\[\]\n]{{0,300}}
         | !?\[[^\[\]\n]{{0,300}}\]
             (?:\((?:[^()\n]|\([^()\n]{{0,99}}\)){{0,300}}(?:\([^()\n]{{0,99}})?)?
         | `[^`\n]{{0,999}} | [`~]{{1,2}}
         | <?[\w+.:-]{{0,60}} | <?\w[\w+.-]{{0,20}}:[^\s<>`\])]{{0,300}}
         | <?www\.[^\s<>`\])]{{0,300}}
         | [!<\]] )? \Z
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Footnotes:
    """Turns one answer's raw text into text with footnotes, piece by piece.

    `feed` and `close` return clean text; joined it is the same however the raw text was cut
    into pieces. `citations` and `claims` are those made so far.
    """

    def __init__(self, hits: Sequence[Hit], evidence: Evidence, strict: bool = False):
        """`hits` are the passages in the order in which the answerer numbered them from 1, and
        `evidence` is made of the same. Under `strict` only sentences that are supported come out.
        """
        self._hits = hits
        self._evidence = evidence
        self._strict = strict
        self._raw = ""  # not decided yet
        self._fence = ""  # the mark that will close the code block we are in
        self._text = ""  # released, with blanks in the place of markers
        self._held = ""  # clean, but under strict without a footnote so far
        self._numbers: dict[int, int] = {}  # a hit's position -> the number people see
        self._marks: list[tuple[int, int]] = []  # ends of markers in the text, and their hits
        self._made: list[Citation] = []  # when their number was first used
        self._taken = 0  # of them

    def feed(self, piece: str) -> str:
        """The clean text that is certain after this piece; it may be empty."""
        self._raw += piece
        return self._release(final=False)

    def close(self) -> str:
        """The rest, once the raw text has ended."""
        return self._release(final=True)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The sentences and code blocks that say something, in the order of the text.

        Headings and lines that only lead to what follows are none.
        """
        found = spans(self._text)
        ends = [span.start for span in found[1:]] + [len(self._text)]
        claims = []
        for span, end in zip(found, ends, strict=False):
            said = self._text[span.start : span.end]
            if said.startswith("#") or said.endswith(":") or not re.search(r"\w", said):
                continue
            cited = list(
                dict.fromkeys(at for place, at in self._marks if span.start < place <= end)
            )
            supported = bool(cited) and self._evidence.supports(said, cited)
            notes = tuple(self._citation(at, said) for at in cited)
            claims.append(Claim(span.start, span.end, notes, supported))
        return tuple(claims)

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The footnotes in the order of their markers, each with the words that the first
        sentence it stands on rests on."""
        first = {note.marker: note for claim in reversed(self.claims) for note in claim.citations}
        return tuple(first.get(note.marker, note) for note in self._made)

    def fresh(self) -> list[Citation]:
        """The footnotes that were numbered since this was last called."""
        fresh = self._made[self._taken :]
        self._taken = len(self._made)
        return fresh

    def _citation(self, at: int, claim: str) -> Citation:
        passage = self._hits[at].passage
        quote = self._evidence.quote(claim, at)
        return Citation(self._numbers[at], passage.url, passage.chunk_id, quote)

    def _release(self, final: bool) -> str:
        shown = ""
        while self._raw:
            if self._fence:
                shown += self._in_code(final)
                if self._fence and not final:
                    break
            elif not final and _OPEN.match(self._raw):
                break
            else:
                shown += self._in_prose()
        return shown

    def _in_code(self, final: bool) -> str:
        """Code as it stands."""
        closing = self._raw.find(self._fence)
        if closing >= 0:
            taken = closing + len(self._fence)
            self._fence = ""
        else:  # the last two characters may be the beginning of the closing mark
            taken = len(self._raw) if final else max(0, len(self._raw) - 2)
        code, self._raw = self._raw[:taken], self._raw[taken:]
        return self._say(code)

    def _in_prose(self) -> str:
        """One token."""
        token = _TOKEN.match(self._raw)
        assert token is not None  # the last alternative matches any character
        self._raw = self._raw[token.end() :]
        if token["markers"]:
            return self._cite(token["markers"])
        if token["label"] is not None:
            return self._say(token["label"])
        if token["url"]:
            return self._say(self._address(token["url"]))
        if token["bracket"]:
            return self._say("] ")  # "](" would make a link of what stands before it
        self._fence = token["fence"] or ""
        return self._say(token[0])

    def _say(self, said: str) -> str:
        """The text, or nothing yet where it still needs a footnote."""
        ends_sentence = self._text and not self._held and said in ".,;:!?)"
        if self._strict and not ends_sentence:
            self._held += said
            return ""
        self._text += said
        return said

    def _cite(self, markers: str) -> str:
        """The markers as they are shown, after what was held for want of them."""
        whole = self._text + self._held
        written = spans(whole)
        if not written:
            return ""
        start = written[-1].start
        marked = self._marks[-1][0] if self._marks else 0
        claim = whole[max(start, marked) : written[-1].end]
        cited = [number - 1 for number in _named(markers) if 1 <= number <= len(self._hits)]
        if not (cited and self._evidence.supports(claim, cited)):
            best = self._evidence.best(claim)
            cited = [] if best is None else [best]
        if not cited:
            return ""
        shown = ""
        if self._held:  # its sentence comes out, those before it had no footnote
            start = max(start, len(self._text))
            before = whole[len(self._text) : start]
            gap = before[len(before.rstrip()) :] if self._text else ""
            shown = gap + whole[start:]
            self._text += shown
            self._held = ""
        for at in cited:
            if at not in self._numbers:
                self._numbers[at] = len(self._numbers) + 1
                self._made.append(self._citation(at, claim))
        space = markers[: len(markers) - len(markers.lstrip())]
        marks = space + "".join(f"[{self._numbers[at]}]" for at in dict.fromkeys(cited))
        self._text += " " * len(marks)
        self._marks += [(len(self._text), at) for at in cited]
        return shown + marks

    def _address(self, url: str) -> str:
        """What the documentation itself says is shown, but as code, which is no link."""
        address = url.strip("<>").rstrip(".,;:!?'\"")
        ending = url.strip("<>")[len(address) :]
        known = any(address in hit.passage.text for hit in self._hits)
        return (f"`{address}`" if known else "‹link removed›") + ending


def _named(markers: str) -> list[int]:
    """The passages that markers name: "[1, 3-5] [7]" -> [1, 3, 4, 5, 7]."""
    numbers: list[int] = []
    for marker in re.findall(r"[\[【]([^\]】†]*)", markers):
        for part in re.split(r"[,;]", marker):
            ends = [int(n) for n in re.findall(r"\d+", part)]
            if ends:
                numbers += range(ends[0], min(ends[-1], ends[0] + 20) + 1)
    return numbers
