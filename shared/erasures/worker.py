"""One queue message: one slice of one erasure. Messages may come twice, late or not at all, as those of runs.

The order of work: every export's data, then the contacts at SendGrid, then a look into the segments, then the end. Each
step is noted in the record, and doing one again changes nothing. What cannot be done at one place stops no other.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from shared import telemetry
from shared.erasures import accounts, exports, remains, segments
from shared.erasures.record import Erasure, ErasureState, ErasureStore, Part, Subject
from shared.erasures.start import ErasureMessage, send
from shared.errors import (
    Conflict,
    ExportError,
    LeaseLost,
    NewerFormat,
    NotFound,
    RetryLater,
    RunFailed,
    ServiceUnavailable,
    internal_error,
)
from shared.runs import stopping
from shared.runs.record import ErrorRecord
from shared.runs.services import Services
from shared.runs.sweep import ORPHAN_AFTER
from shared.runs.worker import BUSY_SECONDS, LIVES, LONGEST_PAUSE, PATIENCE
from shared.telemetry import Event

Each = TypeVar("Each", bound=Part)

_TELL = {
    ErasureState.COMPLETED: telemetry.info,
    ErasureState.COMPLETED_WITH_WARNINGS: telemetry.warning,
    ErasureState.FAILED: telemetry.error,
}


def process(services: Services, message: ErasureMessage) -> None:
    """Work on an erasure for one slice. Raises only what storage cannot do now: the message then comes back."""
    with telemetry.bound(erasure_id=message.erasure_id):
        _process(services, message)


def _process(services: Services, message: ErasureMessage) -> None:
    store = ErasureStore(services.storage.state)
    try:
        erasure, etag = store.load(message.erasure_id)
    except NewerFormat as error:
        telemetry.error(Event.FORMAT_NEWER, message=error.message)
        return
    except NotFound as error:
        telemetry.error(Event.ERASURE_MISSING, message=error.message)
        return
    if erasure.state.ended:
        store.forget(erasure.erasure_id)  # it had died between its last two steps
    elif message.slice >= erasure.slice:
        with stopping.at_work():
            _Work(services, store, erasure, etag).slice()


def wake_open(services: Services, now: datetime) -> None:
    """Wake up what has lost its message, and forget subjects that nobody needs."""
    store = ErasureStore(services.storage.state)
    for erasure_id, written in store.open():
        if now - written < ORPHAN_AFTER:
            continue
        try:
            erasure, touched = store.load_with_age(erasure_id)
        except NewerFormat as error:
            telemetry.error(Event.FORMAT_NEWER, erasure_id=erasure_id, message=error.message)
            continue
        except NotFound:
            store.forget(erasure_id)  # who asked for it was told that it failed
            continue
        if erasure.state.ended:
            store.forget(erasure_id)
        elif now - touched > ORPHAN_AFTER:
            telemetry.warning(Event.ERASURE_STUCK, erasure_id=erasure_id)
            send(services.storage.export_runs, ErasureMessage(erasure_id=erasure_id, slice=erasure.slice))


class _Work:
    """One slice of one erasure."""

    def __init__(self, services: Services, store: ErasureStore, erasure: Erasure, etag: str) -> None:
        self._services = services
        self._store = store
        self._erasure = erasure
        self._etag = etag
        self._deadline = time.monotonic() + services.settings.run_slice_seconds

    def slice(self) -> None:
        trouble = self._trouble()
        try:
            if trouble is None:
                self._end(None)
            elif not isinstance(trouble, Conflict):
                self._turn_back(trouble)
        except Conflict as error:
            trouble = error
        if isinstance(trouble, Conflict):
            # Another instance has gone on with it; if it has not, this message is all that the erasure has.
            again = ErasureMessage(erasure_id=self._erasure.erasure_id, slice=self._erasure.slice)
            send(self._services.storage.export_runs, again, delay=BUSY_SECONDS)

    def _trouble(self) -> ExportError | None:
        """What ends the slice before its time, handed on without what caused it: such texts may name the person."""
        try:
            self._begin()
            self._steps(self._store.subject(self._erasure.erasure_id))
        except ExportError as error:
            return error
        except Exception as error:  # noqa: BLE001 -- a fault of ours must not end in an endless loop of one message
            return internal_error(error)
        return None

    def _begin(self) -> None:
        erasure = self._erasure
        if erasure.state is ErasureState.QUEUED:
            erasure.state, erasure.started_at = ErasureState.PROCESSING, self._services.now()
        exports.add_new(self._services, erasure)
        died = erasure.unfinished
        erasure.unfinished = died + 1  # before the work: a process that dies of it cannot
        self._save()
        if died >= LIVES:
            raise RunFailed(
                f"the app died {died} times in a row at the same step, or was ended there by the host's time limit",
                code="process_died",
                advice="Look at the log around these times. Most often it is a segment that takes more time or memory "
                "than there is. Ask for the erasure again when that is mended.",
            )

    def _steps(self, subject: Subject) -> None:
        services, erasure = self._services, self._erasure
        self._each(erasure.exports, lambda part: exports.clean(services, part, subject, self._check))
        if erasure.delete_contact and not erasure.accounts:
            accounts.note(services, erasure)
        self._each(erasure.accounts, lambda part: accounts.delete(services, part, subject, self._check))
        if not erasure.segments:
            segments.note(services, erasure)
        for segment in erasure.segments:
            if segment.found is None:
                self._check()
                segments.look(services, segment, subject, self._check_going)
                self._checkpoint()

    def _each(self, parts: Sequence[Each], step: Callable[[Each], None]) -> None:
        """A step with each part that is not done. Those that have to wait come back together."""
        waits: list[RetryLater] = []
        for part in parts:
            while not part.done:
                self._check()
                try:
                    step(part)
                except (ServiceUnavailable, Conflict, LeaseLost):
                    raise
                except RetryLater as pause:
                    if pause.code == "slice_over":
                        raise
                    waits.append(pause)
                    break
                except ExportError as error:
                    part.problem = ErrorRecord(code=error.code, message=error.message, advice=error.advice)
                    part.done = True
                self._checkpoint()
        if waits:
            raise min(waits, key=lambda pause: pause.retry_after)

    def _turn_back(self, error: ExportError) -> None:
        """End the slice; the next begins after a pause. Too many failures in a row end the erasure."""
        erasure = self._erasure
        pause = error if isinstance(error, RetryLater) else None
        erasure.attempts = erasure.attempts + 1 if isinstance(error, ServiceUnavailable) else 0
        if pause is None or erasure.attempts >= PATIENCE:
            self._end(error)
            return
        delay = pause.retry_after
        if erasure.attempts:
            delay = min(LONGEST_PAUSE, max(delay, 5 * 2**erasure.attempts))
            facts = {"attempt": erasure.attempts, "retry_after": round(delay)}
            telemetry.warning(Event.ERASURE_TROUBLED, code=error.code, message=error.message, **facts)
        following = ErasureMessage(erasure_id=erasure.erasure_id, slice=erasure.slice + 1)
        send(self._services.storage.export_runs, following, delay=delay)
        erasure.slice += 1
        erasure.unfinished = 0
        self._save()

    def _end(self, error: ExportError | None) -> None:
        erasure = self._erasure
        erasure.remaining = remains.of(erasure)
        if error:
            erasure.error = ErrorRecord(code=error.code, message=error.message, advice=error.advice)
        erasure.state = (
            ErasureState.FAILED
            if error
            else ErasureState.COMPLETED_WITH_WARNINGS
            if erasure.remaining
            else ErasureState.COMPLETED
        )
        erasure.ended_at = self._services.now()
        erasure.unfinished = 0
        self._save()
        self._store.forget(erasure.erasure_id)
        _TELL[erasure.state](
            Event.ERASURE_ENDED,
            state=erasure.state,
            code=error.code if error else None,
            remaining=[each.code for each in erasure.remaining],
        )

    def _checkpoint(self) -> None:
        """A step is done, and deaths are counted anew."""
        self._erasure.unfinished = 1  # this slice
        self._save()

    def _save(self) -> None:
        self._etag = self._store.save(self._erasure, self._etag)

    def _check(self) -> None:
        self._check_going()
        if time.monotonic() >= self._deadline:
            raise RetryLater("the slice is over", code="slice_over", retry_after=0)

    def _check_going(self) -> None:
        if stopping.asked():
            raise RetryLater("the instance is going away", code="slice_over", retry_after=0)
