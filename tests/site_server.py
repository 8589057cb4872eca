"""A web site on this machine, for tests of what fetches from one."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HTML, MARKDOWN, TEXT, XML = "text/html; charset=utf-8", "text/markdown", "text/plain", "text/xml"


@dataclass
class Answer:
    """What the site gives for a path; a length of its own is for answers that break off."""

    body: str | bytes = ""
    type: str = TEXT
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


def moved(to: str) -> Answer:
    return Answer(status=302, headers={"Location": to})


# An answer, one for each time it is asked (the last for ever), or what writes it itself.
Given = Answer | list[Answer] | Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Site:
    url: str
    pages: dict[str, Given]
    asked: list[tuple[str, str]] = field(default_factory=list)  # method and path, in order
    headers: list[dict[str, str]] = field(default_factory=list)  # of each of them

    def paths(self, method: str = "GET") -> list[str]:
        """What has been asked for, robots.txt apart."""
        return [path for how, path in self.asked if how == method and path != "/robots.txt"]


@contextmanager
def site(
    pages: dict[str, Given], certificate: Path | None = None, key: Path | None = None
) -> Iterator[Site]:
    """Serves `pages` by path on 127.0.0.1, with a certificate by TLS; notes what is asked for."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            here.asked.append((self.command, self.path))
            here.headers.append({name.lower(): value for name, value in self.headers.items()})
            given = here.pages.get(self.path, Answer(status=404))
            if callable(given):
                self.close_connection = True
                given(self)
                return
            if isinstance(given, list):
                given = given.pop(0) if len(given) > 1 else given[0]
            self.answer(given)

        do_HEAD = do_GET

        def answer(self, given: Answer) -> None:
            etag = given.headers.get("ETag")
            since = given.headers.get("Last-Modified")
            unchanged = (etag and self.headers["If-None-Match"] == etag) or (
                since and self.headers["If-Modified-Since"] == since
            )
            self.send_response(304 if unchanged else given.status)
            content = b"" if unchanged else given.content
            for name, value in {
                "Content-Type": given.type,
                "Content-Length": str(len(content)),
                **given.headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            pass  # a client that hangs up is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    here = Site(f"http{'s' * bool(certificate)}://127.0.0.1:{server.server_port}", pages)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    ).start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
