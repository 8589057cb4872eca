"""Retrieval on a small corpus in which each kind of evidence is the one that decides."""

import numpy as np
import pytest

from rag.data import FootnoteError, Passage, Place
from rag.index import Index
from rag.manifest import write_lock
from rag.retriever import Retriever
from rag.stored import context

SITE = "https://lamp.test/docs/"
PASSAGES = [
    (
        "wick",
        "Trimming",
        "Cut the wick to five millimetres before each use, or the flame will smoke.",
    ),
    ("wick", "Replacing", "Pull the burnt wick out from above and thread the new one from below."),
    ("wick", "Kinds", "Flat wicks burn brighter and round ones burn longer."),
    ("oil", "Filling", "Unscrew the cap and pour oil up to the mark. Never fill a burning lamp."),
    ("oil", "Kinds", "Use paraffin. Petrol explodes, and vegetable oil clogs the burner."),
    ("api", "Options", "The option max_burn_hours puts the lamp out after that many hours."),
    ("api", "Sensors", "SootSensorArray reports how much soot the glass has gathered."),
    ("faq", "Smoke", "Why does it smoke? A flame that smokes has too much oil or too little air."),
]


def passage(at, page, heading, text, repeats=()):
    url = f"{SITE}{page}/#{heading.lower()}"
    return Passage(f"{at}_0", url, text, page.title(), (heading,), "lamp", repeats)


@pytest.fixture(scope="module")
def retriever(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lamp") / "index"
    passages = [passage(at, *row) for at, row in enumerate(PASSAGES)]
    shared = "Keep the lamp upright while you carry it."
    elsewhere = Place("carry_0", f"{SITE}oil/#carrying", "Oil", ("Carrying",))
    passages.append(passage(99, "legal", "Notes", shared, (elsewhere,)))
    with write_lock(folder):
        about = {"name": encoder.name, "fingerprint": encoder.fingerprint, "dimension": 384}
        index = Index.create(folder, about)
        vectors = encoder.encode([p.text for p in passages])
        vectors = vectors + 0.4 * encoder.encode([context(p) for p in passages])
        index.put(passages, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        index.finish("lamp", {"base_url": SITE, "passages": len(passages)})
    return Retriever(Index.open(folder), encoder)


def urls(hits):
    return [hit.passage.url.removeprefix(SITE) for hit in hits]


@pytest.mark.parametrize(
    ("question", "url"),
    [
        ("to what length do I shorten it before lighting", "wick/#trimming"),
        ("max_burn_hours", "api/#options"),
        ("max-burn-hours", "api/#options"),
        ("soot sensor array", "api/#sensors"),
        ("which fuel is dangerous", "oil/#kinds"),
    ],
)
def test_meaning_names_and_headings(retriever, question, url):
    assert urls(retriever.search(question, 3))[0] == url


def test_scores_fall_and_similarities_are_cosines(retriever, encoder):
    question = "How do I fill it?"
    hits = retriever.search(question, 9)
    assert len(hits) == 9
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    (vector,) = encoder.encode([question])
    for hit in hits:
        text, name = encoder.encode([hit.passage.text, context(hit.passage)])
        mixed = text + 0.4 * name
        if not hit.passage.repeats:
            expected = mixed @ vector / np.linalg.norm(mixed)
            assert hit.similarity == pytest.approx(expected, abs=1e-4)


def test_a_follow_up_keeps_its_subject(retriever):
    history = [
        {"role": "user", "content": "How do I trim the wick?"},
        {"role": "assistant", "content": "Cut it to five millimetres."},
    ]
    assert (
        urls(
            retriever.search("and when it has burnt down, how do I thread a new one?", 3, history)
        )[0]
        == "wick/#replacing"
    )


def test_a_text_on_two_pages_is_shown_on_the_one_with_more_evidence(retriever):
    hits = retriever.search("pour oil and carry the upright lamp", 9)
    (shared,) = [hit.passage for hit in hits if "upright" in hit.passage.text]
    assert shared.url == f"{SITE}oil/#carrying"
    assert (shared.chunk_id, shared.title, shared.headings) == ("carry_0", "Oil", ("Carrying",))
    assert [place.url for place in shared.repeats] == [f"{SITE}legal/#notes"]


def test_a_slip_is_corrected_and_a_common_word_is_none(retriever):
    with_a_flame = {"faq/#smoke", "wick/#trimming"}
    assert set(urls(retriever.search("flaem", 2))) == with_a_flame
    assert not with_a_flame & set(urls(retriever.search("blame", 2)))


def test_no_words_at_all(retriever):
    assert len(retriever.search("?", 4)) == 4


def test_another_embedder_is_refused(retriever, encoder):
    class Other:
        name, fingerprint, dimension = "other", "beef", 384

    with pytest.raises(FootnoteError, match="made with the embedder"):
        Retriever(retriever._index, Other())
