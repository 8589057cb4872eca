"""What people do on the web chat's page, for tests in a real browser."""

from playwright.sync_api import Locator, Page, expect

PATIENCE = 30_000  # milliseconds; two cores may be busy


def field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Your question")


def ask(page: Page, address: str, question: str) -> Locator:
    """Asks on a page that is opened for it; returns the turn, which may not be answered yet."""
    page.goto(address)
    return ask_more(page, question)


def ask_more(page: Page, question: str) -> Locator:
    field(page).fill(question)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=question).last).to_be_visible()
    return page.locator(".turn").last


def answered(turn: Locator) -> Locator:
    """The turn, once it has an answer."""
    expect(turn.get_by_role("button", name="Answer again")).to_be_visible(timeout=PATIENCE)
    return turn
