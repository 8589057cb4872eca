"""Takes the README's pictures of the web chat: screenshot.py INDEX FOLDER.

The page at a desk in light and on a phone in dark, each with an answer and a footnote's passage.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from asking import answered, ask
from playwright.sync_api import Browser, expect, sync_playwright
from serving import CHROMIUM_FLAGS, chat

QUESTION = "How do I stream generated text token by token?"
DESK = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "color_scheme": "dark",
    "device_scale_factor": 2,
    "has_touch": True,
}


def main(index: str, folder: str) -> None:
    with (
        tempfile.TemporaryDirectory() as output,
        chat(Path(index), Path(output)) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
        )
        take(browser, server.address, DESK, Path(folder, "chat.png"))
        take(browser, server.address, PHONE, Path(folder, "chat-phone.png"))
        browser.close()


def take(browser: Browser, address: str, how: dict, picture: Path) -> None:
    page = browser.new_context(**how).new_page()
    turn = answered(ask(page, address, QUESTION))
    expect(page.locator("#state")).to_have_text("Ready")
    note = turn.locator("a.note").nth(1)
    if how.get("has_touch"):
        note.tap()
    else:
        note.hover()
    expect(page.locator("#card")).to_be_visible()
    page.wait_for_timeout(500)  # until the scrolling has ended
    page.screenshot(path=picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
