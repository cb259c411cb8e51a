"""Send: the plan's batches, a few in flight, a checkpoint after each that SendGrid accepted."""

import math
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared import telemetry
from shared.contacts.batches import Batch, addresses, body, lines_of, without
from shared.destinations.models import Connection
from shared.errors import ExportError
from shared.runs import config, imports
from shared.runs.outcomes import Outcome, write
from shared.runs.record import BatchKind, BatchRecord, BatchState, Phase
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.store import Shelf, batch_name, file_of, outcomes_name
from shared.sendgrid.client import SendGrid
from shared.sendgrid.errors import PayloadTooLarge, RowsRefused, SendGridError

CHECK_EVERY = 0.25  # seconds, of the documents; SendGrid's recorded rate lets a batch go every 0.3 seconds
IN_FLIGHT = 3  # more would only wait for SendGrid's rate limit, and each costs its body's memory


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of one batch: its job, None if no contact was left to send; and how many were refused at once."""

    job_id: str | None
    refused: int = 0
    host: str | None = None  # that an import was uploaded to


@dataclass(frozen=True, slots=True)
class _Flight:
    """A batch on its way, and the request's body if that is not stored."""

    batch: BatchRecord
    body: bytes = b""


def send(services: Services, here: Slice) -> None:
    """Send what has not been sent. After an error nothing new is begun, and what is in flight is still recorded."""
    run = here.run
    with Sending(services, here, config.unchanged(services, run)) as sending:
        while todo := [batch for batch in run.batches if batch.state is BatchState.PLANNED]:
            for batch in todo:
                if not sending.offer(batch):
                    break
            sending.land()
            if sending.trouble:
                raise sending.trouble
    here.enter(Phase.SETTLE)


class Sending:
    """Batches of a run on their way to SendGrid, a few at a time, with a checkpoint after each that was accepted.

    `trouble` is the first error: from then on nothing new is begun, and it is for the caller to raise it. `returned`
    are batches that were at hand and have not been sent, with their contacts: for the caller to store.
    """

    def __init__(self, services: Services, here: Slice, connection: Connection) -> None:
        self.trouble: Exception | None = None
        self.returned: list[tuple[BatchRecord, bytes]] = []
        self._services = services
        self._here = here
        self._sendgrid = services.sendgrid(connection, here.check_going)
        self._shelf = services.runs.plan(here.run)
        self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="send")
        self._list_id = str(here.run.list_id)
        self._flying: dict[Future[_Sent], _Flight] = {}
        self._checked = -math.inf  # when the documents were, by the monotonic clock
        self._noted = False  # there is something that the stored record does not say
        self._unsent: set[int] = set()  # numbers of batches of which no earlier slice can have sent anything

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.land()
        self._pool.shutdown(cancel_futures=True)

    def offer(self, batch: BatchRecord, content: Batch | None = None, file: Path | None = None) -> bool:
        """Begin to send a batch as soon as few enough are in flight; False if nothing new can be begun.

        `content`: its contacts, if they are at hand and not stored. Only their addresses are stored then, which is what
        has to be known of people who may be on the list. `file`: that of an import, if it is at hand; it is stored,
        too, and deleted here when it has been sent.
        """
        if len(self._flying) == IN_FLIGHT:
            self._land_some()
        if not self.trouble:
            try:
                self._here.check()
                self._check_documents()
                self._begin(batch)
            except ExportError as error:
                self.trouble = error
        if self.trouble:
            return False
        if batch.kind is BatchKind.IMPORT:
            flight = _Flight(batch)
            future = self._pool.submit(telemetry.carried(self._send_import), batch, file)
        elif content is None:
            flight = _Flight(batch)
            future = self._pool.submit(telemetry.carried(self._send_stored), batch.number)
        else:
            flight = _Flight(batch, content.body(self._list_id))
            future = self._pool.submit(
                telemetry.carried(self._send_at_hand), batch.number, flight.body, content.addresses
            )
        self._flying[future] = flight
        return True

    def _check_documents(self) -> None:
        """RunCanceled: people may stop a run at any time."""
        if time.monotonic() - self._checked >= CHECK_EVERY:
            config.unchanged(self._services, self._here.run)
            self._checked = time.monotonic()

    def land(self) -> None:
        """Wait for all that is in flight, and note what became of it."""
        while self._flying:
            self._land_some()
            self._save()

    def _begin(self, batch: BatchRecord) -> None:
        """Write down that the batch may be on its way.

        Should the run end before the answer is known, its people may be on the list all the same.
        """
        if not batch.begun:
            batch.begun = True
            self._unsent.add(batch.number)
            self._noted = True
        self._save()

    def _send_stored(self, number: int) -> _Sent:
        lines = self._shelf.get(batch_name(number))
        return self._send(number, body(self._list_id, lines))

    def _send_at_hand(self, number: int, request: bytes, known: bytes) -> _Sent:
        self._shelf.put(batch_name(number), known)
        return self._send(number, request)

    def _send_import(self, batch: BatchRecord, file: Path | None) -> _Sent:
        from shared.contacts.engine import work_folder

        with work_folder() as folder:
            path = file or self._shelf.fetch(file_of(batch), folder)
            try:
                upload = imports.send(self._services, self._here, self._sendgrid, path)
            finally:
                path.unlink()  # the disk is small
        return _Sent(upload.job_id, host=upload.host)

    def _send(self, number: int, request: bytes) -> _Sent:
        return _send_batch(self._sendgrid, self._shelf, self._list_id, number, request)

    def _land_some(self) -> None:
        for future in wait(self._flying, return_when=FIRST_COMPLETED).done:
            flight = self._flying.pop(future)
            batch = flight.batch
            try:
                self._note(batch, future.result())
                continue
            except Exception as error:  # noqa: BLE001 -- the caller raises it when the others have been recorded
                if isinstance(error, PayloadTooLarge) and batch.kind is BatchKind.UPSERT and batch.contacts > 1:
                    stored = not flight.body
                    self._halve(batch, self._shelf.get(file_of(batch)) if stored else lines_of(flight.body))
                    continue
                self.trouble = self.trouble or error
                if isinstance(error, SendGridError) and not error.maybe_taken and batch.number in self._unsent:
                    batch.begun = False
            if flight.body:
                self.returned.append((batch, lines_of(flight.body)))

    def _note(self, batch: BatchRecord, sent: _Sent) -> None:
        batch.job_id, batch.refused = sent.job_id, sent.refused
        batch.state = BatchState.SENT if sent.job_id else BatchState.COMPLETED
        batch.sent_at = self._services.now()
        hosts = self._here.run.upload_hosts
        if sent.host and sent.host not in hosts:
            self._here.run.upload_hosts = [*hosts, sent.host]
        self._here.run.progress.done += batch.contacts
        if self._here.run.planned:  # if not, the plan is still being made: failures to do that have to be counted
            self._here.run.got_on()
        self._noted = True

    def _halve(self, batch: BatchRecord, lines: bytes) -> None:
        """Two batches in place of one that SendGrid found too large: its real limit is not the documented one."""
        run = self._here.run
        contacts = lines.split(b"\n")
        middle = len(contacts) // 2
        for half in (contacts[:middle], contacts[middle:]):
            content = b"\n".join(half)
            record = run.new_batch(len(half), len(content))
            self._shelf.put(batch_name(record.number), content)
            run.batches.append(record)
        run.batches.remove(batch)
        self._noted = True

    def _save(self) -> None:
        """The checkpoint. What became of a batch is saved together with the beginning of the next."""
        if self._noted:
            self._here.save()
            self._noted = False


def _send_batch(sendgrid: SendGrid, shelf: Shelf, list_id: str, number: int, request: bytes) -> _Sent:
    """One batch, without the contacts that SendGrid names as refused: those go to the report."""
    refused: list[Outcome] = []
    while True:
        try:
            return _Sent(sendgrid.upsert(request), refused=len(refused))
        except RowsRefused as error:
            lines = lines_of(request)
            who = addresses(lines)
            reasons = {place: said for place, said in error.rows.items() if place < len(who)}
            reasons |= {
                place: error.addresses[address] for place, address in enumerate(who) if address in error.addresses
            }
            if not reasons:
                raise
            refused += [Outcome(who[place], "send", "refused_by_sendgrid", said) for place, said in reasons.items()]
            write(shelf, outcomes_name("send", number), refused)
            left = without(lines, reasons.keys())
            if not left:
                return _Sent(None, refused=len(refused))
            request = body(list_id, left)
