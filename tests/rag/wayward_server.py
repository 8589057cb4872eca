"""An OpenAI-style server by the wire format, which goes wrong, most often after three pieces.

    python wayward_server.py HOW     prints its port, then what it sees of the client

It stands beside `transformers serve`, which cannot be made to fail on demand.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOW = sys.argv[1]


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        with_key = self.headers["authorization"] == "Bearer sesame"
        self.send_response(200 if with_key or HOW != "wants a key" else 401)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(json.dumps({"object": "list", "data": [{"id": "wayward"}]}).encode())

    def do_POST(self):
        print("authorization:", self.headers["authorization"], flush=True)
        self.rfile.read(int(self.headers["content-length"]))
        Handler.asked += 1
        if (HOW == "is busy at first" and Handler.asked < 3) or HOW == "is broken":
            self.send_response(503 if HOW == "is busy at first" else 400)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Connection", "close")
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self.answer()
        except OSError:
            print("the client has gone", flush=True)

    def answer(self):
        if HOW == "thinks":
            self.event(piece("hm", field="reasoning"))
        for number in range(3):
            self.event(piece(f"{number} "))
        if HOW == "reports an error":
            self.event(json.dumps({"error": {"message": "out of memory", "code": 500}}))
        elif HOW == "talks nonsense":
            self.event("{oops")
        elif HOW == "goes on":
            for number in range(3, 600):
                self.event(piece(f"{number} "))
                time.sleep(0.05)
        elif HOW != "dies":
            self.wfile.write(b"0\r\n\r\n")

    def event(self, text):
        data = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, *_):
        pass


def piece(text, field="content"):
    choice = {"index": 0, "delta": {"role": "assistant", field: text}}
    return json.dumps({"id": "1", "created": 1, "model": "wayward", "choices": [choice]})


Handler.protocol_version = "HTTP/1.1"
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
