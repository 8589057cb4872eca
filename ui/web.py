"""The endpoints for programs, `/ask` and `/search`: the only module that imports gradio.

Gradio runs in its Server mode: its typed interface, queue and clients, with the page as a front of
our own. Its other routes (files, uploads, proxies) are not served; see server.py.
"""

from __future__ import annotations

import gradio as gr
from fastapi import FastAPI

from rag.data import FootnoteError
from ui.desk import PASSAGES, Desk, read_asked
from ui.rows import answer_row, hit_row

# The paths of Gradio's that its clients need.
PATHS = (
    "config",
    "gradio_api/info",
    "gradio_api/openapi.json",
    "gradio_api/call/",
    "gradio_api/queue/",
    "gradio_api/heartbeat/",
    "gradio_api/cancel",
)


def endpoints(desk: Desk, root_path: str) -> FastAPI:
    """Gradio's application with the endpoints that answer at the desk."""

    async def ask(
        question: str,
        request: gr.Request,
        history: list[dict] | None = None,
        k: int = PASSAGES,
        strict: bool = False,
    ) -> dict:
        """The answer: question, answer, abstained, confidence, claims, citations, hits, generator,
        timings."""
        try:
            given = {"question": question, "history": history, "k": k, "strict": strict}
            answer = await desk.ask(read_asked(given, _who(request)))
        except FootnoteError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return answer_row(question, answer, next(iter(desk.bots)))

    async def search(question: str, request: gr.Request, k: int = PASSAGES) -> list[dict]:
        """The k passages that best match the question, best first."""
        try:
            asked = read_asked({"question": question, "k": k}, _who(request))
            hits = await desk.search(asked)
        except FootnoteError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return [hit_row(hit) for hit in hits]

    with gr.Blocks(title="Footnote", analytics_enabled=False, mode="server") as blocks:
        gr.api(ask, api_name="ask", concurrency_limit=None)
        gr.api(search, api_name="search", concurrency_limit=None)
    blocks.queue(max_size=desk.limits.waiting + desk.limits.concurrent)
    return gr.mount_gradio_app(
        FastAPI(openapi_url=None),
        blocks,
        path="/",
        root_path=root_path or None,
        run_history=False,
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
    )


def _who(request: gr.Request) -> str:
    """The person, as the server knows them."""
    assert request.request is not None  # the endpoints are only served over HTTP
    return request.request.scope["state"]["who"]
