"""The documentation of Lantern, a task queue that does not exist, as a table of chunks.

Written for the tests, so that every fact in it is known and none is found elsewhere.
"""

import json
from pathlib import Path

SITE = "https://lantern.test/docs/"

CHUNKS = [
    ("install", "installation", "Lantern is installed with pip install lantern. It needs Python 3.9 or newer and a running Harbor broker."),
    ("install", "from-source", "To build Lantern from source, clone the repository and run make wheel. The build takes about two minutes."),
    ("tasks", "define-a-task", "A task is a function with the @lantern.task decorator. The decorator registers it under its module path. Here is an example of a task:\n```python\nimport lantern\n\n@lantern.task\ndef resize(path, width=640):\n    return open(path).read()[:width]\n```"),
    ("tasks", "retries", "A failed task is retried three times by default. Set max_retries on the decorator to change how many times a task is retried. Between two retries Lantern waits backoff seconds, doubled each time."),
    ("tasks", "timeouts", "A task that runs longer than time_limit seconds is killed by the worker. The default time limit is 300 seconds. Set time_limit=None to let a task run for ever."),
    ("workers", "start-a-worker", "Start a worker with the command lantern worker --queue default. One worker process runs eight tasks at a time. Use --threads to change how many tasks run at once."),
    ("workers", "shutdown", "A worker that gets SIGTERM finishes the tasks it is running and takes no new ones. After grace_period seconds it stops anyway, and unfinished tasks go back to the queue."),
    ("brokers", "harbor", "Harbor is the broker that Lantern speaks to by default. Its address is read from the LANTERN_BROKER_URL environment variable. Messages are kept on disk until a worker acknowledges them."),
    ("brokers", "memory", "The memory broker keeps messages in the process and loses them when it ends. It is meant for unit tests only."),
    ("schedule", "periodic-tasks", "A periodic task runs on a schedule given in cron syntax. Add every='0 4 * * *' to the decorator to run a task each night at four. Schedules are read in UTC unless a timezone is set."),
    ("monitoring", "dashboard", "The dashboard shows queues, workers and failed tasks in the browser. Start it with lantern dashboard and open port 5580."),
    ("monitoring", "metrics", "Lantern exports counters of started, finished and failed tasks in the Prometheus format at /metrics. Turn it off with metrics=False."),
    ("security", "signing", "Messages are signed with HMAC when LANTERN_SECRET is set. A worker drops a message whose signature is wrong and logs its id."),
    ("changelog", "version-2", "Version 2 removed the pickle serializer. Tasks are now serialized as JSON, so their arguments must be plain values."),
]  # fmt: skip


def rows() -> list[dict[str, str]]:
    """The table's rows; the last repeats an earlier chunk's text on another page."""
    table = [
        {
            "source": f"docs/{page}.md",
            "url": f"{SITE}{page}/#{anchor}",
            "file_type": ".md",
            "chunk": text,
            "chunk_id": f"{at}_0_0",
        }
        for at, (page, anchor, text) in enumerate(CHUNKS)
    ]
    return [*table, table[8] | {"url": f"{SITE}testing/#brokers", "chunk_id": "99_0_0"}]


def write_table(path: Path) -> Path:
    """The rows as JSON lines at `path`."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return path
