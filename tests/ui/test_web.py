"""The web chat's page as people meet it: a real server and a real browser."""

import time
from urllib.parse import quote

from asking import PATIENCE, answered, ask, ask_more, field
from lantern import CHUNKS, SITE
from playwright.sync_api import expect
from serving import chat

PORT = "Which port does the dashboard use?"


def note_of(turn, said):
    """The footnote's number at the end of the paragraph that says so."""
    return turn.locator(".answer p", has_text=said).locator("a.note").last


def test_first_sight(page, address):
    page.goto(address)
    expect(page.get_by_role("heading", name="Ask lantern and hostile")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("lantern · 8 pages · 14 passages · read ")
    examples = page.locator("#examples button")
    expect(examples).to_have_count(4, timeout=PATIENCE)
    examples.first.click()
    turn = page.locator(".turn")
    expect(answered(turn).locator("a.note").first).to_be_visible()


def test_a_question_gets_a_cited_answer(page, address):
    turn = answered(ask(page, address, PORT))
    expect(turn.locator(".answer")).to_contain_text("5580")
    note = turn.locator("a.note").first
    assert note.get_attribute("href") == SITE + "monitoring/#dashboard"
    assert note.get_attribute("target") == "_blank"
    source = turn.get_by_role("link", name="Monitoring › Dashboard", exact=True)
    assert source.get_attribute("href") == SITE + "monitoring/#dashboard"
    turn.get_by_text("Found 10 passages").click()
    first = turn.locator(".found > li").first
    first.locator("summary").click()
    expect(first.locator(".passage")).to_have_text(CHUNKS[10][2])


def test_a_footnote_shows_its_passage(page, address):
    turn = answered(ask(page, address, PORT))
    card = page.locator("#card")
    expect(card).to_be_hidden()
    note_of(turn, "5580").hover()
    expect(card).to_contain_text("Monitoring › Dashboard")
    expect(card.locator("mark")).to_contain_text("open port 5580")
    expect(card.locator("blockquote")).to_have_text(CHUNKS[10][2])
    page.mouse.move(1, 1)
    expect(card).to_be_hidden()


def test_a_tap_on_a_footnote_shows_its_passage_and_stays(browser, address):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    turn = answered(ask(page, address, PORT))
    note_of(turn, "5580").tap()
    card = page.locator("#card")
    expect(card.locator("mark")).to_contain_text("open port 5580")
    link = card.get_by_role("link", name="Open the passage")
    assert link.get_attribute("href") == SITE + "monitoring/#dashboard"
    assert len(context.pages) == 1
    context.close()


def test_unsupported_sentences_are_marked(page, slow):
    turn = answered(ask(page, slow.address, "How many tasks run at once?"))
    doubted = turn.locator(".answer .unsupported")
    expect(doubted).to_have_text("Elephants are grey and large.")
    turn.get_by_role("button", name="Not supported").hover()
    expect(page.locator("#card")).to_contain_text("None of the passages found says")


def test_thoughts_are_folded_and_no_part_of_the_answer(page, slow):
    turn = answered(ask(page, slow.address, "How many tasks run at once?"))
    expect(turn.locator(".answer")).not_to_contain_text("Let me")
    thought = turn.locator(".thought")
    expect(thought.locator("div")).to_be_hidden()
    thought.locator("summary").click()
    expect(thought.locator("div")).to_have_text("Let me <b>see</b>.")


def test_nothing_found_offers_the_nearest(page, address):
    turn = answered(ask(page, address, "Who won the football cup in 1990?"))
    expect(turn.locator(".answer")).to_contain_text("Not found in this documentation.")
    expect(turn.get_by_role("heading", name="The nearest pages")).to_be_visible()
    links = turn.locator(".sources a")
    expect(links).to_have_count(3)
    pages = [link.get_attribute("href").partition("#")[0] for link in links.all()]
    assert len(set(pages)) == 3
    assert all(page.startswith(SITE) for page in pages)


def test_code_has_colours_and_a_button_that_copies_it(page, address):
    turn = answered(ask(page, address, "Show me an example of how to define a task in code"))
    code = turn.locator("figure.code")
    expect(code.locator(".c-k", has_text="def")).to_be_visible()
    code.get_by_role("button", name="Copy").click()
    expect(page.locator("#toast")).to_have_text("Code copied")
    assert "def resize(path, width=640):\n    return" in page.evaluate(
        "navigator.clipboard.readText()"
    )


def test_a_follow_up(page, address):
    answered(ask(page, address, "How do I start the dashboard?"))
    turn = answered(ask_more(page, "and on which port?"))
    expect(turn.locator(".answer")).to_contain_text("5580")
    expect(page.locator(".turn")).to_have_count(2)


def test_the_answer_streams_and_stop_stops_it(page, slow):
    turn = ask(page, slow.address, "Tell me slowly about tasks")
    expect(turn.locator(".answer")).to_contain_text("word3", timeout=PATIENCE)
    note_of(turn, "eight tasks").hover()
    expect(page.locator("#card mark")).to_contain_text("eight tasks")
    assert "word400" not in turn.inner_text()
    page.get_by_role("button", name="Stop", exact=True).click()
    pressed = time.time()
    written, ended = ended_at(slow)
    assert written < 500
    assert ended - pressed < 5
    expect(turn.get_by_text("Stopped.")).to_be_visible()
    expect(turn.locator(".answer")).to_contain_text("word3")
    page.reload()
    expect(page.locator(".turn .answer")).to_contain_text("word3")


def test_leaving_the_page_ends_the_answer(browser, slow):
    page = browser.new_page()
    turn = ask(page, slow.address, "Tell me slowly about tasks")
    expect(turn.locator(".answer")).to_contain_text("word3", timeout=PATIENCE)
    page.close()
    assert ended_at(slow)[0] < 500


def ended_at(slow) -> tuple[int, float]:
    """How many words had been written, and when, once the answer has been ended."""
    deadline = time.time() + 20
    while not (slow.notes.exists() and slow.notes.read_text()) and time.time() < deadline:
        time.sleep(0.05)
    written, ended = slow.notes.read_text().split()
    slow.notes.unlink()
    return int(written), float(ended)


def test_waiting_is_said_and_past_the_line_it_is_busy(browser, slow):
    pages = [browser.new_page() for _ in range(3)]
    first, second, third = (
        ask(page, slow.address, f"Tell me slowly, {n}") for n, page in enumerate(pages)
    )
    expect(second).to_contain_text("Waiting: 1 in front of you")
    expect(third).to_contain_text("Busy, try again")
    expect(first.locator(".answer")).to_contain_text("word3", timeout=PATIENCE)
    pages[0].get_by_role("button", name="Stop", exact=True).click()
    expect(second.locator(".answer")).to_contain_text("word3", timeout=PATIENCE)
    for page in pages:
        page.close()
    ended_at(slow)


def test_retry_edit_and_undo(page, address):
    turn = answered(ask(page, address, "Which port is it?"))
    turn.get_by_role("button", name="Edit the question").click()
    turn.get_by_role("textbox", name="Edit the question").fill(PORT)
    page.keyboard.press("Enter")
    turn = answered(page.locator(".turn"))
    expect(turn.locator("h2")).to_have_text(PORT)
    expect(turn.locator(".answer")).to_contain_text("5580")
    turn.get_by_role("button", name="Answer again").click()
    expect(answered(page.locator(".turn")).locator(".answer")).to_contain_text("5580")
    answered(ask_more(page, "and signed messages?"))
    page.locator(".turn").last.get_by_role("button", name="Take the question back").click()
    expect(page.locator(".turn")).to_have_count(1)
    expect(field(page)).to_have_value("and signed messages?")


def test_editing_an_earlier_question_drops_what_came_after(page, address):
    answered(ask(page, address, PORT))
    answered(ask_more(page, "and signed messages?"))
    page.get_by_role("button", name="Edit the question").first.click()
    page.get_by_role("textbox", name="Edit the question").fill("How do I start a worker?")
    page.keyboard.press("Enter")
    expect(answered(page.locator(".turn").last).locator("h2")).to_have_text(
        "How do I start a worker?"
    )
    expect(page.locator(".turn")).to_have_count(1)


def test_conversations_are_kept_renamed_and_deleted(page, address):
    answered(ask(page, address, PORT))
    page.get_by_role("button", name="New conversation").click()
    answered(ask_more(page, "How do I start a worker?"))
    page.reload()
    kept = page.locator("#conversations .open")
    expect(kept).to_have_text(["How do I start a worker?", PORT])
    expect(page.locator(".turn h2")).to_have_text("How do I start a worker?")
    kept.nth(1).click()
    expect(page.locator(".turn .answer")).to_contain_text("5580")
    note_of(page.locator(".turn"), "5580").hover()
    expect(page.locator("#card mark")).to_contain_text("5580")
    page.get_by_role("button", name=f"Rename “{PORT}”").click()
    page.get_by_role("textbox", name="Name of the conversation").fill("The port")
    page.keyboard.press("Enter")
    expect(kept).to_have_text(["How do I start a worker?", "The port"])
    page.get_by_role("button", name="Delete “The port”").click()
    expect(kept).to_have_text(["How do I start a worker?"])
    expect(page.get_by_role("heading", name="Ask lantern and hostile")).to_be_visible()
    page.get_by_role("button", name="Bring it back").click()
    expect(kept).to_have_text(["The port", "How do I start a worker?"])


def test_a_conversation_is_exported_with_footnotes(page, address):
    answered(ask(page, address, PORT))
    answered(ask_more(page, "Are messages signed?"))
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Export the conversation as Markdown").click()
    assert downloading.value.suggested_filename == "Which port does the dashboard use.md"
    text = downloading.value.path().read_text()
    assert text.startswith(f"# {PORT}\n\n## {PORT}\n\n")
    assert "5580.[^1-1]" in text
    assert f"[^1-1]: [Monitoring › Dashboard]({SITE}monitoring/#dashboard) “" in text
    assert "## Are messages signed?" in text
    assert f": [Security › Signing]({SITE}security/#signing) “" in text


def test_a_link_to_a_question(page, address):
    turn = answered(ask(page, address, PORT))
    turn.get_by_role("button", name="Copy a link to the question").click()
    expect(page.locator("#toast")).to_have_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{address}/?q={quote(PORT, safe='').replace('%20', '+')}"
    page.goto(link)
    expect(answered(page.locator(".turn")).locator(".answer")).to_contain_text("5580")
    assert "?q=" not in page.url  # so that a reload does not ask again


def test_settings_are_kept_and_used(page, address):
    page.goto(address)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Passages to read").fill("3")
    page.get_by_label("Strict").check()
    page.get_by_role("button", name="Done").click()
    page.reload()
    with page.expect_request("**/answer") as asking:
        turn = answered(ask_more(page, PORT))
    expect(turn.get_by_text("Found 3 passages")).to_be_visible()
    assert asking.value.post_data_json["strict"] is True


def test_one_of_several_answerers_can_be_chosen(page, index, tiny_llama, tmp_path):
    started = ["--generator", "extractive", "--generator", str(tiny_llama)]
    with chat(index, tmp_path, *started) as server:
        turn = answered(ask(page, server.address, PORT))
        expect(turn.locator(".answer")).to_contain_text("5580")
        page.get_by_role("button", name="Settings").click()
        names = page.get_by_label("Answerer").locator("option")
        expect(names).to_have_text(["extractive", "tiny-llama"])
        page.get_by_label("Answerer").select_option("tiny-llama")
        page.get_by_role("button", name="Done").click()
        page.reload()
        turn = answered(ask_more(page, "How often is a task retried?"))
        expect(turn.locator(".answer")).to_contain_text("A task is retried three times")
        assert server.logged("ready")[0]["answerers"] == ["extractive", "tiny-llama"]


def test_what_was_typed_before_the_script_ran_is_asked(page, address):
    held = []
    page.route("**/page/chat.js", lambda route: held.append(route))
    page.goto(address, wait_until="commit")
    expect(field(page)).to_be_focused()
    page.keyboard.type(PORT)
    page.keyboard.press("Enter")
    held[0].continue_()
    expect(answered(page.locator(".turn").last)).to_contain_text("5580")


def test_an_overlong_question_is_not_sent(page, address):
    page.goto(address)
    field(page).fill("x" * 4001)
    expect(page.locator("#count")).to_have_text("4,001 / 4,000")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(0)


def test_a_server_that_is_gone_is_said(page, index, tmp_path):
    with chat(index, tmp_path) as server:
        page.goto(server.address)
        expect(page.locator("#state")).to_have_text("Ready")
        expect(page.locator("#examples button").first).to_be_visible(timeout=PATIENCE)
    turn = ask_more(page, PORT)
    expect(turn).to_contain_text("The server does not answer. Try again in a moment.")
    turn.get_by_role("button", name="Take the question back").click()
    expect(field(page)).to_have_value(PORT)
