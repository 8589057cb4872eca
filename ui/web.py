"""The web chat: the only module that imports gradio.

`build` makes the page, `launch` serves it, so that the page can be tested without a server and
the server with a real browser.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from rag.chatbot import Chatbot
from rag.data import Answer, FootnoteError, Message
from ui.markdown import answer_markdown, passages_html, text_markdown
from ui.rows import answer_row, hit_row

# A browser keeps up with this many seconds between updates; token by token it does not.
BEAT = 0.05
WAITING = 64  # questions in the queue before people are told to try again

_CSS = """
.passages details { border-top: 1px solid var(--border-color-primary); padding: .4em 0; }
.passages summary { cursor: pointer; }
.passages pre { white-space: pre-wrap; font-size: .85em; padding: .6em; overflow-x: auto; }
footer { display: none !important; }
"""


def build(bot: Chatbot) -> gr.Blocks:
    """The page, with the endpoints `/ask` and `/search` for programs."""

    def respond(question: str, history: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
        try:
            yield from _answer(bot, question, _plain(history))
        except FootnoteError as error:
            yield text_markdown(f"Sorry: {error}."), ""

    def ask(question: str, history: list[dict] | None = None) -> dict:
        """The answer: question, answer, abstained, citations, hits, generator, timings."""
        try:
            answer = bot.ask(question, _plain(history or []))
        except FootnoteError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return answer_row(question, answer, bot.answerer)

    def search(question: str, k: int = 10) -> list[dict]:
        """The k passages that best match the question, best first."""
        try:
            return [hit_row(hit) for hit in bot.search(question, int(k))]
        except FootnoteError as error:
            raise gr.Error(str(error), print_exception=False) from error

    with gr.Blocks(title="Footnote", analytics_enabled=False, fill_height=True) as page:
        gr.Markdown(f"# Footnote\n{_corpus(bot)}")
        passages = gr.HTML(render=False)
        gr.ChatInterface(
            respond,
            chatbot=gr.Chatbot(
                height="60vh",
                label="Answers",
                latex_delimiters=[],
                buttons=["copy"],
                feedback_options=None,
                placeholder="Ask a question; every sentence of the answer links to its source.",
            ),
            textbox=gr.Textbox(
                placeholder="Ask about the documentation",
                label="Question",
                show_label=False,
                submit_btn=True,
                stop_btn=True,
            ),
            additional_outputs=[passages],
            flagging_mode="never",
            api_visibility="private",
        )
        with gr.Accordion("Passages found", open=False):
            passages.render()
        gr.api(ask, api_name="ask")
        gr.api(search, api_name="search")
    return page.queue(max_size=WAITING, default_concurrency_limit=4)


def launch(bot: Chatbot, *, host: str, port: int, users: dict[str, str] | None = None) -> None:
    """Serves the page until interrupted. `users` are names and passwords; None lets all in.

    Raises FootnoteError if the address cannot be listened on.
    """

    def known(name: str, password: str) -> bool:
        expected = (users or {}).get(name, "")
        return bool(expected) and hmac.compare_digest(expected.encode(), password.encode())

    fonts = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]  # none fetched from a host
    try:
        build(bot).launch(
            server_name=host,
            server_port=port or None,
            auth=known if users else None,
            share=False,
            ssr_mode=False,
            pwa=False,
            quiet=True,
            show_error=False,
            footer_links=[],
            theme=gr.themes.Default(font=fonts[0], font_mono=fonts[1]),
            css=_CSS,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise FootnoteError(
            f"cannot listen on {host}:{port}: {error}; choose another --port"
        ) from error
    print(f"Footnote is at http://{host}:{port}  (Ctrl-C ends it)", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        gr.close_all(verbose=False)


def read_users(path: Path) -> dict[str, str]:
    """Names and passwords from a file of `name:password` lines.

    Raises FootnoteError if it cannot be read or a line is not of that form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FootnoteError(f"cannot read users from {str(path)!r}: {error}") from error
    users = {}
    for number, line in enumerate(lines, 1):
        name, colon, password = line.partition(":")
        if line.strip() and not (name and colon and password):
            raise FootnoteError(f"{path}, line {number}: write name:password")
        if line.strip():
            users[name] = password
    if not users:
        raise FootnoteError(f"{str(path)!r} names no user: write name:password lines")
    return users


def _answer(bot: Chatbot, question: str, history: list[Message]) -> Iterator[tuple[str, str]]:
    """The answer so far, and the passages, as often as a browser can show them."""
    text, shown_at = "", 0.0
    for event in bot.stream(question, history):
        if isinstance(event, Answer):
            yield answer_markdown(event), passages_html(event.hits)
        else:
            text += event
            if time.monotonic() - shown_at >= BEAT:
                yield text_markdown(text), ""
                shown_at = time.monotonic()


def _plain(history: list[dict[str, Any]]) -> list[Message]:
    """Gradio's messages, whose content is a list of blocks, as plain role and content."""
    plain: list[Message] = []
    for message in history:
        content = message["content"]
        if not isinstance(content, str):
            content = "\n".join(block.get("text", "") for block in content)
        plain.append({"role": message["role"], "content": content})
    return plain


def _corpus(bot: Chatbot) -> str:
    """What is being asked about: each source's name, pages and date."""
    sources = [
        f"{source['title']} ({source['pages']:,} pages, read {source['ingested'][:10]})"
        for source in bot.info()["sources"].values()
    ]
    return text_markdown("Answers from " + ", ".join(sources) + ", each with its footnotes.")
