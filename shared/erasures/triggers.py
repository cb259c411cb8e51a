"""What the queue and the clock start: runs, and erasures beside them."""

import json

from shared.erasures import worker as erasures
from shared.erasures.start import ErasureMessage
from shared.runs import sweep as runs_sweep
from shared.runs import worker as runs
from shared.runs.messages import Message
from shared.runs.services import Services


def work(services: Services, body: bytes) -> None:
    """One queue message: one slice of a run or of an erasure."""
    if "erasure_id" in json.loads(body):
        erasures.process(services, ErasureMessage.model_validate_json(body))
    else:
        runs.process(services, Message.model_validate_json(body))


def sweep(services: Services) -> None:
    """Queue the exports that are due, and wake up runs and erasures that got stuck."""
    runs_sweep.sweep(services)
    erasures.wake_open(services, services.now())
