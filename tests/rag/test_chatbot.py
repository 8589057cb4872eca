"""Chatbot on a real index with the embedded answerer; the language model's turn is below."""

import threading
from dataclasses import replace

import pytest
from lantern import CHUNKS, SITE

from rag import Answer, Chatbot, FootnoteError
from rag.prompt import NOT_FOUND


@pytest.fixture(scope="module")
def bot(lantern):
    return Chatbot.open(lantern)


@pytest.mark.parametrize(
    ("question", "page", "says"),
    [
        ("How many times is a failed task tried again?", "tasks/#retries", "three times"),
        ("Which port does the dashboard use?", "monitoring/#dashboard", "5580"),
        ("What happens to running tasks when I send SIGTERM?", "workers/#shutdown", "finishes"),
        ("Where does lantern read the broker's address from?", "brokers/#harbor", "LANTERN_BROKER"),
    ],
)
def test_answers_stand_on_the_right_passage(bot, question, page, says):
    answer = bot.ask(question)
    assert not answer.abstained
    assert says in answer.text
    assert answer.citations[0].url == SITE + page
    texts = {hit.passage.chunk_id: hit.passage.text for hit in answer.hits}
    for number, note in enumerate(answer.citations, 1):
        assert note.marker == number
        assert f"[{number}]" in answer.text
        assert note.quote in texts[note.chunk_id]


def test_what_is_told_around_a_question_does_not_keep_it_from_an_answer(bot):
    asked = "Which port does the dashboard use?"
    around = "My grandmother collects porcelain penguins from Norway."
    answer = bot.ask(f"{around} {asked} Fjords, trolls and herring delight her every summer.")
    assert "5580" in answer.text
    assert bot.ask(f"{around} Does she like herring or smoked salmon better?").abstained


def test_every_sentence_carries_a_footnote(bot):
    answer = bot.ask("How do I change how often a task is retried?")
    assert len(answer.claims) > 1
    for claim in answer.claims:
        assert claim.supported
        for note in claim.citations:
            passage = next(h.passage for h in answer.hits if h.passage.chunk_id == note.chunk_id)
            assert note.quote in passage.text


def test_hits_found_before_are_not_searched_again(bot):
    hits = bot.search("How often is a task retried?", k=3)
    answer = bot.ask("How often is a task retried?", hits=hits)
    assert list(answer.hits) == hits
    assert answer.citations


def test_how_questions_get_code_as_it_stands(bot):
    answer = bot.ask("Show me an example of how to define a task")
    assert "```python\nimport lantern\n\n@lantern.task\ndef resize(path, width=640):" in answer.text
    assert "    return open(path)" in answer.text


@pytest.mark.parametrize(
    "question", ["Who won the football cup in 1990?", "Best recipe for potato soup?"]
)
def test_what_is_not_there_is_not_answered(bot, question):
    answer = bot.ask(question)
    assert answer.abstained
    assert answer.text == NOT_FOUND
    assert answer.citations == ()
    assert answer.confidence < 0.5


def test_search_ranks_and_counts(bot):
    hits = bot.search("signed messages", k=3)
    assert len(hits) == 3
    assert hits[0].passage.url == SITE + "security/#signing"
    assert hits[0].passage.source == "lantern.jsonl"
    assert len(bot.search("signed messages", k=100)) == len(CHUNKS)


def test_a_follow_up_keeps_its_subject(bot):
    history = [
        {"role": "user", "content": "How do I start the dashboard?"},
        {"role": "assistant", "content": "With lantern dashboard. [1]"},
    ]
    assert bot.search("and on which port?", 1, history)[0].passage.url.endswith("#dashboard")
    assert "5580" in bot.ask("and on which port?", history).text


def test_stream_joined_is_the_answer(bot):
    *pieces, answer = bot.stream("How many tasks run at once in a worker?")
    assert isinstance(answer, Answer)
    assert "".join(pieces) == answer.text
    again = bot.ask("How many tasks run at once in a worker?")
    assert answer == replace(again, timings=answer.timings)
    assert set(answer.timings) == {"search", "first_token", "total"}


def test_stop_ends_the_stream(bot):
    stop = threading.Event()
    stop.set()
    (*pieces, answer) = bot.stream("How many tasks run at once in a worker?", stop=stop)
    assert pieces == []
    assert answer.text == ""


@pytest.mark.parametrize("question", ["", "  \n", "x" * 100_000, None, 3])
def test_bad_questions(bot, question):
    with pytest.raises(FootnoteError, match="question"):
        bot.ask(question)
    with pytest.raises(FootnoteError, match="question"):
        bot.search(question)


def test_odd_questions_do_no_harm(bot):
    for question in ["\ud800", "\x00", "[1]", "```", "🦊" * 900, "a" * 4000]:
        assert isinstance(bot.ask(question), Answer)


def test_k_below_one(bot):
    with pytest.raises(FootnoteError, match="k is 0"):
        bot.search("x", k=0)


def test_threads_share_a_chatbot(bot):
    expected = bot.ask("Which port does the dashboard use?").text
    answers = []

    def ask():
        answers.append(bot.ask("Which port does the dashboard use?").text)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 8


def test_an_index_of_another_embedder(lantern, tiny_embedder):
    with pytest.raises(FootnoteError, match="made with the embedder"):
        Chatbot.open(lantern, embedder=str(tiny_embedder))


def test_info(bot):
    info = bot.info()
    assert info["passages"] == len(CHUNKS)
    assert info["sources"]["lantern.jsonl"]["pages"] == 8
