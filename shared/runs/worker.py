"""One queue message: one slice of one run, under the export's lease.

Messages may come twice, late, or not at all; instances may die anywhere. What holds it together:
- the message of the next slice is sent before the record that makes this one stale is saved;
- the record is written with its ETag, so that an instance that lost its lease cannot overwrite its successor's;
- every phase can begin again from the record alone.
"""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import (
    Conflict,
    ExportError,
    LeaseLost,
    NotFound,
    RetryLater,
    RunCanceled,
    RunFailed,
    RunSkipped,
    ServiceUnavailable,
)
from shared.runs import finish, messages, prepare, remove, send, settle
from shared.runs.lease import Lease, held
from shared.runs.messages import Message
from shared.runs.record import Phase, RunRecord, State
from shared.runs.services import Services
from shared.runs.slice import Slice
from shared.runs.turn import Turn, Waiting

log = logging.getLogger(__name__)

BUSY_SECONDS = 15  # until a message comes back whose export another instance works on
LONGEST_PAUSE = 600  # seconds between two slices
PATIENCE = 20  # failures in a row that time may heal; with the pauses between them about an hour and a half

_PHASES: dict[Phase, Callable[[Services, Slice], None]] = {
    Phase.PREPARE: prepare.prepare,
    Phase.SEND: send.send,
    Phase.SETTLE: settle.settle,
    Phase.REMOVE: remove.remove,
    Phase.FINISH: finish.finish,
}


def process(services: Services, message: Message) -> None:
    """Work on a run for one slice. Raises only what storage cannot do at the moment: the message then comes back."""
    try:
        with held(services.storage.state, message.export_id) as lease:
            run = _take_turn(services, message)
            if run:
                _work(services, run, lease)
    except Conflict:
        # Somebody else holds the lease, or has just written: this message may be all that the run has, so it stays.
        messages.send(services.storage.export_runs, message, delay=BUSY_SECONDS)
    except LeaseLost:
        log.warning("run %s: another instance has taken over", message.run_id)


@dataclass(frozen=True, slots=True)
class _Loaded:
    record: RunRecord
    etag: str


def _take_turn(services: Services, message: Message) -> _Loaded | None:
    """The run, if it is its turn and this message is not out of date."""
    request: list[Waiting] = []

    def take(turn: Turn) -> None:
        request[:] = [waiting for waiting in turn.waiting if waiting.run_id == message.run_id]
        if turn.active is None and request:
            turn.active = message.run_id
            turn.waiting.remove(request[0])

    turn = services.turns.change(message.export_id, take)
    if turn.active != message.run_id:
        return None  # the run that is being worked on wakes the next one up when it ends
    try:
        run, etag = services.runs.load(message.run_id)
    except NotFound:
        if not request:
            raise
        run = RunRecord.of(message.run_id, message.export_id, request[0].request)
        etag = services.runs.create(run)
    if run.state.ended:
        finish.let_next_in(services, run)  # it had died between its last two steps
        return None
    return None if message.slice < run.slice else _Loaded(run, etag)


def _work(services: Services, loaded: _Loaded, lease: Lease) -> None:
    run = loaded.record
    deadline = time.monotonic() + services.settings.run_slice_seconds
    here = Slice(services, run, loaded.etag, lease, deadline)
    if run.state is State.QUEUED:
        run.state, run.started_at = State.PROCESSING, services.now()
        here.save()
    try:
        while not run.state.ended:
            _run_phase(services, here)
    except RetryLater as pause:
        _come_back(services, here, pause)


def _run_phase(services: Services, here: Slice) -> None:
    """One phase. An error that ends the run leads on to settling what has been sent, then to the end."""
    run, phase = here.run, here.run.phase
    try:
        _PHASES[phase](services, here)
        run.attempts = 0
    except (RetryLater, LeaseLost, Conflict):
        raise
    except ExportError as error:
        fatal = isinstance(error, (RunFailed, RunSkipped, RunCanceled))
        ending = error if fatal else RunFailed(error.message, code=error.code, advice=error.advice)
        if phase is Phase.FINISH:
            finish.give_up(services, here, ending)
        else:
            here.fail(ending)
    except Exception as error:
        # Its text may quote a row: only its type and place are safe to tell.
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ServiceUnavailable(
            f"internal error: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}",
            code="internal_error",
            retry_after=60,
            advice="This is a fault of the app. Look at its log around this time, and report it.",
        ) from error


def _come_back(services: Services, here: Slice, pause: RetryLater) -> None:
    """End the slice; the next begins after the pause. Too many failures in a row end the run."""
    run = here.run
    delay = pause.retry_after
    if isinstance(pause, ServiceUnavailable):
        run.attempts += 1
        delay = max(delay, min(LONGEST_PAUSE, 5 * 2**run.attempts))
        log.warning("run %s: %s (attempt %d)", run.run_id, pause.message, run.attempts)
        if run.attempts >= PATIENCE:
            ending = RunFailed(pause.message, code=pause.code, advice=pause.advice)
            if run.phase is Phase.FINISH:
                finish.give_up(services, here, ending)
                return
            here.fail(ending)
            run.attempts, delay = 0, 0
    following = Message(run_id=run.run_id, export_id=run.export_id, slice=run.slice + 1)
    messages.send(services.storage.export_runs, following, delay=min(delay, LONGEST_PAUSE))
    run.slice += 1
    here.save()
