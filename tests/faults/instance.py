"""An instance of the app: the real worker in a process of its own, that takes messages as a Functions host would.

It dies when it is told to: at once, by SIGKILL, or right before or after its k-th request to storage or SendGrid. On
SIGTERM it stops as the app does. Its log is all that it leaves.
"""

import logging
import os
import signal
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue import QueueClient, QueueMessage

from local.vault import client_options
from shared.cloud.storage import RUN_QUEUE
from shared.cloud.vault import Vault
from shared.destinations.models import Connection
from shared.runs import stopping
from shared.runs.messages import Message
from shared.runs.services import Services
from shared.runs.worker import process
from shared.sendgrid.client import SendGrid
from shared.sendgrid.downloads import Downloads
from shared.sendgrid.limits import RateLimits
from shared.sendgrid.transport import Timeouts, Transport
from shared.sendgrid.uploads import Uploads
from shared.settings import Settings
from tests.faults import hurry

if TYPE_CHECKING:
    from azure.storage.blob import BlobLeaseClient

HIDDEN_SECONDS = 3  # until the message of an instance that died is there again
MOST_DELIVERIES = 5  # host.json, maxDequeueCount
RETRY_SECONDS = 60  # host.json, visibilityTimeout
_SHORTEST_POLL, _LONGEST_POLL = 0.02, 0.4  # seconds
_TIMEOUTS = Timeouts(connect=1.0, read=0.5)

log = logging.getLogger("tests.faults")


@dataclass(frozen=True, slots=True)
class Death:
    """Die right before (or after) the `request`-th request to `service`: "sendgrid", "storage" or "" for any."""

    request: int
    service: str = ""
    after: bool = True


@dataclass(frozen=True, slots=True)
class Orders:
    """What an instance is: its app settings, its folder for temporary files, its clock, its end."""

    environment: dict[str, str]
    certificate: Path
    folder: Path
    log: Path
    began: float
    offset: float
    batch: int
    lease_id: str  # all its leases have it, so that they can be ended when it has died
    death: Death | None = None


def main(orders: Orders) -> None:
    """Live until somebody ends it, or the process that started it is gone."""
    parent = os.getppid()
    _write_all_to(orders.log)
    os.environ.update(orders.environment)
    tempfile.tempdir = str(orders.folder)
    hurry.hurry_this_process(orders.batch)
    _name_leases(orders.lease_id)
    if orders.death:
        _die_at(orders.death, orders.environment["SENDGRID_BASE_URL"])
    services = _services(orders)
    # A client of its own, that leaves texts as they are: showing a message again would encode it once more.
    queue = QueueClient.from_connection_string(orders.environment["AzureWebJobsStorage"], RUN_QUEUE)
    stopping.listen()
    pause = _SHORTEST_POLL
    while os.getppid() == parent and not stopping.asked():
        received = None
        try:
            received = queue.receive_message(visibility_timeout=HIDDEN_SECONDS)
            if received:
                _deliver(services, queue, received)
        except AzureError as error:
            log.warning("the queue: %s", type(error).__name__)
        pause = _SHORTEST_POLL if received else min(2 * pause, _LONGEST_POLL)
        time.sleep(pause)


def _deliver(services: Services, queue: QueueClient, received: QueueMessage) -> None:
    """As the host does: delete what succeeded, show again what failed, put aside what fails too often."""
    count = int(received.dequeue_count or 0)
    if count > 1:
        log.info("delivered again")
    ok = False
    with _hidden(queue, received):
        if count <= MOST_DELIVERIES:
            try:
                process(services, Message.model_validate_json(b64decode(received.content)))
                ok = True
            except Exception:
                log.exception("the function failed")
    with suppress(HttpResponseError):  # somebody else has the message by now
        if ok:
            queue.delete_message(received)
        elif count < MOST_DELIVERIES:
            delay = round(RETRY_SECONDS / hurry.SPEED)
            queue.update_message(received, content=received.content, visibility_timeout=delay)
        else:
            log.error("message poisoned")
            queue.delete_message(received)


@contextmanager
def _hidden(queue: QueueClient, received: QueueMessage) -> Iterator[None]:
    """Nobody else gets the message as long as the function runs; it has its newest pop receipt afterwards."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(HIDDEN_SECONDS / 2):
            with suppress(AzureError):
                updated = queue.update_message(received, content=received.content, visibility_timeout=HIDDEN_SECONDS)
                received.pop_receipt = updated.pop_receipt

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _services(orders: Orders) -> Services:
    settings = Settings.from_environment(orders.environment)
    clock = hurry.Clock(orders.began, orders.offset)
    vault = Vault(settings, client_options=client_options(orders.certificate), clock=clock.time)
    limits = RateLimits(clock.time)

    def sendgrid(connection: Connection, stop: Callable[[], None]) -> SendGrid:
        return SendGrid(
            Transport(
                str(settings.sendgrid_base_url),
                lambda refresh: vault.secret(connection.api_key_secret, refresh=refresh),
                limits=limits,
                timeouts=_TIMEOUTS,
                sleep=hurry.sleep,
                clock=clock.time,
                stop=stop,
            )
        )

    return replace(
        hurry.hurried_services(settings, clock),
        sendgrid=sendgrid,
        download=Downloads(settings.sendgrid_base_url, timeouts=_TIMEOUTS).fetch,
        upload=Uploads(settings.sendgrid_base_url, timeouts=_TIMEOUTS).send,
    )


def _write_all_to(path: Path) -> None:
    """Everything that is logged or printed, in one file."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    logging.basicConfig(
        level=logging.INFO, format=f"%(asctime)s {os.getpid()} %(name)s %(levelname)s %(message)s", force=True
    )


def _name_leases(lease_id: str) -> None:
    from azure.storage.blob import BlobClient

    real = BlobClient.acquire_lease

    def acquire_lease(client: BlobClient, lease_duration: int = -1, **_: Any) -> "BlobLeaseClient":
        return real(client, lease_duration, lease_id=lease_id)

    BlobClient.acquire_lease = acquire_lease  # type: ignore[method-assign,assignment]


def _die_at(death: Death, sendgrid: str) -> None:
    real = requests.Session.request
    lock = threading.Lock()
    seen = 0

    def request(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        nonlocal seen
        counts = not death.service or (death.service == "sendgrid") == url.startswith(sendgrid)
        with lock:
            seen += counts
            now = counts and seen == death.request
        if now and not death.after:
            os.kill(os.getpid(), signal.SIGKILL)
        response = real(session, method, url, **options)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    requests.Session.request = request  # type: ignore[method-assign,assignment]
