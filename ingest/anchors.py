"""Names the fragment that a published page gives each of its headings.

The rule is GitHub's, which most sites of Markdown follow (github-slugger): lower case, only word
characters, hyphens and spaces kept, spaces to hyphens, repeats numbered. An anchor that the
author wrote beside the heading is taken as it is. This module knows nothing of how a heading is
found in its page.
"""

import re
import unicodedata

# What the author wrote at the end of a heading: [[anchor]] (Hugging Face) or {#anchor}.
EXPLICIT = re.compile(r"\s*(?:\[\[(?P<double>[^\s\[\]]+)\]\]|\{#(?P<brace>[^\s{}]+)\})\s*$")


class Anchors:
    """The anchors of one page, given out in the order of its headings."""

    def __init__(self) -> None:
        self._repeats: dict[str, int] = {}

    def explicit(self, anchor: str) -> str:
        """An anchor that the page names itself; no other heading gets it."""
        self._repeats.setdefault(anchor, 0)
        return anchor

    def slug(self, heading: str) -> str:
        """The anchor of a heading by its words alone; empty when it has none."""
        slug = unique = _slug(heading)
        while unique in self._repeats:
            self._repeats[slug] += 1
            unique = f"{slug}-{self._repeats[slug]}"
        self._repeats[unique] = 0
        return unique


def without_explicit(heading: str) -> tuple[str, str]:
    """The heading's own words, and the anchor written after them (empty when there is none)."""
    # Further ones, which generators of API pages append, are dropped: the first is the author's.
    anchor = ""
    while written := EXPLICIT.search(heading[-500:]):
        heading = heading[: len(heading) - len(written[0])]
        anchor = written["double"] or written["brace"]
    return heading, anchor if anchor.isprintable() else ""


def _slug(heading: str) -> str:
    kept = (c for c in heading.lower() if c in "- " or _is_word(c))
    return "".join(kept).replace(" ", "-")


def _is_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LM" or category in ("Nd", "Nl", "Pc")
