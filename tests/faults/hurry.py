"""Time is compressed: for the app a second of ours is some minutes, so that nobody waits for what it waits for.

What the app is told of time (its clock, its pauses, the delays of messages) is divided by SPEED. What storage counts in
seconds of its own (leases, how long a message is hidden) is set to the least that it takes.
"""

import random
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.app import App
from shared.cloud.storage import RunQueue
from shared.runs.services import Services
from shared.settings import Settings

SPEED = 200.0
LEASE_SECONDS = 15  # the shortest that Azure gives; whoever ends an instance ends its lease, too
RENEW_SECONDS = 1
JOB_LIMIT = timedelta(minutes=6)
LONGEST_SLEEP = 0.5  # seconds of ours
AT_LEAST = 0.5  # chance of a second's delay, so that those who wait do not keep those who work from it


class Clock:
    """Runs SPEED times as fast as the machine's since `began` (epoch seconds), and is `offset` seconds off."""

    def __init__(self, began: float, offset: float = 0.0) -> None:
        self._began, self._offset = began, offset

    def time(self) -> float:
        return self._began + (time.time() - self._began) * SPEED + self._offset

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time(), UTC)


def sleep(seconds: float) -> None:
    time.sleep(min(seconds / SPEED, LONGEST_SLEEP))


class HurriedQueue(RunQueue):
    """The queue with delays of our seconds. They are whole ones: what is less is drawn."""

    def __init__(self, queue: RunQueue) -> None:
        super().__init__(lambda: queue.client)

    def send(self, text: str, *, delay: float = 0) -> None:
        whole, part = divmod(delay / SPEED, 1)
        later = random.random() < max(part, AT_LEAST if delay else 0)  # noqa: S311 - no secret
        super().send(text, delay=whole + later)


def hurried_services(settings: Settings, clock: Clock) -> Services:
    """The app's parts, with a clock that runs fast and a queue without long delays."""
    services = App(settings).services
    services.storage.export_runs = HurriedQueue(services.storage.export_runs)
    return replace(services, now=clock.now)


def hurry_this_process(batch: int) -> None:
    """Set what the app has as constants. For processes of the driver only. `batch`: contacts of an upsert at most."""
    from azure.core.pipeline.transport import RequestsTransport

    from shared.contacts import batches, parts
    from shared.runs import lease, prepare, settle

    lease.LEASE_SECONDS, lease.RENEW_SECONDS = LEASE_SECONDS, RENEW_SECONDS
    settle.JOB_LIMIT = JOB_LIMIT
    batches.MAX_CONTACTS = batch
    parts.MAX_CONTACTS = 2 * batch
    prepare.LEAVERS_PORTION = batch
    RequestsTransport.sleep = lambda _, duration: sleep(duration)
