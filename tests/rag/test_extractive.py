"""The embedded answerer quotes what is near the question, in order, and nothing else."""

from dataclasses import replace
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.data import Hit, Passage
from rag.extractive import WORDS, ExtractiveAnswerer
from rag.lexical import LexicalIndex
from rag.prompt import NOT_FOUND

PAGE = "https://d.test/queue"
TEXTS = {
    "Retries": "A failed task is retried three times. Set max_retries to change that.",
    "Code": "Retries are set per task.\n\n```py\n@task(max_retries=5)\ndef send(): ...\n```\n\nThat is all.",
    "Repeats": "A failed task is retried three times. Between retries the queue waits a minute.",
    "Far": "The moon orbits the earth in about four weeks, as seen from the sun.",
}
HITS = [
    Hit(Passage(str(n), f"{PAGE}#{n}", text, "Queue", (heading,)), 1.0 - n / 10, 0.5)
    for n, (heading, text) in enumerate(TEXTS.items())
]


@pytest.fixture(scope="module")
def answerer(encoder, tmp_path_factory) -> ExtractiveAnswerer:
    words = LexicalIndex(tmp_path_factory.mktemp("words"))
    words.change((hit.passage.chunk_id, hit.passage.text) for hit in HITS)
    return ExtractiveAnswerer(encoder, words)


def answer(
    answerer,
    question="How often is a failed task retried?",
    hits=HITS,
    confidence=0.9,
    history=(),
):
    draft = answerer.draft(question, hits, history, confidence, Event())
    assert list(draft.read) == list(hits)
    return "".join(draft.pieces)


def test_an_answer_is_quotations_under_their_headings(answerer):
    assert answer(answerer) == (
        "#### Queue › Retries\n\n"
        "A failed task is retried three times. [1] Set max_retries to change that. [1]\n\n"
        "#### Queue › Code\n\n"
        "Retries are set per task. [2]\n\n"
        "```py\n@task(max_retries=5)\ndef send(): ...\n```\n[2]\n\n"
        "#### Queue › Repeats\n\n"
        "Between retries the queue waits a minute. [3]"
    )


def test_passages_of_one_section_stand_in_reading_order(answerer):
    texts = {"7_10_0": "A failed task is retried.", "7_9_0": "A task of the queue may fail."}
    hits = [Hit(Passage(name, PAGE, text, "Queue"), 1.0) for name, text in texts.items()]
    assert answer(answerer, hits=hits) == (
        "#### Queue\n\nA task of the queue may fail. [2] A failed task is retried. [1]"
    )


def test_passages_of_one_heading_stand_together(answerer):
    hits = [
        HITS[0],
        HITS[1],
        Hit(Passage("9", PAGE, "Retries cost time.", "Queue", ("Retries",)), 0.8),
        Hit(
            Passage("10", PAGE, "Retries of mail cost time, too.", "Queue", ("Mail", "Retries")),
            0.8,
        ),
    ]
    headings = [line for line in answer(answerer, hits=hits).split("\n") if "#" in line]
    assert headings == [
        "#### Queue › Retries",
        "#### Queue › Code",
        "#### Queue › Mail › Retries",
    ]


def test_a_passage_far_behind_the_best_is_not_quoted(answerer):
    far = replace(HITS[2], score=0.4)
    assert "Between retries the queue waits a minute." not in answer(
        answerer, hits=[*HITS[:2], far]
    )


def test_a_follow_up_is_answered_and_not_the_question_before_it(answerer):
    again = " ".join(
        f"A failed task of kind {n} is retried {n} times by a worker." for n in range(20)
    )
    hits = [Hit(Passage("1", PAGE, f"{again} The moon may slow it down."), 1.0)]
    before = {
        "role": "user",
        "content": "How often is a failed task of a kind retried by a worker?",
    }
    asked = "What if the moon is full?"
    assert "The moon may slow it down. [1]" in answer(answerer, asked, hits, history=[before])


def test_little_confidence_says_nothing(answerer):
    assert answer(answerer, confidence=0.1) == NOT_FOUND


def test_passages_without_a_sentence(answerer):
    hits = [Hit(Passage("1", PAGE, "Retries"), 1.0)]
    assert answer(answerer, hits=hits) == NOT_FOUND
    assert answer(answerer, hits=[]) == NOT_FOUND


def test_an_address_stands_for_a_missing_heading(answerer):
    hits = [Hit(Passage("1", PAGE, "A failed task is retried."), 1.0)]
    assert answer(answerer, hits=hits).startswith(f"#### {PAGE}\n\n")


def test_what_a_passage_cuts_in_two_is_not_quoted(answerer):
    text = "is retried by the queue. A failed task is retried. Then the failed task is"
    assert "A failed task is retried. [1]" in answer(
        answerer, hits=[Hit(Passage("1", PAGE, text), 1)]
    )
    assert (
        "queue" not in answer(answerer, hits=[Hit(Passage("1", PAGE, text), 1)]).partition("\n")[2]
    )


@pytest.mark.parametrize(
    "text", ["times (`int`): How often.", "max_retries is how often a task runs."]
)
def test_a_passage_may_begin_with_a_parameter(text, answerer):
    assert f"{text} [1]" in answer(answerer, hits=[Hit(Passage("1", PAGE, text), 1)])


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        (">>> task.retry(times=3) >>> task.run()", "```py\n>>> task.retry(times=3)\n>>> task.run()\n```"),
        (
            "```py >>> with task.retry(): ...     task.run() ... 'done' ```",
            "```py\n>>> with task.retry():\n...     task.run()\n... 'done'\n```",
        ),
        (
            "... task.retry() >>> task.run() ``` A failed task is retried.",
            "A failed task is retried. [1]\n\n```py\n... task.retry()\n>>> task.run()\n```\n[1]",
        ),
        ("... task.retry() ... task.run()", "```py\n... task.retry()\n... task.run()\n```\n[1]"),
        ('TASK = q[0] queue.put(TASK, tries=3)', "\n`TASK = q[0] queue.put(TASK, tries=3)` [1]"),
        ("The task `q[0]` is retried. [2]", "\nThe task `q[0]` is retried. [1]"),
        ('- "always" = retry_always - "never" = retry_never.', '\n"always" = retry_always - "never" = retry_never. [1]'),
        ("A task of priority <= 8.9 is retried.", "\nA task of priority <= 8.9 is retried. [1]"),
        (
            "```py\n    >>> task = q[0]\n\n    >>> task.retry()\n    'done'\n    ```",
            "```py\n>>> task = q[0]\n\n>>> task.retry()\n'done'\n```",
        ),
        (
            "```py\n    for task in q:\n        task.retry()\n    ```",
            "```py\nfor task in q:\n    task.retry()\n```",
        ),
        ("```\npy\n```", ""),
        ("```py\nqueue.task(max_retries: int = 3) -> Task\n```", ""),
        ("```py\ntask.retry(times=3)\ntask.run()", "```py\ntask.retry(times=3)\ntask.run()\n```\n[1]"),
    ],
)  # fmt: skip
def test_code(text, quoted, answerer):
    said = answer(answerer, hits=[Hit(Passage("1", PAGE, text), 1.0)])
    assert quoted in said if quoted else said == NOT_FOUND


@pytest.mark.parametrize(
    ("place", "code", "shown"),
    [
        (f"{PAGE}#example", "task.retry()  # a failed task", True),
        ("https://d.test/moon#example", "task.retry()  # a failed task", False),
        (f"{PAGE}#example", "from moon import orbit", False),
    ],
)
def test_code_is_near_the_question_and_of_a_quoted_page(place, code, shown, answerer):
    hits = [*HITS[:1], Hit(Passage("2", place, f"```py\n{code}\n```"), 0.9)]
    assert (code in answer(answerer, hits=hits)) == shown


@pytest.mark.parametrize(
    ("first", "second", "quoted"),
    [
        ("```py from q import task", "task.retry() ``` Done.", "from q import task\ntask.retry()"),
        (
            "```py import q q.retry(3, 4)",
            "q.retry(3, 4) q.end() ```",
            "import q q.retry(3, 4) q.end()",
        ),
        ("```py\nfrom q import task\n", "x = task()\n```", "from q import task\n\nx = task()"),
    ],
)
def test_code_that_two_passages_share_is_quoted_whole(first, second, quoted, answerer):
    def said(*numbers: int) -> str:
        texts = (f"A failed task is retried so: {first}", second)
        pairs = zip(numbers, texts, strict=True)
        return answer(answerer, hits=[Hit(Passage(f"7_{n}", PAGE, text), 1.0) for n, text in pairs])

    assert said(9, 10).endswith(f"```py\n{quoted}\n```\n[1][2]")
    assert "[1][2]" not in said(9, 11)


WHOLE = "```py from q import task task.retry(3) ```"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("```py from q import task", WHOLE),
        ("```py x(3) ``` See there.", WHOLE),
        ("```py from q import task ```\n", "task.retry(3) task.end() ``` Done."),
        ("~~~py\nfrom q import task\n~~~\n", "task.retry(3) task.end() ``` Done."),
    ],
)
def test_code_that_one_passage_holds_is_not_joined(first, second, answerer):
    texts = (f"A failed task is retried so: {first}", second)
    hits = [Hit(Passage(f"7_{n}", PAGE, text), 1.0) for n, text in enumerate(texts)]
    assert "[1][2]" not in answer(answerer, hits=hits)


@pytest.mark.parametrize(
    "text",
    [
        "[[open-in-colab]] A failed task is retried.",
        "<Tip> A failed task is retried.</Tip>",
        '<div class="flex"> <pt> A <small>failed</small> task<br/> is retried. </pt>',
    ],
)
def test_directives_and_tags_are_not_quoted(text, answerer):
    said = answer(answerer, hits=[Hit(Passage("1", PAGE, text), 1.0)])
    assert said.endswith("\n\nA failed task is retried. [1]")


def test_a_backtick_without_a_mate_is_not_quoted(answerer):
    text = "A `Task, *if* `retries`, is retried. It is retried `often, too."
    said = answer(answerer, hits=[Hit(Passage("1", PAGE, text), 1.0)])
    assert "A Task, *if* retries, is retried. [1]" in said
    assert "It is retried often, too. [1]" in said


def test_what_looks_like_a_tag_may_be_a_token(answerer):
    text = "A task ends with <s> or <image>, and a list is `<ul>`."
    assert text in answer(answerer, hits=[Hit(Passage("1", PAGE, text), 1.0)])


def test_stop(answerer):
    stop = Event()
    stop.set()
    assert list(answerer.draft("Is a task retried?", HITS, [], 0.9, stop).pieces) == []


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(st.text(max_size=400), min_size=1, max_size=3))
def test_any_text_gives_an_answer_of_its_own_words(texts, answerer):
    hits = [Hit(Passage(str(n), PAGE, text), 1.0) for n, text in enumerate(texts)]
    said = answer(answerer, hits=hits)
    prose = [line for line in said.split("```")[0].split("\n") if not line.startswith("####")]
    assert len(" ".join(prose).split()) <= 2 * WORDS
