"""Whether passages say what a sentence says.

A sentence rests on passages when they hold most of its words, weighed by rarity, and every name
and number in it (a name the question brought in may be missing). That tells a paraphrase from
another subject, and finds an invented parameter or figure; it does not see a "not" that is left
out. The figures behind the threshold are in LOG.md. This module knows nothing of how sentences
were written or cited.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from rag.data import Hit
from rag.lexical import LexicalIndex
from rag.sentences import is_code, passage_spans
from rag.stored import context
from rag.words import words

# Share of a sentence's weight that its passages must hold. With it 88% of the sentences of the
# development questions' reference answers rest on their gold passages, 3% on another page's.
ENOUGH = 0.45
# Written as nothing but a name or a number is: do_sample, LoraConfig, torch.float16, --fp16, 512.
_NAME = re.compile(r"\w+(?:[.\-]\w+)*")
_LIST_MARK = re.compile(r"\A\s*(?:[-*+]|\d{1,2}[.)])\s")
_IS_EXACT = re.compile(r"_|\d|[a-z][A-Z]|\w{2}\.\w{2}")


class Evidence:
    """The passages that an answer was written from, to hold its sentences against."""

    def __init__(self, question: str, hits: Sequence[Hit], lexical: LexicalIndex):
        self._hits = hits
        self._lexical = lexical
        self._asked = set(words(question))
        read = [f"{context(hit.passage)}\n{hit.passage.text}" for hit in hits]
        self._terms = [set(lexical.terms(text)) for text in read]
        self._names = [set(words(text)) for text in read]

    def supports(self, claim: str, cited: Collection[int]) -> bool:
        """Whether the cited passages (positions among the hits) together say it."""
        return self._share(self._weights(claim), cited) >= ENOUGH and self._has_names(claim, cited)

    def best(self, claim: str) -> int | None:
        """The passage that says it best, if any does so alone."""
        weights = self._weights(claim)
        able = [at for at in range(len(self._hits)) if self.supports(claim, [at])]
        # The first of equals: the hits are in order of relevance.
        return max(able, key=lambda at: self._share(weights, [at]), default=None)

    def quote(self, claim: str, cited: int) -> str:
        """The sentence or code block of the passage that shares most with the claim, character
        for character."""
        text = self._hits[cited].passage.text
        weights = self._weights(claim)

        def overlap(quote: str) -> float:
            own = self._weights(quote)
            shared = sum(own[term] for term in own.keys() & weights.keys())
            return shared / (sum((own | weights).values()) or 1.0)

        return max((text[s.start : s.end] for s in passage_spans(text)), key=overlap, default=text)

    def _weights(self, text: str) -> dict[str, float]:
        """The words that say something with their rarity: of a code block not its language, and
        of a compound name its parts, since the whole is looked for as a name."""
        said = self._lexical.weights(text.partition("\n")[2] if is_code(text) else text)
        return {word: weight for word, weight in said.items() if not re.search(r"[._]", word)}

    def _share(self, weights: Mapping[str, float], cited: Collection[int]) -> float:
        held = set().union(*(self._terms[at] for at in cited))
        whole = sum(weights.values())
        return sum(w for term, w in weights.items() if term in held) / whole if whole else 1.0

    def _has_names(self, claim: str, cited: Collection[int]) -> bool:
        if is_code(claim):  # whoever writes code names variables
            return True
        held = self._asked.union(*(self._names[at] for at in cited))
        return all(held & forms for forms in map(_forms, _exact_names(claim)))


def _exact_names(claim: str) -> list[str]:
    """The identifiers and numbers of a sentence."""
    return [name for name in _NAME.findall(_LIST_MARK.sub("", claim)) if _IS_EXACT.search(name)]


def _forms(name: str) -> set[str]:
    """How the name may be said: model.generate is generate, too, but 1.5 is only 1.5."""
    last = name.rsplit(".", 1)[-1]
    return {next(words(form), form) for form in (name, name if last.isdigit() else last)}
