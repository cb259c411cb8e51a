"""Send: the plan's batches, a few in flight, a checkpoint after each that SendGrid accepted."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from shared.contacts.batches import addresses, body, without
from shared.errors import ExportError
from shared.runs import config
from shared.runs.outcomes import Outcome, write
from shared.runs.record import BatchRecord, BatchState, Phase
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.store import Shelf, batch_name, outcomes_name
from shared.sendgrid.client import SendGrid
from shared.sendgrid.errors import PayloadTooLarge, RowsRefused, SendGridError

IN_FLIGHT = 4  # more would only wait for SendGrid's rate limit, and each costs two bodies of memory


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of one batch: its job, None if no contact was left to send; and how many were refused at once."""

    job_id: str | None
    refused: int


def send(services: Services, here: Slice) -> None:
    """Send what has not been sent. After an error nothing new is begun, and what is in flight is still recorded."""
    run = here.run
    connection = config.unchanged(services, run)
    sendgrid = services.sendgrid(connection, here.check_going)
    shelf = services.runs.plan(run)
    list_id = str(run.list_id)
    todo = [batch for batch in run.batches if batch.state is BatchState.PLANNED]
    todo.reverse()
    flying: dict[Future[_Sent], BatchRecord] = {}
    unsent: set[int] = set()  # batches of which no earlier slice can have sent anything
    trouble: Exception | None = None
    with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="send") as pool:
        while flying or (todo and not trouble):
            while todo and not trouble and len(flying) < IN_FLIGHT:
                batch = todo[-1]
                try:
                    here.check()
                    config.unchanged(services, run)  # people may stop a run at any time
                    first = _begin(here, batch)
                except ExportError as error:
                    trouble = error
                    break
                todo.pop()
                unsent |= {batch.number} if first else set()
                flying[pool.submit(_send_batch, sendgrid, shelf, list_id, batch.number)] = batch
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                batch = flying.pop(future)
                try:
                    _note(services, here, batch, future.result())
                except PayloadTooLarge as error:
                    if batch.contacts == 1:
                        trouble = trouble or error
                    else:
                        todo += reversed(_halve(here, shelf, batch))
                except Exception as error:  # noqa: BLE001 -- raised again when the others have been recorded
                    trouble = trouble or error
                    if isinstance(error, SendGridError) and not error.maybe_taken and batch.number in unsent:
                        batch.begun = False
    if trouble:
        raise trouble
    here.enter(Phase.SETTLE)


def _begin(here: Slice, batch: BatchRecord) -> bool:
    """Write down that the batch may be on its way; False if that was known before.

    Should the run end before the answer is known, its people may be on the list all the same.
    """
    if batch.begun:
        return False
    batch.begun = True
    here.save()
    return True


def _note(services: Services, here: Slice, batch: BatchRecord, sent: _Sent) -> None:
    batch.job_id, batch.refused = sent.job_id, sent.refused
    batch.state = BatchState.SENT if sent.job_id else BatchState.COMPLETED
    batch.sent_at = services.now()
    here.run.progress.done += batch.contacts
    here.checkpoint()


def _halve(here: Slice, shelf: Shelf, batch: BatchRecord) -> list[BatchRecord]:
    """Two batches in place of one that SendGrid found too large: its real limit is not the documented one."""
    run = here.run
    lines = shelf.get(batch_name(batch.number)).split(b"\n")
    middle, following = len(lines) // 2, max(known.number for known in run.batches) + 1
    halves = []
    for number, half in enumerate((lines[:middle], lines[middle:]), following):
        content = b"\n".join(half)
        shelf.put(batch_name(number), content)
        halves.append(BatchRecord(number=number, contacts=len(half), bytes=len(content)))
    run.batches = [known for known in run.batches if known is not batch] + halves
    here.checkpoint()
    return halves


def _send_batch(sendgrid: SendGrid, shelf: Shelf, list_id: str, number: int) -> _Sent:
    """One batch, without the contacts that SendGrid names as refused: those go to the report."""
    lines = shelf.get(batch_name(number))
    refused: list[Outcome] = []
    while lines:
        try:
            return _Sent(sendgrid.upsert(body(list_id, lines)), len(refused))
        except RowsRefused as error:
            who = addresses(lines)
            reasons = {place: said for place, said in error.rows.items() if place < len(who)}
            reasons |= {
                place: error.addresses[address] for place, address in enumerate(who) if address in error.addresses
            }
            if not reasons:
                raise
            refused += [Outcome(who[place], "send", "refused_by_sendgrid", said) for place, said in reasons.items()]
            write(shelf, outcomes_name("send", number), refused)
            lines = without(lines, reasons.keys())
    return _Sent(None, len(refused))
