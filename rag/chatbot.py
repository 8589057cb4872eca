"""The chatbot: a question in, a cited answer out.

It composes retriever, answerer and footnotes, and is the one way to an answer: the web chat,
the Python call and the evaluation all come through here. Answering is written once, as a
stream; `ask` is the stream's end.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from rag.citations import Footnotes
from rag.confidence import confidence
from rag.data import Answer, Citation, Draft, FootnoteError, Found, Hit, Message, Passage, Thought
from rag.encoder import Encoder
from rag.exported import ExportedEncoder, is_exported
from rag.extractive import ExtractiveAnswerer
from rag.index import Index
from rag.prompt import NOT_FOUND
from rag.reranker import CrossEncoder
from rag.retriever import Retriever, last_question
from rag.support import Evidence

MAX_QUESTION = 4000  # characters; a question and a pasted traceback fit
PASSAGES = 10  # retrieved for an answer
UNCITED = "\n\n(No passage was cited for this: do not rely on it.)"


class Answerer(Protocol):
    """What writes the answer: the embedded answerer or a language model."""

    name: str

    def standalone(self, question: str, history: Sequence[Message], stop: Event) -> str:
        """A follow-up in words that need no conversation, or nothing where it has none."""

    def draft(
        self,
        question: str,
        hits: Sequence[Hit],
        history: Sequence[Message],
        confidence: float,
        stop: Event,
    ) -> Draft:
        """The answer, which ends soon after `stop` is set or its pieces are closed.

        Without support it says that nothing was found, and cites nothing.
        """


class Chatbot:
    """Answers questions from one index. Threads may share it."""

    def __init__(self, index: Index, retriever: Retriever, answerer: Answerer):
        """See `Chatbot.open`, which puts these together."""
        self._index = index
        self._retriever = retriever
        self._answerer = answerer

    @classmethod
    def open(
        cls,
        folder: str | Path,
        generator: str | None = None,
        *,
        embedder: str | None = None,
        reranker: str | None = None,
        device_map: str = "auto",
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Chatbot:
        """A chatbot on the index in `folder`.

        `generator` is a chat model's hub id or path, or the URL of an OpenAI-style server
        (`http://host/v1`); None answers with quoted sentences, without a language model.
        `reranker` is a cross-encoder's hub id or path, which reads the best passages again.
        `embedder` is only needed when the index keeps none of its own and the model has moved: a
        hub id or path of the same model. `device_map` is accelerate's, for the generator, which
        writes the likeliest token at a `temperature` of 0, and above it, up to 2, samples from
        `seed`.

        Raises FootnoteError if the index or a model is missing, or they do not fit.
        """
        index = Index.open(folder)
        encoder = _encoder(index, embedder)
        retriever = Retriever(index, encoder, CrossEncoder(reranker) if reranker else None)
        if generator is None:
            return cls(index, retriever, ExtractiveAnswerer(encoder, index.words))
        from rag.generative import GenerativeAnswerer
        from rag.generator import Sampling, load_generator

        model = load_generator(generator, device_map, Sampling(temperature, seed))
        return cls(index, retriever, GenerativeAnswerer(model))

    def search(self, question: str, k: int = 10, history: Sequence[Message] = ()) -> list[Hit]:
        """The k passages that best match the question, best first; fewer if there are no more.

        Raises FootnoteError for an empty or overlong question, or a k below 1.
        """
        if k < 1:
            raise FootnoteError(f"k is {k}: ask for at least one passage")
        return self._retriever.search(_checked(question), k, history)

    def ask(
        self,
        question: str,
        history: Sequence[Message] = (),
        *,
        strict: bool = False,
        hits: Sequence[Hit] | None = None,
    ) -> Answer:
        """The answer to the question in the light of the conversation before it.

        Under `strict` it says nothing that its passages do not support. With `hits`, such as
        `search` gave, it answers from these and searches no more. Raises FootnoteError for an
        empty or overlong question, or if the generator fails.
        """
        *_, answer = self.events(question, history, strict=strict, hits=hits)
        assert isinstance(answer, Answer)
        return answer

    def stream(
        self,
        question: str,
        history: Sequence[Message] = (),
        stop: Event | None = None,
        *,
        strict: bool = False,
    ) -> Iterator[str | Answer]:
        """Pieces of the answer's text as they come, and the Answer itself last.

        The pieces joined are the Answer's text. Setting `stop`, or closing the iterator, ends
        generation. Raises as `ask` does.
        """
        with closing(self.events(question, history, stop, strict=strict)) as events:
            for event in events:
                if isinstance(event, str | Answer):
                    yield event

    def events(
        self,
        question: str,
        history: Sequence[Message] = (),
        stop: Event | None = None,
        *,
        k: int = PASSAGES,
        strict: bool = False,
        hits: Sequence[Hit] | None = None,
    ) -> Generator[Found | Thought | Citation | str | Answer, None, None]:
        """Everything on the way to an answer: what was found, what a thinking model thinks, and
        then as `stream` gives it, each footnote before the text that first has its marker. `k`
        passages are retrieved, unless `hits` are given.
        """
        started = time.perf_counter()
        stop = stop or Event()
        question = _checked(question)
        alone = ""
        if hits is None:
            if history:
                alone = self._answerer.standalone(question, history, stop)
            hits = self.search(alone, k) if alone else self.search(question, k, history)
        timings = {"search": time.perf_counter() - started}
        yield Found(alone or question, tuple(hits), timings["search"])
        before = last_question(history)
        sure = confidence(question, before, hits, self._index.words, self._retriever.encoder)
        draft = self._answerer.draft(question, hits, history, sure, stop)
        evidence = Evidence(f"{question} {before}", draft.read, self._index.words)
        footnotes = Footnotes(draft.read, evidence, strict)
        text = thought = ""
        with closing(draft.pieces) as pieces:
            for piece in pieces:
                if isinstance(piece, Thought):
                    thought += piece.text
                    yield piece
                elif clean := footnotes.feed(piece):
                    timings.setdefault("first_token", time.perf_counter() - started)
                    text += clean
                    yield from footnotes.fresh()
                    yield clean
            rest = footnotes.close()
            yield from footnotes.fresh()
        citations = footnotes.citations
        if not citations and NOT_FOUND not in text + rest and not stop.is_set():
            rest += NOT_FOUND if strict else UNCITED
        if rest:
            text += rest
            yield rest
        timings["total"] = time.perf_counter() - started
        yield Answer(
            text=text,
            citations=citations,
            claims=footnotes.claims if citations else (),
            abstained=not citations,
            confidence=sure,
            hits=tuple(hits),
            unread=len(hits) - len(draft.read),
            searched=alone or question,
            thought=thought,
            timings=timings,
        )

    @property
    def answerer(self) -> str:
        """The name of what writes the answers."""
        return self._answerer.name

    def base_url(self, passage: Passage) -> str:
        """The address that all pages of the passage's source have in common."""
        return self._index.base_url(passage)

    def info(self) -> dict[str, Any]:
        """What the index holds: `embedder` (name, fingerprint, dimension), `passages` (a
        count) and `sources` (name -> title, version, base_url, pages, passages, left_out)."""
        manifest = self._index.manifest
        return {
            "embedder": manifest["embedder"],
            "passages": len(self._index),
            "sources": manifest["sources"],
        }


def _encoder(index: Index, embedder: str | None) -> Encoder:
    """The embedder that the index keeps, or else the model itself."""
    kept = index.folder / "encoder"
    if embedder is None and is_exported(kept):
        return ExportedEncoder(kept)
    from rag.encoder import SentenceEncoder

    return SentenceEncoder(embedder or index.manifest["embedder"]["name"])


def _checked(question: str) -> str:
    if not isinstance(question, str) or not question.strip():
        raise FootnoteError("the question is empty: write one")
    if len(question) > MAX_QUESTION:
        raise FootnoteError(
            f"the question has {len(question):,} characters, at most {MAX_QUESTION:,} are read: "
            "shorten it"
        )
    # A lone half of a surrogate pair is no text to any tokenizer.
    return question.strip().encode("utf-8", "replace").decode("utf-8")
