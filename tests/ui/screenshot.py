"""Takes a picture of the web chat answering a question: screenshot.py INDEX PICTURE."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from test_web import CHROMIUM_FLAGS, free_port, serve, stopped

QUESTION = "How do I stream generated text token by token?"


def main(index: str, picture: str) -> None:
    port = free_port()
    command = [str(Path(sys.executable).parent / "footnote"), "chat"]
    server = serve([*command, "--index", index, "--port", str(port)], port)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS
            )
            page = browser.new_page(viewport={"width": 1280, "height": 860})
            page.goto(f"http://127.0.0.1:{port}")
            page.get_by_role("textbox").fill(QUESTION)
            page.keyboard.press("Enter")
            page.get_by_text("Footnotes", exact=True).wait_for(timeout=60_000)
            page.wait_for_timeout(1000)
            page.screenshot(path=picture)
            browser.close()
    finally:
        stopped(server)


if __name__ == "__main__":
    main(*sys.argv[1:])
