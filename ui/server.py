"""The web chat's server: it can be seen at once, and opens its chatbots behind that.

    GET  /            the page, and /page/... its style and scripts
    GET  /about       what is answered from, and whether that is open yet
    GET  /health      for the operator's monitoring
    POST /answer      an answer as it comes, one JSON object a line
    POST /feedback    what somebody thinks of an answer
    POST /export      a conversation as Markdown
    POST /login, /logout
    everything else   the endpoints for programs (web.py) and tools (tools.py)

This module knows nothing of retrieval, or of how answers are made.
"""

from __future__ import annotations

import asyncio
import json
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.data import FootnoteError
from ui.conversation import conversation_markdown, read_conversation
from ui.desk import MOST_PASSAGES, PASSAGES, Asked, Desk, Limits, Waiting, log, read_asked
from ui.door import COOKIE, Door, is_loopback
from ui.feedback import Feedback
from ui.page import Corpus, files, login_page, start_page
from ui.shown import shown
from ui.users import PROOF_LASTS, Users

if TYPE_CHECKING:
    from rag.chatbot import Chatbot

HEARTBEAT = 10.0  # seconds of silence after which a connection is told that it lives
GRACE = 3  # seconds for answers to end when the server is stopped
# Seconds until a connection without a question is closed: more than clients and proxies keep one,
# so that none is closed while a question is on its way.
IDLE = 90


@dataclass(frozen=True, slots=True)
class Service:
    """How an operator wants it served; see `footnote chat --help`."""

    host: str = "127.0.0.1"
    port: int = 7860
    host_names: frozenset[str] = frozenset()
    root_path: str = ""
    users: Users | None = None
    limits: Limits = field(default_factory=Limits)
    feedback: Path = Path("runs/feedback.jsonl")
    log_questions: bool = False
    mcp: bool = False


def launch(
    sources: dict[str, Any], open_bots: Callable[[], dict[str, Chatbot]], service: Service
) -> None:
    """Serves until interrupted.

    `sources` is what the index's manifest says of them; `open_bots` gives the chatbots by the
    names of their answerers and is called once the page can be seen. Raises FootnoteError if the
    address cannot be listened on, or if `open_bots` does.
    """
    listening = _listen(service.host, service.port)
    port = listening.getsockname()[1]
    chat = Chat(Corpus(sources), open_bots, service)
    config = uvicorn.Config(
        chat.app,
        log_config=None,
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=IDLE,
    )
    server = uvicorn.Server(config)
    chat.give_up = partial(setattr, server, "should_exit", True)
    print(f"Footnote is at http://{service.host}:{port}{service.root_path}", flush=True)
    server.run(sockets=[listening])
    if chat.failure:
        raise chat.failure


class Chat:
    """The application: `app` for a server to run."""

    def __init__(
        self, corpus: Corpus, open_bots: Callable[[], dict[str, Chatbot]], service: Service
    ):
        self.failure: BaseException | None = None
        self.give_up: Callable[[], None] = lambda: None
        self._corpus = corpus
        self._open_bots = open_bots
        self._service = service
        self._desk = Desk(service.limits, service.log_questions)
        self._feedback = Feedback(service.feedback, corpus.versions)
        self._examples: list[str] | None = None
        self._programs = Later()
        self._files = files()
        get, post = partial(_route, "GET"), partial(_route, "POST")
        routes = [
            get("/", self._page),
            get("/page/{name}", self._file),
            get("/about", self._about),
            get("/health", self._health),
            post("/answer", self._answer),
            post("/feedback", self._rate),
            post("/export", self._export),
            post("/login", self._log_in),
            post("/logout", self._log_out),
            Mount("/", self._programs),
        ]
        inner = Starlette(routes=routes, lifespan=self._lifespan)
        # Beyond loopback, what leads here is the network's to know.
        hosts = service.host_names if is_loopback(service.host) else None
        self._door = Door(inner, service.users, service.root_path, hosts, login_page())
        self.app: ASGIApp = self._door

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        ending = asyncio.Event()
        opening = asyncio.create_task(self._open(ending))
        opening.add_done_callback(self._opened)
        yield
        ending.set()
        if self._desk.ready:  # a model that is loading cannot be interrupted
            await asyncio.wait([opening])

    async def _open(self, ending: asyncio.Event) -> None:
        """Opens the chatbots, then the rest; the endpoints stay open until the server ends."""
        self._desk.open(await asyncio.to_thread(self._open_bots))
        log("ready", answerers=list(self._desk.bots))
        self._examples = await asyncio.to_thread(self._find_examples)
        async with AsyncExitStack() as stack:
            self._programs.set(await self._open_programs(stack))
            log("endpoints ready", mcp=self._service.mcp)
            await ending.wait()

    def _opened(self, opening: asyncio.Task[None]) -> None:
        """Ends the server where it could not open all that it is for."""
        if not opening.cancelled() and opening.exception():
            self.failure = opening.exception()
            self.give_up()

    def _find_examples(self) -> list[str]:
        from ui.examples import examples

        return examples(next(iter(self._desk.bots.values())))

    async def _open_programs(self, stack: AsyncExitStack) -> ASGIApp:
        """Gradio's endpoints, and the tools where they are wanted."""

        def load() -> tuple[Any, tuple[str, ...], Any]:
            from ui.web import PATHS, endpoints

            server = None
            if self._service.mcp:
                from ui.tools import tools

                server = tools(self._desk)
            return endpoints(self._desk, self._service.root_path), PATHS, server

        programs, paths, server = await asyncio.to_thread(load)
        await stack.enter_async_context(programs.router.lifespan_context(programs))
        mcp = None
        if server:
            mcp = server.streamable_http_app()
            await stack.enter_async_context(server.session_manager.run())

        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"].lstrip("/")
            if mcp and path.rstrip("/") == "mcp":
                await mcp({**scope, "path": "/mcp", "root_path": ""}, receive, send)
            elif path.startswith(paths):
                await programs(scope, receive, send)
            else:
                await JSONResponse({"error": "not found"}, 404)(scope, receive, send)

        return choose

    async def _page(self, request: Request) -> Response:
        return Response(
            start_page(self._corpus, self._state(request)), media_type="text/html; charset=utf-8"
        )

    async def _file(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            return JSONResponse({"error": "not found"}, 404)
        content, kind = found
        return Response(content, media_type=kind, headers={"Cache-Control": "no-cache"})

    async def _about(self, request: Request) -> Response:
        return JSONResponse(self._state(request))

    async def _health(self, request: Request) -> Response:
        ready = self._desk.ready
        state = {"state": "ready" if ready else "opening", "endpoints": self._programs.there}
        return JSONResponse({**state, **self._desk.load}, 200 if ready else 503)

    async def _answer(self, request: Request) -> Response:
        asked = read_asked(await _json(request), request.state.who)
        events = self._desk.stream(
            asked,
            partial(shown, remember=partial(self._remember, asked)),
        )
        return StreamingResponse(
            _lines(events),
            media_type="application/x-ndjson",
            headers={"X-Accel-Buffering": "no"},
        )

    def _remember(self, asked: Asked, answer: Any) -> str:
        answerer = asked.answerer or next(iter(self._desk.bots))
        return self._feedback.remember(asked.question, asked.history, answer, answerer)

    async def _rate(self, request: Request) -> Response:
        given = await _json(request)
        add = partial(
            self._feedback.add,
            str(given.get("id")),
            given.get("rating", ""),
            str(given.get("comment", "")),
        )
        await asyncio.to_thread(add)
        log("feedback", rating=given["rating"])
        return JSONResponse({"saved": True})

    async def _export(self, request: Request) -> Response:
        name, turns = read_conversation(await _json(request))
        text = await asyncio.to_thread(conversation_markdown, name, turns)
        return Response(text, media_type="text/markdown; charset=utf-8")

    async def _log_in(self, request: Request) -> Response:
        form = await request.form(max_files=0, max_fields=5)
        address = request.client.host if request.client else "?"
        proof = await self._door.log_in(
            str(form.get("username", "")), str(form.get("password", "")), address
        )
        if proof is None:
            return JSONResponse({"error": "wrong name or password"}, 400)
        response = JSONResponse({"success": True})
        response.set_cookie(
            COOKIE,
            proof,
            max_age=PROOF_LASTS,
            path=self._service.root_path or "/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def _log_out(self, request: Request) -> Response:
        response = JSONResponse({"success": True})
        response.delete_cookie(COOKIE, path=self._service.root_path or "/")
        return response

    def _state(self, request: Request) -> dict[str, Any]:
        """What the page needs to know; `examples` are null until they are found."""
        limits = self._service.limits
        return {
            "ready": self._desk.ready,
            "examples": self._examples,
            "answerers": list(self._desk.bots),
            "passages": {"default": PASSAGES, "most": MOST_PASSAGES},
            "question": limits.question,
            "user": request.state.user,
        }


class Later:
    """An application that is not there yet: requests wait until it is."""

    def __init__(self) -> None:
        self._there = asyncio.Event()
        self._app: ASGIApp | None = None

    def set(self, app: ASGIApp) -> None:
        """Lets the requests through."""
        self._app = app
        self._there.set()

    @property
    def there(self) -> bool:
        """Whether requests go through."""
        return self._there.is_set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._there.wait()
        assert self._app is not None
        await self._app(scope, receive, send)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except OSError as error:
        raise FootnoteError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --port"
        ) from error
    return listening


def _route(method: str, path: str, handle: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose FootnoteErrors are answers."""

    async def handled(request: Request) -> Response:
        try:
            return await handle(request)
        except FootnoteError as error:
            return JSONResponse({"error": str(error)}, 400)
        except ClientDisconnect:
            return Response(status_code=400)

    return Route(path, handled, methods=[method])


async def _json(request: Request) -> dict[str, Any]:
    """The object in the request's body; raises FootnoteError if there is none."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise FootnoteError("send application/json")
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise FootnoteError("the body is not JSON") from error
    if not isinstance(given, dict):
        raise FootnoteError("the body is not a JSON object")
    return given


async def _lines(events: Any) -> AsyncIterator[bytes]:
    """The events as lines of JSON, an empty line where nothing has come for a while, and an error
    as the last event."""
    async with aclosing(events):
        waiting: asyncio.Task[Any] | None = None
        try:
            while True:
                waiting = waiting or asyncio.ensure_future(anext(events))
                done, _ = await asyncio.wait([waiting], timeout=HEARTBEAT)
                if not done:
                    yield b"\n"
                    continue
                event, waiting = waiting.result(), None
                if isinstance(event, Waiting):
                    event = {"event": "waiting", "ahead": event.ahead}
                yield _line(event)
        except StopAsyncIteration:
            return
        except FootnoteError as error:
            log("refused", error=type(error).__name__)
            yield _line({"event": "error", "message": str(error)})
        except Exception as error:  # noqa: BLE001  a defect: it is in the log, and nobody waits
            log("failed", error=type(error).__name__, traceback=traceback.format_exc())
            yield _line({"event": "error", "message": "something went wrong on the server"})
        finally:
            if waiting and not waiting.done():
                waiting.cancel()
                await asyncio.wait([waiting])


def _line(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "replace")
