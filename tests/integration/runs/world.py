"""A world for runs: real storage, a simulated SendGrid, no host. Messages are delivered by hand, time as told."""

import csv
import dataclasses
import io
import itertools
import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import requests
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient
from azure.storage.queue import QueueMessage

from local.sendgrid.control import SimulatedSendGrid
from shared.cloud.storage import RunQueue, Storage
from shared.contacts.reading import quoted
from shared.destinations.models import Connection
from shared.destinations.store import Destinations
from shared.erasures import triggers
from shared.erasures.start import ErasureMessage
from shared.runs.lease import LEASE_SECONDS
from shared.runs.messages import Message
from shared.runs.record import Kind, Request, RunRecord, State
from shared.runs.services import Services
from shared.runs.start import start
from shared.runs.store import RunStore
from shared.runs.turn import Turns
from shared.sendgrid.client import SendGrid
from shared.sendgrid.downloads import Downloads
from shared.sendgrid.limits import RateLimits
from shared.sendgrid.transport import Timeouts, Transport
from shared.sendgrid.uploads import Uploads
from shared.settings import Settings

KEY = "SG.integration-key.0123456789abcdef"
UPSERT = "PUT /v3/marketing/contacts"
REMOVAL = "DELETE /v3/marketing/lists/{id}/contacts"
CONSENT = {"agreed_by": "an administrator", "agreed_at": "2026-11-21T10:00:00Z", "text_version": "2026-11"}
MOST_SLICES = 60

Document = dict[str, Any]


class PromptQueue(RunQueue):
    """The queue, but what is delayed is visible at once: `delays` says how long it should not have been."""

    delays: dict[str, float]

    def send(self, text: str, *, delay: float = 0) -> None:
        self.delays[text] = delay
        super().send(text)


class World:
    """One app with its storage, its SendGrid account and one list; `now` goes on only as messages ask to wait."""

    def __init__(self, storage: Storage, settings: Settings, sim: SimulatedSendGrid) -> None:
        queue = storage.export_runs
        self.queue = PromptQueue(lambda: queue.client)
        self.queue.delays = {}
        storage.export_runs = self.queue
        self.sim = sim
        self.now = datetime.now(UTC)
        self.hurried = True  # jobs end between two slices
        self.timeouts = Timeouts()
        self.services = Services(
            settings=settings,
            storage=storage,
            destinations=Destinations(storage.config),
            runs=RunStore(storage),
            turns=Turns(storage.state),
            sendgrid=self._sendgrid,
            download=Downloads(sim.url).fetch,
            upload=Uploads(sim.url).send,
            now=lambda: self.now,
        )
        self._database = duckdb.connect()
        self._put_what_every_test_needs()

    def begin_anew(self) -> None:
        """An empty list, nothing in state, no runs."""
        for container in (self.services.storage.runs, self.services.storage.state):
            container.delete_all("")
        self.sim.fail_rows([])
        self._put_what_every_test_needs()

    def _put_what_every_test_needs(self) -> None:
        self.queue.client.clear_messages()  # all tests have one
        self.list_id = self.sim.create_list("Newsletter")
        self.put_connection()
        self.put_export()

    def _sendgrid(self, _connection: Connection, stop: Callable[[], None]) -> SendGrid:
        return SendGrid(
            Transport(
                self.sim.url,
                lambda _: KEY,
                limits=RateLimits(),
                timeouts=self.timeouts,
                sleep=lambda _: None,
                stop=stop,
            )
        )

    def change_settings(self, **changes: Any) -> None:
        self.services = dataclasses.replace(
            self.services, settings=dataclasses.replace(self.services.settings, **changes)
        )

    # What users put there

    def put_connection(self, connection_id: str = "marketing", **more: Any) -> None:
        document = {"display_name": "M", "api_key_secret": "sendgrid", "consent": CONSENT, **more}
        self._put(f"connections/{connection_id}.json", document)

    def put_export(self, export_id: str = "newsletter", **more: Any) -> None:
        document = {
            "display_name": "N",
            "connection": "marketing",
            "list_id": self.list_id,
            "segments": ["People"],
            "mapping": {"email": "EMail", "first_name": "FirstName"},
            "schedule": "off",
            **more,
        }
        self._put(f"exports/{export_id}.json", document)

    def _put(self, name: str, document: Document) -> None:
        self.services.storage.config.write(name, json.dumps(document).encode())

    def land(self, *addresses: str, name: str = "People.csv", first_name: str = "Ada") -> None:
        """A segment of one file: CustomerId is the row's number with a C before it."""
        rows = "".join(f"C{number},{address},{first_name}\n" for number, address in enumerate(addresses, 1))
        self.land_bytes(name, f"CustomerId,EMail,FirstName\n{rows}".encode())

    def land_bytes(self, name: str, content: bytes) -> None:
        self.services.storage.segments.write(name, content)
        # What is landing now is to have settled: storage's clock goes on whether or not this one does.
        self.now = max(self.now, datetime.now(UTC) + timedelta(seconds=1))

    # What moves

    def start(self, export_id: str = "newsletter", *, kind: Kind = Kind.ON_DEMAND, **more: Any) -> RunRecord:
        request = Request(kind=kind, submitted_by="tester", submitted_at=self.now, **more)
        return start(self.services, export_id, request)

    def messages(self) -> list[Message]:
        """What is in the queue, left there."""
        peeked = self.queue.client.peek_messages(max_messages=32)
        return [Message.model_validate_json(b64decode(each.content)) for each in peeked]

    def deliver(self) -> Message | ErasureMessage | None:
        """Work on the message that came first; None if there is none."""
        received = self.queue.client.receive_message(visibility_timeout=300)
        if received is None:
            return None
        if self.hurried:
            self.sim.finish_jobs()
        message = self.process(received)
        self.queue.client.delete_message(received)
        return message

    def process(self, received: QueueMessage) -> Message | ErasureMessage:
        """What the trigger does with a message, at the time when it would have become visible."""
        text = b64decode(received.content).decode()
        self.now += timedelta(seconds=self.queue.delays.get(text, 0))
        triggers.work(self.services, text.encode())
        parsed = json.loads(text)
        return ErasureMessage(**parsed) if "erasure_id" in parsed else Message(**parsed)

    def work(self) -> int:
        """Deliver messages until there are none; gives how many there were."""
        for count in itertools.count():
            assert count < MOST_SLICES, "the run does not end"
            if self.deliver() is None:
                return count
        raise AssertionError

    def run(self, export_id: str = "newsletter", **request: Any) -> RunRecord:
        """Start a run and see it through; its books are checked."""
        started = self.start(export_id, **request)
        self.work()
        return self.ended(started.run_id)

    def work_for_hours(self, hours: int) -> None:
        """The same, with an hour gone by before each of the first messages."""
        for _ in range(hours):
            self.deliver()
            self.now += timedelta(hours=1)
        self.work()

    # What comes of it

    def load(self, run_id: str) -> RunRecord:
        return self.services.runs.load(run_id)[0]

    def ended(self, run_id: str) -> RunRecord:
        """The record of a run that has ended, whose books are in order and which leaves nothing behind."""
        run = self.load(run_id)
        assert run.state.ended, f"{run.state} {run.phase} {run.error}"
        assert run.ended_at is not None
        has_books = "accepted" in run.counts or (run.dry_run and run.planned)
        check_accounting(run, self.report(run) if has_books else [])
        assert not list(self.services.storage.runs.list(f"{run.export_id}/{run_id}/plan/"))
        assert self.services.turns.load(run.export_id).active != run_id
        return run

    def report(self, run: RunRecord) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.report_text(run), newline="")))

    def report_text(self, run: RunRecord) -> str:
        return self.services.storage.runs.read(f"{run.export_id}/{run.run_id}/report.csv").content.decode()

    def document(self, run: RunRecord) -> Document:
        """run.json as it stands."""
        content = self.services.storage.runs.read(f"{run.export_id}/{run.run_id}/run.json").content
        parsed: Document = json.loads(content)
        return parsed

    def records(self) -> Iterator[bytes]:
        """Every run.json of this world."""
        for item in self.services.storage.runs.list():
            if item.name.endswith("/run.json"):
                yield self.services.storage.runs.read(item.name).content

    def on_list(self) -> set[str]:
        self.sim.finish_jobs()
        return self.sim.addresses(self.list_id)

    def members(self, export_id: str = "newsletter") -> dict[str, bool]:
        """The membership: address -> whether SendGrid has confirmed it."""
        with TemporaryDirectory() as folder:
            path = self.services.runs.fetch_members(export_id, Path(folder) / "members.parquet")
            if path is None:
                return {}
            rows = self._database.execute("SELECT address, fingerprint FROM read_parquet(?)", [str(path)]).fetchall()
        return {address: fingerprint != 0 for address, fingerprint in rows}

    def put_on_list(self, *addresses: str) -> None:
        """Put people on the list and into the membership, quicker than a run would."""
        contacts = [{"email": address} for address in addresses]
        answer = requests.put(
            f"{self.sim.url}/v3/marketing/contacts",
            json={"list_ids": [self.list_id], "contacts": contacts},
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=30,
        )
        answer.raise_for_status()
        self.sim.finish_jobs()
        self.add_members(*addresses)

    def add_members(self, *addresses: str, export_id: str = "newsletter") -> None:
        """Put people into the membership, as if an earlier run had done it."""
        everybody = sorted({*self.members(export_id), *addresses})
        with TemporaryDirectory() as folder:
            path = Path(folder) / "members.parquet"
            rows = "SELECT unnest(?) AS address, 7::UBIGINT AS fingerprint"
            self._database.execute(f"COPY ({rows}) TO {quoted(str(path))} (FORMAT parquet)", [everybody])
            self.services.runs.put_members(export_id, path, list_id=self.list_id)

    def requests(self, *routes: str) -> int:
        """How many requests SendGrid has had on these routes, whatever became of them."""
        seen: Mapping[str, Mapping[str, int]] = self.sim.stats()["requests"]
        return sum(sum(seen.get(route, {}).values()) for route in routes)

    def break_lease(self, export_id: str = "newsletter") -> None:
        """What happens by itself LEASE_SECONDS after an instance has died, if it had the lease."""
        self.now += timedelta(seconds=LEASE_SECONDS)
        client = self.services.storage.state.client.get_blob_client(f"{export_id}/lock")
        with suppress(ResourceExistsError, ResourceNotFoundError):
            BlobLeaseClient(client).break_lease(0)


def check_accounting(run: RunRecord, report: Iterable[Mapping[str, str]]) -> None:
    """The invariant of every ended run: all rows, contacts and leavers are accounted for, by name where it failed."""
    counts, lines = run.counts, list(report)
    assert all(count >= 0 for count in counts.values())
    if counts:
        refused = ("malformed", "filtered", "no_email", "invalid_email", "duplicate")
        assert counts["rows"] == sum(counts[name] for name in refused) + counts["contacts"]
        assert counts["contacts"] == counts["unchanged"] + counts["upserts"]
    if not run.planned:
        assert run.state in {State.SKIPPED, State.FAILED, State.CANCELED}
        return
    if "accepted" not in counts and not run.dry_run:  # its books could not be closed
        assert run.state is State.FAILED
        return
    assert len([line for line in lines if line["stage"] == "prepare"]) == counts["rows"] - counts["contacts"]
    if run.dry_run:
        return
    assert counts["upserts"] == counts["accepted"] + counts["rejected_by_sendgrid"] + counts["unconfirmed"]
    gone = ("removed", "not_found", "kept_by_other_export", "failed_removals")
    assert counts["leavers"] == sum(counts[name] for name in gone)
    sent = [line for line in lines if line["stage"] in {"send", "settle"}]
    assert len(sent) == counts["rejected_by_sendgrid"] + counts["unconfirmed"]
    assert len([line for line in lines if line["stage"] == "remove"]) == counts["failed_removals"]
    assert all(line["code"] and line["message"] for line in lines)
