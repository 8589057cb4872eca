"""The answers made without answering."""

from hypothesis import given
from hypothesis import strategies as st

from eval.baselines import WORDS, abstention, oracle, top_passage
from eval.questions import Nugget
from rag.data import Hit, Passage

TEXTS = st.lists(st.text("ab .\n`", max_size=60).map(lambda text: text * 9), max_size=4)


def passage(name, text):
    return Passage(name, f"https://host/{name}", text)


def test_the_copied_passage_is_cut_to_120_words_and_quoted_to_the_letter():
    text = "\n  ".join(f"w{n}" for n in range(200))
    copied = top_passage([Hit(passage("c", text), 0.9, similarity=-0.2), Hit(passage("d", "x"), 0)])
    [note] = copied.citations
    assert text.startswith(note.quote)
    assert note.quote.split() == [f"w{n}" for n in range(WORDS)]
    assert copied.text == f"{note.quote} [1]"
    assert copied.confidence == 0


def test_nothing_to_copy_is_an_abstention():
    assert top_passage([]) == oracle([], []) == abstention([])
    assert abstention([]).abstained


def test_the_oracle_takes_the_passage_with_most_nuggets_first():
    nuggets = [Nugget("a", True, ("fp16",)), Nugget("b", False, ("bf16", "brain float"))]
    gold = [passage("none", "Nothing."), passage("one", "FP16."), passage("two", "fp16 and BF16.")]
    answer = oracle(gold, nuggets)
    assert [note.chunk_id for note in answer.citations] == ["two", "one", "none"]
    assert answer.text == "fp16 and BF16. [1]\n\nFP16. [2]\n\nNothing. [3]"


def test_the_oracle_is_cut_to_120_words_in_all():
    gold = [passage("a", "word " * 100), passage("b", "more " * 100), passage("c", "never " * 9)]
    answer = oracle(gold, [])
    assert [len(note.quote.split()) for note in answer.citations] == [100, 20]


@given(TEXTS)
def test_every_sentence_of_a_copy_is_a_claim_cited_to_its_passage(texts):
    gold = [passage(f"p{at}", text) for at, text in enumerate(texts)]
    answer = oracle(gold, [])
    by_name = {one.chunk_id: one.text for one in gold}
    for claim in answer.claims:
        said = answer.text[claim.start : claim.end]
        assert said
        assert said in by_name[claim.citations[0].chunk_id]
    assert sum(len(note.quote.split()) for note in answer.citations) <= WORDS
