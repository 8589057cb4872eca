"""Serves the web chat with an answerer that takes its time, to see streaming and stopping.

    python slow_server.py INDEX PORT NOTES

It writes a word every tenth of a second, for a minute, and to the file NOTES the number of
words it had written when it was ended.
"""

import sys
import time
from pathlib import Path

from rag.chatbot import Chatbot
from rag.data import Draft
from rag.encoder import SentenceEncoder
from rag.index import Index
from rag.retriever import Retriever
from ui.web import launch


class SlowAnswerer:
    name = "slow"

    def __init__(self, notes: Path):
        self._notes = notes

    def draft(self, question, hits, history, confidence, stop):
        return Draft(hits, self._write(stop))

    def _write(self, stop):
        written = 0
        try:
            for written in range(600):
                yield f"word{written} " + ("[1] " if written == 5 else "")
                if stop.wait(0.1):
                    return
        finally:
            self._notes.write_text(f"{written} {time.time()}")


if __name__ == "__main__":
    index, encoder = Index.open(sys.argv[1]), SentenceEncoder()
    bot = Chatbot(index, Retriever(index, encoder), SlowAnswerer(Path(sys.argv[3])))
    launch(bot, host="127.0.0.1", port=int(sys.argv[2]))
