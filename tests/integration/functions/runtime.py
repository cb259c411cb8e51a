"""The app inside Microsoft's runtime library, in a process of its own: the library keeps one app a process.

`python -m tests.integration.functions.runtime CERTIFICATE` reads calls as JSON lines from standard input and answers
each with a line. No host is around it: nothing is called but what a test calls.
"""

import base64
import datetime as dt
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.host.worker import Outcome, QueueMessage, Worker

ROOT = Path(__file__).parents[3]

Document = dict[str, Any]


class Calls:
    """One method a kind of trigger; a call's other keys are its arguments."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def functions(self) -> Document:
        """Every function's trigger binding, as the runtime announces it to the host."""
        return {name: dict(function.trigger) for name, function in self._worker.functions.items()}

    def http(self, function: str, **request: Any) -> Document:
        """`request`: method, url, headers, query, params and body (base64)."""
        request["body"] = base64.b64decode(request["body"])
        outcome = self._worker.http(self._worker.functions[function], request)
        return _ended(outcome) | (_response(outcome.answer.value) if outcome.ok else {})

    def blob(self, function: str, container: str, name: str) -> Document:
        return _ended(self._worker.blob(self._worker.functions[function], container, name))

    def timer(self, function: str) -> Document:
        now = dt.datetime.now(dt.UTC)
        following = now + dt.timedelta(minutes=5)
        return _ended(
            self._worker.timer(self._worker.functions[function], past_due=False, last=now, following=following)
        )

    def queue(self, function: str, text: str) -> Document:
        message = QueueMessage(id="1", text=text, dequeue_count=1, inserted=dt.datetime.now(dt.UTC))
        return _ended(self._worker.queue(self._worker.functions[function], message))


def _ended(outcome: Outcome) -> Document:
    return {"ok": outcome.ok}


def _response(value: Any) -> Document:
    return {
        "status": int(value["status_code"].value),
        "headers": {name.lower(): datum.value for name, datum in value["headers"].items()},
        "body": bytes(value["body"].value).decode(),
    }


def main() -> None:
    from local.vault import client_options
    from shared.app import App, install
    from shared.settings import Settings

    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    install(App(Settings.from_environment(), vault_options=client_options(Path(sys.argv[1]))))
    worker = Worker(ROOT)
    calls = Calls(worker)
    for line in sys.stdin:
        arguments = json.loads(line)
        call: Callable[..., Document] = getattr(calls, arguments.pop("call"))
        sys.stdout.write(json.dumps(call(**arguments)) + "\n")
        sys.stdout.flush()
    worker.close()


if __name__ == "__main__":
    main()
