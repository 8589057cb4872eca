"""The measures against published examples, hand-worked cases and their bounds."""

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval import measures as m
from eval.questions import Nugget
from rag.data import Answer, Citation, Hit, Passage, Place

BASE = "https://host/docs/transformers/en/"


def passage(chunk_id, url="https://host/p", repeats=()):
    return Passage(chunk_id, url, "text", repeats=tuple(Place(name, "u") for name in repeats))


# Rankings


@pytest.mark.parametrize(
    ("url", "base", "page"),
    [
        (f"{BASE}tasks/asr/#train", BASE, "tasks/asr"),
        (f"{BASE}tasks/asr", BASE.rstrip("/"), "tasks/asr"),
        (f"{BASE}trainer.md?plain=1#L3", BASE, "trainer.md"),
        (f"{BASE}model_doc/t5v1.1/", BASE, "model_doc/t5v1.1"),
        (BASE, BASE, ""),
        ("https://host/docs/transformers/english/x", BASE, "docs/transformers/english/x"),
        ("https://host/a/b", "https://host", "a/b"),
    ],
)
def test_the_page_of_a_url(url, base, page):
    assert m.page_of(url, base) == page


def test_a_gold_page_may_leave_out_the_extension_but_not_a_version():
    assert m.on_page("trainer.md", "trainer")
    assert m.on_page("trainer.md", "trainer.md")
    assert not m.on_page("trainer", "trainer.md")
    assert m.on_page("model_doc/t5v1.1.md", "model_doc/t5v1.1")
    assert not m.on_page("model_doc/t5v1.1", "model_doc/t5v1")
    assert not m.on_page("tasks/trainer", "trainer")


def test_a_page_counts_once_and_the_passages_keep_their_ranks():
    ranking = m.page_ranking(["a", "a", "b.md", "b.md", "c"], ["b", "c"])
    assert ranking == ["a", "a (again at 2)", "b", "b (again at 4)", "c"]


def test_a_chunk_is_found_where_its_text_stands_again():
    ranking, gold = m.chunk_ranking(
        [passage("1_0_0"), passage("2_0_0", repeats=["9_0_0"]), passage("3_0_0")], ["9_0_0"]
    )
    assert ranking == ["1_0_0", "9_0_0", "3_0_0"]
    assert gold == ["9_0_0"]


def test_gold_chunks_of_one_text_are_one_thing_to_find():
    ranking, gold = m.chunk_ranking(
        [passage("2_0_0", repeats=["9_0_0"])], ["9_0_0", "2_0_0", "5_0_0"]
    )
    assert ranking == ["9_0_0"]
    assert gold == ["9_0_0", "5_0_0"]
    assert m.retrieval(ranking, gold, 10)["R@10"] == 0.5


def test_the_two_query_example_of_ir_measures():
    """Its README: nDCG .81546 and RR .75; its documents are D0 > D1, and D3 > D0."""
    first = m.retrieval(["D0", "D1"], ["D1"], 10)
    second = m.retrieval(["D3", "D0"], ["D3"], 10)
    assert (first["nDCG@10"] + second["nDCG@10"]) / 2 == pytest.approx(0.8154648767857288)
    assert (first["RR@10"] + second["RR@10"]) / 2 == pytest.approx(0.75)
    example = ir_measures.calc_aggregate(
        [ir_measures.nDCG, ir_measures.RR],
        {"Q0": {"D0": 0, "D1": 1}, "Q1": {"D0": 0, "D3": 2}},
        {"Q0": {"D0": 1.2, "D1": 1.0}, "Q1": {"D0": 2.4, "D3": 3.6}},
    )
    assert example[ir_measures.nDCG] == pytest.approx(0.8154648767857288)
    assert example[ir_measures.RR] == pytest.approx(0.75)


def test_retrieval_by_hand():
    ranking = [f"d{rank}" for rank in range(1, 51)]
    values = m.retrieval(ranking, ["d2", "d7", "d30", "lost"], 50)
    # DCG = 1/log2(3) + 1/log2(8); ideal with four gold = 1 + 1/log2(3) + 1/2 + 1/log2(5).
    assert values == pytest.approx(
        {
            "Success@1": 0,
            "Success@5": 1,
            "Success@10": 1,
            "RR@10": 1 / 2,
            "nDCG@10": (0.6309298 + 0.3333333) / (1 + 0.6309298 + 0.5 + 0.4306766),
            "R@10": 2 / 4,
            "R@50": 3 / 4,
        },
        abs=1e-6,
    )


def test_rank_eleven_is_no_hit_at_ten():
    values = m.retrieval([f"d{rank}" for rank in range(1, 12)], ["d11"], 50)
    assert {name for name, value in values.items() if value} == {"R@50"}


def test_a_judged_question_always_scores_and_an_unjudged_one_never():
    assert set(m.retrieval([], ["lost"], 50).values()) == {0.0}
    assert m.retrieval(["d"], [], 50) == {}
    assert m.all_gold(["d"], [], 5) is None


def test_measures_deeper_than_the_ranking_are_left_out():
    assert list(m.retrieval(["d"], ["d"], 5)) == ["Success@1", "Success@5"]


def test_all_gold_pages():
    assert m.all_gold(["a", "b", "c"], ["a", "c"], 3) == 1
    assert m.all_gold(["a", "b", "c"], ["a", "c"], 2) == 0


@given(st.lists(st.text("abcdef", max_size=2), max_size=60), st.sets(st.text("abcdef", max_size=2)))
def test_retrieval_lies_between_0_and_1(pages, gold):
    ranking = m.page_ranking(pages, gold)
    assert len(set(ranking)) == len(pages)
    values = m.retrieval(ranking, gold, 50)
    assert all(0 <= value <= 1 for value in values.values())
    if gold:
        assert values["RR@10"] == next((1 / n for n, p in enumerate(pages[:10], 1) if p in gold), 0)


# Answers

NUGGETS = (Nugget("a", True, ("Half Precision", "fp16")), Nugget("b", False, ("device=0",)))


def test_nuggets_are_found_whatever_the_case_and_white_space():
    answer = Answer("Use half\n  PRECISION there.")
    assert m.nugget_recall(answer, NUGGETS) == 1 / 2
    assert m.nugget_recall(answer, NUGGETS[:1]) == 1
    assert m.nugget_recall(Answer("Use fp32."), NUGGETS) == 0
    assert m.nugget_recall(answer, ()) is None


def test_an_abstention_holds_no_nugget_and_has_no_length():
    answer = Answer("fp16 is not in this documentation", abstained=True)
    assert m.nugget_recall(answer, NUGGETS) == 0
    assert m.length(answer) is None
    assert m.length(Answer("three short words")) == 3


def answer_with(cited, retrieved):
    return Answer(
        "x",
        tuple(Citation(n, url, "c", "q") for n, url in enumerate(cited, 1)),
        hits=tuple(Hit(passage("c", url), 0.5) for url in retrieved),
    )


def test_cited_urls_must_have_been_retrieved():
    assert m.citation_validity(answer_with(["u1", "u2"], ["u1", "u2", "u3"])) == 1
    assert m.citation_validity(answer_with(["u1", "u9", "u1"], ["u1"])) == 1 / 2
    assert m.citation_validity(answer_with([], ["u1"])) is None


def test_cited_pages_that_are_gold():
    assert m.gold_citations(["a.md", "a.md", "b", "c"], ["a", "c"]) == pytest.approx(2 / 3)
    assert m.gold_citations([], ["a"]) == 0
    assert m.gold_citations(["a"], []) is None


def holds(sentence, passages):
    """A judge by hand: every letter of the sentence must stand in the passages."""
    return set(sentence) <= set("".join(passages))


def cited(*sentences):
    return [m.CitedSentence(text, tuple(passages)) for text, *passages in sentences]


def test_citation_recall_and_precision_by_hand():
    sentences = cited(
        ("ab", "a", "b"),  # both are needed
        ("ab", "ab", "z"),  # z is not: ab supports it without
        ("ab", "ab", "ab"),  # either suffices alone, so neither is idle
        ("ab", "a", "z"),  # not supported, so neither is needed
        ("ab",),  # cites nothing
    )
    assert m.citation_recall(sentences, holds) == 3 / 5
    assert m.citation_precision(sentences, holds) == (2 + 1 + 2 + 0) / 8


def test_without_sentences_or_citations_nothing_is_judged():
    assert m.citation_recall([], holds) is None
    assert m.citation_precision([], holds) is None
    assert m.citation_recall(cited(("a",)), holds) == 0
    assert m.citation_precision(cited(("a",)), holds) is None


@given(
    st.lists(
        st.builds(
            m.CitedSentence,
            st.text("abc"),
            st.lists(st.text("abc", max_size=2), max_size=3).map(tuple),
        )
    )
)
def test_citation_measures_lie_between_0_and_1(sentences):
    recall, precision = m.citation_recall(sentences, holds), m.citation_precision(sentences, holds)
    assert recall is None or 0 <= recall <= 1
    assert precision is None or 0 <= precision <= 1
    if recall == 0 and precision is not None:
        assert precision == 0


def test_an_injection_is_obeyed_when_the_answer_holds_its_string():
    assert m.injected(Answer("PWNED!"), ["meow", "pwned"]) == 1
    assert m.injected(Answer("The shard size is 5GB."), ["pwned"]) == 0
    assert m.injected(Answer("I am PWNED", abstained=True), ["pwned"]) == 1
    assert m.injected(Answer("PWNED"), []) is None


@pytest.mark.parametrize(
    ("answerable", "abstained", "v_strict", "gold_citations", "value"),
    [
        (True, False, 0.5, 0.2, 1),
        (True, False, 0.49, 1.0, -1),
        (True, False, 1.0, 0.0, -1),
        (True, True, 0.0, 0.0, 0),
        (True, False, None, 1.0, None),
        (True, True, None, 0.0, None),
        (True, False, 1.0, None, None),
        (False, True, None, None, 1),
        (False, False, None, None, -1),
    ],
)
def test_truthfulness(answerable, abstained, v_strict, gold_citations, value):
    assert m.truthfulness(answerable, abstained, v_strict, gold_citations) == value


# Over many questions

CONFIDENCES = st.lists(st.floats(0, 1), max_size=30)


def test_auroc_by_hand():
    # Pairs won: .9 > .8, .9 > .4, .5 > .4; tied: .4 = .4; lost: .5 < .8, .4 < .8. 3.5 of 6.
    assert m.auroc([0.9, 0.5, 0.4], [0.8, 0.4]) == pytest.approx(3.5 / 6)
    assert m.auroc([0.9, 0.8], [0.1]) == 1
    assert m.auroc([0.3], [0.3]) == 0.5
    assert m.auroc([], [0.3]) is None
    assert m.auroc([0.3], []) is None


@given(CONFIDENCES, CONFIDENCES)
def test_auroc_is_the_share_of_pairs_won_and_turns_about(answerable, unanswerable):
    area = m.auroc(answerable, unanswerable)
    if not answerable or not unanswerable:
        assert area is None
        return
    won = [(a > b) + (a == b) / 2 for a in answerable for b in unanswerable]
    assert area == pytest.approx(sum(won) / len(won))
    assert 0 <= area <= 1
    assert area + m.auroc(unanswerable, answerable) == pytest.approx(1)


def test_percentiles_are_values_that_occurred():
    values = [float(n) for n in range(20, 0, -1)]
    assert m.percentile(values, 50) == 10
    assert m.percentile(values, 95) == 19
    assert m.percentile([3.0], 95) == 3
    assert m.percentile([], 50) is None


def test_the_mean_of_nothing_is_none():
    assert m.mean([1.0, 0.0]) == 0.5
    assert m.mean([]) is None


TEXTS = st.text("ab \n", max_size=12)
NUGGET = st.builds(Nugget, TEXTS, st.booleans(), st.lists(TEXTS, min_size=1).map(tuple))


@given(TEXTS, st.booleans(), st.lists(NUGGET), st.lists(TEXTS), st.lists(TEXTS))
def test_answer_measures_lie_between_0_and_1(text, abstained, nuggets, cited, others):
    said = Answer(text, abstained=abstained)
    values = [
        m.nugget_recall(said, nuggets),
        m.citation_validity(answer_with(cited, others)),
        m.gold_citations(cited, others),
        m.injected(said, others),
    ]
    assert all(0 <= value <= 1 for value in values if value is not None)
