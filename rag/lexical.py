"""The words of every passage in an inverted index, ranked by BM25 (tantivy).

It lies beside the vectors and can be made anew from the passages at any time. This module knows
nothing of passages: words come in under an id, ids and scores go out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.data import FootnoteError
from rag.words import words

# Letters from which on a word that no passage has may be one slip of the pen from one that some
# have: where that only adds passages to a search, and where it makes the word a known one.
SLIP, KNOWN = 5, 7
SLIP_SCORE = 7.0  # such a match has no BM25 of its own; about that of a rare word
MEMORY = 64_000_000  # bytes that the writer gathers before it makes a segment


class LexicalIndex:
    """The index in a folder; any number of processes read it, one at a time writes."""

    def __init__(self, folder: Path):
        """Opens the index in that folder, and makes an empty one if there is none.

        Raises FootnoteError if it cannot be read.
        """
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
        schema.add_text_field("words", tokenizer_name="words", index_option="freq")
        self._schema = schema.build()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(self._schema, path=str(folder))
        except (ValueError, OSError) as error:
            raise FootnoteError(
                f"cannot open the words in {str(folder)!r} ({error}): mend the index with "
                f"'footnote info --index {folder.parent} --repair'"
            ) from error
        self._analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._index.register_tokenizer("words", self._analyzer)

    def query(self, terms: Mapping[str, float], n: int) -> dict[str, float]:
        """The n best ids with their BM25 scores, best first, for terms with their weights.

        Of a term that is nowhere, those that are one slip of the pen from it are looked for.
        """
        from tantivy import Occur, Query

        parts = [(Occur.Should, self._term(term, weight)) for term, weight in terms.items()]
        if not parts:
            return {}
        searcher = self._index.searcher()
        found = searcher.search(Query.boolean_query(parts), n, count=False).hits
        return {str(searcher.doc(at).get_first("id")): float(score) for score, at in found}

    def _term(self, term: str, weight: float) -> Any:
        from tantivy import Query

        if len(term) >= SLIP and not self.passages_with(term):
            near = Query.fuzzy_term_query(self._schema, "words", term, 1, True, False)
            return Query.boost_query(near, weight * SLIP_SCORE)
        exact = Query.term_query(self._schema, "words", term, index_option="freq")
        return Query.boost_query(exact, weight)

    def terms(self, text: str) -> dict[str, str]:
        """The text's words as the index has them, each once, with how the text has them."""
        written = list(words(text))
        terms = self._analyzer.analyze(" ".join(written))
        return dict(zip(terms, written, strict=True))

    def __len__(self) -> int:
        """The number of ids."""
        return int(self._index.searcher().num_docs)

    def passages_with(self, term: str) -> int:
        """How many ids have the term among their words."""
        return int(self._index.searcher().doc_freq("words", term))

    def weights(self, text: str) -> dict[str, float]:
        """The text's words, each with its rarity as BM25 has it; one that is nowhere weighs like
        one in half of an id."""
        count = len(self)
        used = {term: self.passages_with(term) for term in self.terms(text)}
        return {term: math.log(1 + (count - n + 0.5) / (n + 0.5)) for term, n in used.items()}

    def resembles(self, term: str) -> bool:
        """Whether a term of the index is one slip of the pen from this one."""
        from tantivy import Query

        if len(term) < KNOWN:
            return False
        near = Query.fuzzy_term_query(self._schema, "words", term, 1, True, False)
        return bool(self._index.searcher().search(near, 1, count=False).hits)

    def ids(self) -> set[str]:
        """The ids of all that is in the index."""
        from tantivy import Query

        searcher = self._index.searcher()
        if not searcher.num_docs:
            return set()
        found = searcher.search(Query.all_query(), searcher.num_docs, count=False).hits
        return {str(searcher.doc(at).get_first("id")) for _, at in found}

    def change(self, put: Iterable[tuple[str, str]], remove: Sequence[str] = ()) -> None:
        """Puts in (id, text) pairs, replacing those of the same id, and takes ids out.

        All of it is in the index when this returns, or none after an error or a kill.
        """
        import tantivy

        writer: Any = self._index.writer(MEMORY, 1)
        try:
            for gone in remove:
                writer.delete_documents_by_term("id", gone)
            for name, text in put:
                writer.delete_documents_by_term("id", name)
                document = tantivy.Document()
                document.add_text("id", name)
                document.add_text("words", " ".join(words(text)))
                writer.add_document(document)
            writer.commit()
        finally:
            writer.wait_merging_threads()
        self._index.reload()
