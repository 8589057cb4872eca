"""Serves the web chat with chatbots that open only once the file GO is there.

python late_server.py INDEX PORT GO
"""

import sys
import time
from pathlib import Path

from rag.manifest import read_manifest
from ui.server import Service, launch

if __name__ == "__main__":
    index, port, go = sys.argv[1:]

    def open_bots():
        from rag.chatbot import Chatbot

        while not Path(go).exists():
            time.sleep(0.05)
        bot = Chatbot.open(index)
        return {bot.answerer: bot}

    service = Service(port=int(port), feedback=Path(go).with_name("feedback.jsonl"))
    launch(read_manifest(Path(index))["sources"], open_bots, service)
