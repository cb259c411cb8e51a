"""A function process: the app with its settings, taking messages off the queue as the Functions host hands them over.

`landed NAME` on its input is a blob event. On its output: one JSON line when it is up, one when an event has been
taken, one after each slice of a run. It ends with its input.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import requests
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from local.vault import client_options
from shared.app import App
from shared.cloud.storage import RUN_QUEUE
from shared.runs import start
from shared.runs.messages import Message
from shared.runs.services import Services
from shared.runs.worker import process
from shared.settings import Settings

POLL = 0.02  # seconds between two looks into the queue when there is nothing to do
_KINDS = {"PUT": "write", "POST": "write", "DELETE": "delete"}
_HIDDEN = 3600  # seconds; nobody else takes messages here


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.instance", description=__doc__)
    parser.add_argument("--vault-certificate", type=Path, required=True)
    parser.add_argument("--profile", type=Path, help="write a cProfile of the main thread's slices here at the end")
    options = parser.parse_args()
    profiled: Callable[..., Any] = _profile(options.profile) if options.profile else _plainly
    environment = dict(os.environ)
    services = App(
        Settings.from_environment(environment), vault_options=client_options(options.vault_certificate)
    ).services
    queue = QueueClient.from_connection_string(
        environment["AzureWebJobsStorage"], RUN_QUEUE, message_decode_policy=TextBase64DecodePolicy()
    )
    storage = _count_storage(environment["SENDGRID_BASE_URL"], environment["KEY_VAULT_URL"])
    events: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=[events], daemon=True).start()
    _say("up")
    while True:
        if not events.empty():
            event = events.get()
            if not event:
                return
            storage.clear()
            began = time.monotonic()
            runs = start.segment_landed(services, event.removeprefix("landed ").strip())
            _say("landed", at=began, runs=len(runs))
        received = queue.receive_message(visibility_timeout=_HIDDEN)
        if received is None:
            time.sleep(POLL)
            continue
        message = Message.model_validate_json(received.content)
        profiled(process, services, message)
        done, calls = time.monotonic(), dict(storage)
        queue.delete_message(received)
        _say("sliced", at=done, run_id=message.run_id, ended=_ended(services, message.run_id), storage=calls)


def _count_storage(*others: str) -> Counter[str]:
    """From now on counts this process's storage requests, by what Azure bills: `write`, `list`, `read`, `queue`."""
    real = requests.Session.request
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def request(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        if not url.startswith(others):
            kind = "queue" if f"/{RUN_QUEUE}/" in url else "list" if "comp=list" in url else _KINDS.get(method, "read")
            with lock:
                counts[kind] += 1
        return real(session, method, url, **options)

    requests.Session.request = request  # type: ignore[method-assign,assignment]
    return counts


def _ended(services: Services, run_id: str) -> bool:
    return services.runs.load(run_id)[0].state.ended


def _read(events: "SimpleQueue[str]") -> None:
    for line in sys.stdin:
        events.put(line)
    events.put("")


def _say(what: str, *, at: float | None = None, **more: Any) -> None:
    print(json.dumps({"event": what, "at": at or time.monotonic(), **more}), flush=True)


def _plainly(work: Callable[..., None], *arguments: Any) -> None:
    work(*arguments)


def _profile(path: Path) -> Callable[..., None]:
    import cProfile

    profile = cProfile.Profile()

    def run(work: Callable[..., None], *arguments: Any) -> None:
        profile.runcall(work, *arguments)
        profile.dump_stats(path)

    return run


if __name__ == "__main__":
    main()
