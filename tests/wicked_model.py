"""An OpenAI-style server whose model writes one attack after the other, each with a footnote."""

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def serving(attacks: Sequence[str]) -> Iterator[str]:
    """The server's address, as `--generator` takes it."""
    turns = itertools.cycle(attacks)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply("application/json", json.dumps({"data": [{"id": "wicked"}]}))

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            attack = next(turns)
            said = (
                f"Start it with lantern dashboard and open port 5580. [1] {attack}\n\n{attack} [1]"
            )
            pieces = [said[at : at + 7] for at in range(0, len(said), 7)]
            chunks = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in pieces]
            events = [
                json.dumps({"id": "1", "object": "chat.completion.chunk", **c}) for c in chunks
            ]
            self.reply(
                "text/event-stream", "".join(f"data: {one}\n\n" for one in [*events, "[DONE]"])
            )

        def reply(self, kind, text):
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
