"""What people think of answers: on the page, in the file, and as a question set."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from asking import answered, ask, ask_more
from playwright.sync_api import expect

from eval.reading import read_questions
from rag.data import Answer, Citation, FootnoteError
from ui.feedback import Feedback

PORT = "Which port does the dashboard use?"


def rows(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_thumbs_and_comments_are_saved_and_can_be_evaluated(page, served):
    turn = answered(ask(page, served.address, PORT))
    turn.get_by_role("button", name="A good answer").click()
    expect(turn.get_by_role("button", name="A good answer")).to_have_attribute(
        "aria-pressed", "true"
    )
    turn.get_by_role("textbox", name="Comment").fill("just right \u2028 <b>")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_have_text("Thank you")
    turn = answered(ask_more(page, "and signed messages?"))
    turn.get_by_role("button", name="A bad answer").click()
    expect(turn.get_by_role("textbox", name="Comment")).to_be_focused()
    page.reload()
    expect(page.locator(".turn [data-rating=up]").first).to_have_attribute("aria-pressed", "true")

    good, commented, bad = rows(served.feedback)[-3:]
    assert [row["rating"] for row in (good, commented, bad)] == ["up", "up", "down"]
    assert commented["comment"] == "just right \u2028 <b>"
    assert good["question"] == PORT
    assert "5580" in good["answer"]
    assert {"chunk_id": "10_0_0", "url": "https://lantern.test/docs/monitoring/#dashboard"} in (
        good["passages"]
    )
    assert good["version"]
    assert set(good["sources"]) == {"lantern.jsonl", "hostile.jsonl"}

    questions = read_questions(served.feedback)[-3:]
    assert questions[0].question == PORT
    assert questions[0].gold_chunk_ids[0] == "10_0_0"
    assert questions[2].gold_chunk_ids == ()
    assert questions[2].type == "followup"
    assert questions[2].history[0]["content"] == PORT


def test_what_the_server_did_not_say_cannot_be_rated(served):
    before = served.feedback.read_text() if served.feedback.exists() else ""
    for body in [{"id": "made-up", "rating": "up"}, {"rating": "up"}, {"id": ["x"], "rating": {}}]:
        request = urllib.request.Request(
            f"{served.address}/feedback",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert "too long ago" in error.value.read().decode()
    assert (served.feedback.read_text() if served.feedback.exists() else "") == before


ANSWER = Answer("So. [1]", (Citation(1, "https://a.test/", "1", "quote"),))


def test_ratings_are_checked(tmp_path):
    feedback = Feedback(tmp_path / "new" / "feedback.jsonl", {})
    name = feedback.remember("q", [], ANSWER, "extractive")
    with pytest.raises(FootnoteError, match="rating is 'sideways'"):
        feedback.add(name, "sideways")
    with pytest.raises(FootnoteError, match="2,001 characters"):
        feedback.add(name, "up", "x" * 2001)
    assert not (tmp_path / "new").exists()


def test_a_disk_that_takes_nothing_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    feedback = Feedback(tmp_path / "file" / "feedback.jsonl", {})
    with pytest.raises(FootnoteError, match="cannot be written"):
        feedback.add(feedback.remember("q", [], ANSWER, "extractive"), "up")


def test_the_file_is_only_added_to_by_many_at_once(tmp_path):
    path = tmp_path / "feedback.jsonl"
    path.write_text('{"question": "before"}\n')
    feedback = Feedback(path, {})
    names = [feedback.remember(f"q{at}", [], ANSWER, "extractive") for at in range(200)]
    threads = [threading.Thread(target=feedback.add, args=(name, "down")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_questions(path)) == 201
    assert rows(path)[0] == {"question": "before"}


def test_only_the_latest_answers_are_remembered(tmp_path):
    feedback = Feedback(tmp_path / "feedback.jsonl", {})
    names = [feedback.remember("q", [], ANSWER, "extractive") for _ in range(2001)]
    with pytest.raises(FootnoteError, match="too long ago"):
        feedback.add(names[0], "up")
    feedback.add(names[1], "up")
