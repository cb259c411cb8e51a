"""One queue message: one slice of one run, under the export's lease.

Messages may come twice, late, or not at all; instances may die anywhere. What holds it together:
- the message of the next slice is sent before the record that makes this one stale is saved;
- the record is written with its ETag, so that an instance that lost its lease cannot overwrite its successor's;
- every phase can begin again from the record alone.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from shared import telemetry
from shared.cloud.storage import RUN_QUEUE
from shared.errors import (
    Conflict,
    ExportError,
    LeaseLost,
    NewerFormat,
    NotFound,
    RetryLater,
    RunCanceled,
    RunFailed,
    RunSkipped,
    ServiceUnavailable,
    internal_error,
)
from shared.runs import config, ended, finish, messages, prepare, reconcile, removal, remove, send, settle, stopping
from shared.runs.lease import Lease, held
from shared.runs.messages import Message
from shared.runs.record import Phase, RunRecord, State
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.turn import Turn
from shared.telemetry import Event, Metric, Span

BUSY_SECONDS = 15  # until a message comes back whose export another instance works on
LONGEST_PAUSE = 600  # seconds between two slices
PATIENCE = 20  # failures in a row that time may heal; with the pauses between them about an hour and a half
LIVES = 4  # deaths in a row at one place; one fewer than host.json delivers a message before it puts that aside

_PHASES: dict[Phase, Callable[[Services, Slice], None]] = {
    Phase.PREPARE: prepare.prepare,
    Phase.READ_LIST: reconcile.read_list,
    Phase.SEND: send.send,
    Phase.SETTLE: settle.settle,
    Phase.REMOVE: remove.remove,
    Phase.FINISH: finish.finish,
}


def process(services: Services, message: Message, *, inserted: datetime | None = None, traceparent: str = "") -> None:
    """Work on a run for one slice. Raises only what storage cannot do at the moment: the message then comes back.

    `inserted`: when the message was sent. `traceparent`: the host's span of this call, by W3C Trace Context.
    """
    if inserted:
        utc = inserted if inserted.tzinfo else inserted.replace(tzinfo=UTC)
        age = (services.now() - utc).total_seconds() - message.delay
        telemetry.measure(Metric.QUEUE_AGE, max(0.0, age), {"queue": RUN_QUEUE})
    with (
        telemetry.bound(run_id=message.run_id, export_id=message.export_id),
        telemetry.span(Span.SLICE, {"slice": message.slice}, parent=traceparent),
    ):
        _process(services, message)


def _process(services: Services, message: Message) -> None:
    try:
        with stopping.at_work(), held(services.storage.state, message.export_id) as lease:
            run = _take_turn(services, message)
            if run:
                _work(services, run, lease)
    except NewerFormat as error:  # when the newer app is back, its sweep takes the run up
        telemetry.error(Event.FORMAT_NEWER, message=error.message)
    except (Conflict, LeaseLost):
        # Another instance works on the export, or has just written: this message may be all that the run has, so it
        # comes back, and is out of date by then if the run has gone on without it.
        telemetry.info(Event.EXPORT_BUSY)
        messages.send(services.storage.export_runs, message, delay=BUSY_SECONDS)


@dataclass(frozen=True, slots=True)
class _Loaded:
    record: RunRecord
    etag: str


def _take_turn(services: Services, message: Message) -> _Loaded | None:
    """The run, if it is its turn and this message is not out of date."""
    run_id = message.run_id
    for waiting in services.turns.load(message.export_id).waiting:
        if waiting.run_id == run_id:  # who asked for it may have died before it had a record
            services.runs.find_or_create(RunRecord.of(run_id, message.export_id, waiting.request))

    def take(turn: Turn) -> None:
        if turn.active is None and any(waiting.run_id == run_id for waiting in turn.waiting):
            turn.active = run_id
            turn.waiting = [waiting for waiting in turn.waiting if waiting.run_id != run_id]

    turn = services.turns.change(message.export_id, take)
    if turn.active != run_id:
        finish.wake_next(services, message.export_id, turn)
        return None
    try:
        run, etag = services.runs.load(run_id)
    except NotFound as error:
        telemetry.error(Event.RUN_RECORD_MISSING, message=error.message)
        finish.end_turn(services, message.export_id, run_id, forget=True)
        return None
    if run.state.ended:
        finish.let_next_in(services, run)  # it had died between its last two steps
        removal.conclude(services, run)
        return None
    return None if message.slice < run.slice else _Loaded(run, etag)


def _work(services: Services, loaded: _Loaded, lease: Lease) -> None:
    run = loaded.record
    deadline = time.monotonic() + services.settings.run_slice_seconds
    here = Slice(services, run, loaded.etag, lease, deadline)
    _begin(services, here)
    try:
        while not run.state.ended:
            _run_phase(services, here)
        removal.conclude(services, run)
    except RetryLater as pause:
        _come_back(services, here, pause)


def _begin(services: Services, here: Slice) -> None:
    """Count the slice before its work: a process that dies of it, or is killed at the host's time limit, cannot.

    So many in a row that got nowhere end the run, as far as it goes without what they died of.
    """
    run = here.run
    died, first = run.unfinished, run.state is State.QUEUED
    run.unfinished = died + 1
    if first:
        run.state, run.started_at = State.PROCESSING, services.now()
    here.save()
    if first:
        ended.tell_started(run)
    if died >= LIVES:
        ending = RunFailed(
            f"the app died {died} times in a row in phase {run.phase}, or was ended there by the host's time limit",
            code="process_died",
            advice="Look at the log around these times. In phase prepare it is most often a segment that takes more "
            "time or memory than there is: land it smaller, or give the app larger instances.",
        )
        _end(services, here, ending)


def _run_phase(services: Services, here: Slice) -> None:
    ending = _error_of(lambda: _phase(services, here))
    if ending is None:
        here.run.attempts = 0
    else:
        _end(services, here, ending)


def _end(services: Services, here: Slice, ending: ExportError) -> None:
    """An error that ends the run leads on to settling what has been sent, then to the end."""
    if here.run.phase is Phase.FINISH:
        finish.give_up(services, here, ending)
    else:
        here.fail(ending)


def _phase(services: Services, here: Slice) -> None:
    if here.run.phase in {Phase.PREPARE, Phase.SEND, Phase.REMOVE} and not here.run.ends_as:
        config.not_canceled(services, here.run)
    phase = here.run.phase
    with telemetry.span(f"{Span.PHASE} {phase}", {"phase": phase}, metric=Metric.PHASE_DURATION):
        _PHASES[phase](services, here)


def _error_of(phase: Callable[[], None]) -> ExportError | None:
    """The error that ends the run, handed on without what caused it: such texts may quote rows, and get into logs."""
    try:
        phase()
    except (RetryLater, LeaseLost, Conflict):
        raise
    except (RunFailed, RunSkipped, RunCanceled) as error:
        return error
    except ExportError as error:
        return RunFailed(error.message, code=error.code, advice=error.advice)
    except Exception as error:  # noqa: BLE001 -- a fault of ours must not end in an endless loop of one message
        raise internal_error(error) from None
    return None


def _come_back(services: Services, here: Slice, pause: RetryLater) -> None:
    """End the slice; the next begins after the pause. Too many failures in a row end the run."""
    run = here.run
    delay = pause.retry_after
    if not isinstance(pause, ServiceUnavailable):
        run.attempts = 0
    else:
        run.attempts += 1
        delay = max(delay, min(LONGEST_PAUSE, 5 * 2**run.attempts))
        telemetry.warning(
            Event.RUN_TROUBLED, code=pause.code, message=pause.message, attempt=run.attempts, retry_after=round(delay)
        )
        if run.attempts >= PATIENCE:
            _end(services, here, RunFailed(pause.message, code=pause.code, advice=pause.advice))
            if run.state.ended:
                return
            run.attempts, delay = 0, 0
    following = Message(run_id=run.run_id, export_id=run.export_id, slice=run.slice + 1)
    messages.send(services.storage.export_runs, following, delay=min(delay, LONGEST_PAUSE))
    run.slice += 1
    run.unfinished = 0
    here.save()
