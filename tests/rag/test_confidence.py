"""The signs by which a question without an answer is told from one that has one."""

import pytest

from rag.confidence import confidence, signs
from rag.data import Hit, Passage
from rag.index import Index
from rag.lexical import LexicalIndex


@pytest.fixture(scope="module")
def words(lantern):
    return Index.open(lantern).words


@pytest.fixture(scope="module")
def hits(lantern):
    from rag import Chatbot

    return Chatbot.open(lantern).search("Which port does the dashboard use?", 5)


def shares(question, hits, words, encoder):
    *_, names, common = signs([question], hits, words, encoder)
    return names, common


def test_words_that_are_nowhere_are_names_or_common_ones(hits, words, encoder):
    assert shares("dashboard port", hits, words, encoder) == (0, 0)
    names, common = shares("grafana dashboard port", hits, words, encoder)
    assert (names, common) == (pytest.approx(1 / 3), 0)
    names, common = shares("pretty dashboard port", hits, words, encoder)
    assert names == 0
    assert 0 < common < 0.01  # a small documentation lacks many


def test_a_name_that_is_nowhere_costs_more_than_a_common_word(hits, words, encoder):
    def sure(question):
        return confidence(question, "", hits, words, encoder)

    asked = "Which port does the {} dashboard use?"
    assert sure(asked.format("grafana")) < 0.7 * sure(asked.format("pretty"))
    assert sure(asked.format("pretty")) == pytest.approx(sure(asked.format("")), rel=0.2)


def test_in_a_language_that_the_embedder_does_not_know_no_word_is_a_name(tmp_path, encoder):
    text = "Eine fehlgeschlagene Aufgabe wird dreimal wiederholt, dann bleibt sie liegen."
    words = LexicalIndex(tmp_path)
    words.change([("1", text)])
    hits = [Hit(Passage("1", "https://laterne.test/", text, "Wiederholungen"), 1.0, 0.5)]
    names, common = shares("Welche Aufgabe bleibt übrig?", hits, words, encoder)
    assert names == 0
    assert common > 0


def test_nothing_found_is_no_confidence(words, encoder):
    assert confidence("Which port?", "", [], words, encoder) == 0
