"""The page for people who see, hear or point otherwise: axe-core, the keyboard, large letters."""

import pytest
from asking import answered, ask, ask_more, field
from axe_playwright_python.sync_playwright import Axe
from lantern import SITE
from playwright.sync_api import expect

PORT = "Which port does the dashboard use?"
SERIOUS = ("serious", "critical")


def faults(page) -> list[str]:
    """The serious faults that axe-core finds on the page as it stands."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['html']}"
        for fault in found
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_no_serious_fault(browser, served, scheme, width):
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
        bypass_csp=True,  # for axe's own script
    )
    page = context.new_page()
    page.goto(served.address)
    expect(page.locator("#examples button")).to_have_count(4, timeout=30_000)
    assert faults(page) == []
    turn = answered(ask_more(page, PORT))
    turn.locator(".step summary").first.click()
    turn.locator(".found summary").first.click()
    turn.locator("a.note").first.focus()
    expect(page.locator("#card")).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    turn.get_by_role("button", name="A bad answer").click()
    expect(turn.get_by_role("textbox", name="Comment")).to_be_visible()
    assert faults(page) == []
    answered(ask_more(page, "Show me an example of how to define a task in code"))
    answered(ask_more(page, "Who won the football cup in 1990?"))
    page.get_by_role("button", name="Edit the question").first.click()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings").click()
    assert faults(page) == []
    page.keyboard.press("Escape")
    if width < 960:
        page.get_by_role("button", name="Conversations").click()
        assert faults(page) == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unsupported_sentences_have_no_serious_fault(browser, slow, scheme):
    context = browser.new_context(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    page = context.new_page()
    turn = answered(ask(page, slow.address, "How many tasks run at once?"))
    turn.locator(".thought summary").click()
    assert faults(page) == []
    context.close()


def test_keyboard_only_from_question_to_source(page, address):
    """No pointer: the question is typed, the footnote reached, its passage shown, its page opened."""
    page.goto(address)
    expect(field(page)).to_be_focused()
    page.keyboard.type(PORT)
    page.keyboard.press("Enter")
    answered(page.locator(".turn"))
    expect(field(page)).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('a.note')"):
            break
    expect(page.locator("#card")).to_be_visible()
    expect(page.locator("#card mark")).not_to_be_empty()
    href = page.evaluate("document.activeElement.href")
    assert href.startswith(SITE)
    page.context.route(f"{SITE}**", lambda route: route.fulfill(body="the page"))
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    assert opened.value.url == href
    page.keyboard.press("Escape")
    expect(page.locator("#card")).to_be_hidden()


def test_what_happens_is_said(page, address):
    answered(ask(page, address, PORT))
    expect(page.locator("#spoken")).to_contain_text("Answered, with")
    assert page.locator("#spoken").get_attribute("role") == "status"


@pytest.mark.parametrize("width", [720, 320])
def test_readable_at_200_percent(browser, served, width):
    """1440 and 640 wide at 200% are 720 and 320 of CSS: nothing is cut off or scrolls sideways."""
    context = browser.new_context(viewport={"width": width, "height": 450}, device_scale_factor=2)
    page = context.new_page()
    answered(ask(page, served.address, PORT))
    answered(ask_more(page, "Show me an example of how to define a task in code"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ["Settings", "Conversations", "Ask"]:
        box = page.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    context.close()
