"""What the queue and the clock start: runs, and erasures beside them."""

import json
from datetime import datetime

from shared.erasures import worker as erasures
from shared.erasures.start import ErasureMessage
from shared.runs import forgetting
from shared.runs import sweep as runs_sweep
from shared.runs import worker as runs
from shared.runs.messages import Message
from shared.runs.services import Services


def work(services: Services, body: bytes, *, inserted: datetime | None = None, traceparent: str = "") -> None:
    """One queue message: one slice of a run or of an erasure. `inserted`, `traceparent`: see the runs' worker."""
    if "erasure_id" in json.loads(body):
        erasures.process(services, ErasureMessage.model_validate_json(body))
    else:
        runs.process(services, Message.model_validate_json(body), inserted=inserted, traceparent=traceparent)


def sweep(services: Services) -> None:
    """Queue the exports that are due, wake up runs and erasures that got stuck, and forget exports that are gone."""
    runs_sweep.sweep(services)
    forgetting.forget_removed(services, services.now())
    erasures.wake_open(services, services.now())
