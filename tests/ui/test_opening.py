"""The page while the models open: seen at once, never dead, and it says when all is there."""

import subprocess
import sys
from pathlib import Path

from asking import PATIENCE, answered, ask_more
from playwright.sync_api import expect
from serving import Server, chat, free_port

PORT = "Which port does the dashboard use?"


def test_a_question_asked_too_early_waits(page, lantern, tmp_path):
    port, go = free_port(), tmp_path / "go"
    script = Path(__file__).with_name("late_server.py")
    command = [sys.executable, str(script), str(lantern), str(port), str(go)]
    server = Server(command, port, tmp_path / "output.txt")
    try:
        server.until("/")
        page.goto(server.address)
        expect(page.get_by_role("heading", name="Ask lantern")).to_be_visible()
        expect(page.locator("#state")).to_have_text("Opening the models…")
        turn = ask_more(page, PORT)
        expect(turn).to_contain_text("Waiting for the models to open…")
        go.touch()
        expect(answered(turn).locator(".answer")).to_contain_text("5580", timeout=PATIENCE)
        expect(page.locator("#state")).to_have_text("Ready")
    finally:
        assert "Traceback" not in server.stop()


def test_it_ends_when_told_to(lantern, tmp_path):
    with chat(lantern, tmp_path) as server:
        pass
    assert server.process.returncode in (0, -15)


def test_help_is_light():
    code = (
        "import sys; import ui.cli; print([m for m in ('gradio', 'starlette') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
