"""The tools for other people's models, `ask` and `search`, over the Model Context Protocol.

They answer at the same desk as the page. Needs the extra `mcp`.
"""

from __future__ import annotations

from typing import Any

from rag.data import FootnoteError
from ui.desk import PASSAGES, Asked, Desk
from ui.markdown import place_name

try:
    from mcp.server.fastmcp import Context, FastMCP
    from mcp.server.transport_security import TransportSecuritySettings
except ImportError as error:
    raise FootnoteError("--mcp needs the extra: pip install 'footnote[mcp]'") from error

WHAT = "Answers questions about documentation; every sentence carries a link to its passage."


def tools(desk: Desk) -> FastMCP:
    """The server of the two tools; its path is /mcp, and it keeps nothing between calls."""
    server = FastMCP(
        "footnote",
        instructions=WHAT,
        stateless_http=True,
        json_response=True,
        # Who may come in is settled before (door.py); the host as well.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        log_level="WARNING",
    )

    @server.tool()
    async def ask(question: str, context: Context, strict: bool = False) -> dict[str, Any]:
        """Answer a question from the documentation. In `answer`, [n] refers to `citations`: each
        has the URL of its passage and the words quoted from it. Where `abstained`, the
        documentation holds no answer. Under `strict` nothing unsupported is said."""
        answer = await desk.ask(Asked(question, who=_who(context), strict=strict))
        return {
            "answer": answer.text,
            "abstained": answer.abstained,
            "citations": [
                {"marker": note.marker, "url": note.url, "quote": note.quote}
                for note in answer.citations
            ],
        }

    @server.tool()
    async def search(question: str, context: Context, k: int = PASSAGES) -> dict[str, Any]:
        """Find the k passages of the documentation that best match a question, best first."""
        hits = await desk.search(Asked(question, who=_who(context), k=k))
        return {
            "passages": [
                {
                    "url": hit.passage.url,
                    "place": place_name(hit.passage),
                    "text": hit.passage.text,
                    "score": round(hit.score, 4),
                }
                for hit in hits
            ]
        }

    return server


def _who(context: Context) -> str:
    """The person, as the server knows them."""
    request = context.request_context.request
    assert request is not None  # the tools are only served over HTTP
    return request.scope["state"]["who"]
