"""What every request passes before anything else: paths, host, size, other sites, who it is.

It answers what may not come in, and puts headers on all that goes out. This module knows nothing
of questions or pages.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Container
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.gate import Busy, Rate
from ui.users import Users

COOKIE = "footnote"
BODY = 8 * 2**20  # bytes of a request
ATTEMPTS = 10  # at logging in, a minute and address
OPEN_TO_ALL = ("/health", "/login", "/page/")

# Nothing but our own style and script; no frame, no form, no request to any other host.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Door:
    """Lets in whom `users` knows, and everybody where it is None.

    `hosts` are the names, beside this machine's own, under which it may be asked; None is any.
    """

    def __init__(
        self,
        app: ASGIApp,
        users: Users | None,
        root_path: str,
        hosts: Container[str] | None,
        login_page: str,
    ):
        self._app = app
        self._users = users
        self._root_path = root_path
        self._hosts = hosts
        self._login_page = login_page
        self._attempts = Rate(ATTEMPTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a websocket is closed unanswered: nothing here speaks it
        await self._serve(self._below_root(scope), receive, _with_headers(send))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope["client"] else "?"
        host = _host(headers)
        if self._hosts is not None and not (is_loopback(host) or host in self._hosts):
            # A foreign name that leads here: its page would pass for ours in a browser.
            refused: Response = JSONResponse(
                {"error": f"not known as {host!r}: start with --host-name to allow it"}, 421
            )
        elif scope["method"] not in ("GET", "HEAD") and headers.get("sec-fetch-site") in (
            "cross-site",
            "same-site",
        ):
            refused = JSONResponse({"error": "not from another site"}, 403)
        elif _size(headers) > BODY:
            refused = JSONResponse({"error": f"at most {BODY:,} bytes are read"}, 413)
        else:
            try:
                name = await self._name(headers, address)
            except Busy as busy:
                await JSONResponse({"error": str(busy)}, 429)(scope, receive, send)
                return
            if self._users is None or name or scope["path"].startswith(OPEN_TO_ALL):
                known = {"who": name or address, "user": name}
                scope["state"] = {**scope.get("state", {}), **known}
                await self._app(scope, _limited(receive), send)
                return
            if scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
                refused = Response(self._login_page, 401, media_type="text/html")
            else:
                refused = JSONResponse({"error": "log in first", "detail": "log in first"}, 401)
        await refused(scope, receive, send)

    async def log_in(self, name: str, password: str, address: str) -> str | None:
        """The proof for the browser to keep; None for a wrong name or password.

        Raises Busy after too many attempts.
        """
        self._attempts.count(address)
        users = self._users
        if users is None or not await asyncio.to_thread(users.knows, name, password):
            return None
        return users.proof(name)

    async def _name(self, headers: Headers, address: str) -> str | None:
        """Whose request it is, by the cookie or by HTTP's basic authorization."""
        if self._users is None:
            return None
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        if cookie and (name := self._users.shown(cookie.value)):
            return name
        kind, _, value = headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            name, _, password = b64decode(value).decode().partition(":")
        except ValueError:
            return None
        return name if await self.log_in(name, password, address) else None

    def _below_root(self, scope: Scope) -> Scope:
        """The request as if no proxy had put a path before ours, whether or not it took it off."""
        path = scope["path"]
        if self._root_path and (path + "/").startswith(self._root_path + "/"):
            path = path[len(self._root_path) :] or "/"
        return {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = POLICY
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending


def _limited(receive: Receive) -> Receive:
    """Ends the request where more comes than its headers said."""
    left = BODY

    async def receiving() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return receiving


def is_loopback(host: str) -> bool:
    """Whether only this machine itself is reached by that name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(headers: Headers) -> str:
    """The name that the request was sent to, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _size(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdigit() else BODY + 1
