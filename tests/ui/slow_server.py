"""Serves the web chat with an answerer that takes its time, to see streaming and stopping.

    python slow_server.py INDEX PORT NOTES

It thinks a little, then writes a word every tenth of a second, for a minute, and to the file
NOTES the number of words it had written when it was ended. A question that holds "at once" is
answered at once. One answer is written at a time, and one more question may wait.
"""

import sys
import time
from pathlib import Path

from rag.chatbot import Chatbot
from rag.data import Draft, Thought
from rag.encoder import SentenceEncoder
from rag.index import Index
from rag.manifest import read_manifest
from rag.retriever import Retriever
from ui.desk import Limits
from ui.server import Service, launch

SAID = "One worker process runs eight tasks at a time."


class SlowAnswerer:
    name = "slow"

    def __init__(self, notes: Path):
        self._notes = notes

    def standalone(self, question, history, stop):
        return ""

    def draft(self, question, hits, history, confidence, stop):
        return Draft(hits, self._at_once() if "at once" in question else self._write(stop))

    def _at_once(self):
        yield Thought("Let me <b>see</b>. ")
        yield f"{SAID} [1] Elephants are grey and large. "

    def _write(self, stop):
        written = 0
        yield Thought("Let me think. ")
        try:
            for written in range(600):
                yield f"word{written} " + (f". {SAID} [1] " if written == 5 else "")
                if stop.wait(0.1):
                    return
        finally:
            self._notes.write_text(f"{written} {time.time()}")


if __name__ == "__main__":
    index_folder, port, notes = sys.argv[1:]

    def open_bots():
        index, encoder = Index.open(index_folder), SentenceEncoder()
        return {"slow": Chatbot(index, Retriever(index, encoder), SlowAnswerer(Path(notes)))}

    service = Service(
        port=int(port),
        limits=Limits(concurrent=1, waiting=1, rate=1000),
        feedback=Path(notes).with_name("feedback.jsonl"),
    )
    launch(read_manifest(Path(index_folder))["sources"], open_bots, service)
