"""What a phase holds of the slice it works in: the record, its ETag, the lease, the time that is left."""

import time

from shared import telemetry
from shared.errors import ExportError, RetryLater, RunCanceled, RunFailed, RunSkipped
from shared.runs import stopping
from shared.runs.lease import Lease
from shared.runs.record import BatchState, ErrorRecord, Phase, RunRecord, State
from shared.runs.services import Services
from shared.telemetry import Event

_END_STATES: dict[type[ExportError], State] = {
    RunFailed: State.FAILED,
    RunSkipped: State.SKIPPED,
    RunCanceled: State.CANCELED,
}


class Slice:
    """One slice of one run."""

    def __init__(self, services: Services, run: RunRecord, etag: str, lease: Lease, deadline: float) -> None:
        self._services = services
        self.run = run
        self._etag = etag
        self._lease = lease
        self._deadline = deadline

    def save(self) -> None:
        """The checkpoint. LeaseLost or Conflict: another instance has gone on with the run, leave it alone."""
        self._lease.check()
        self._etag = self._services.runs.save(self.run, self._etag)

    def checkpoint(self) -> None:
        """Something has been achieved: keep it, and count failures and deaths anew."""
        self.run.got_on()
        self.save()

    def enter(self, phase: Phase) -> None:
        """Go on to a phase, and have that in the record."""
        self.run.phase = phase
        self.run.unfinished = 1  # this slice
        self.save()

    def check_lease(self) -> None:
        """Within a step that must not be cut in two: LeaseLost if the lease is gone."""
        self._lease.check()

    def check_going(self) -> None:
        """Within a long step that can begin again: also RetryLater if the instance is about to go."""
        self._lease.check()
        if stopping.asked():
            raise RetryLater("the instance is going away", code="stopping", retry_after=0)

    def check(self) -> None:
        """Between steps: also RetryLater if the slice's time is up."""
        self.check_going()
        if time.monotonic() >= self._deadline:
            raise RetryLater("the slice is over", code="slice_over", retry_after=0)

    def fail(self, error: ExportError) -> None:
        """Note why the run ends, and go on to settling what has been sent already, or to the end if nothing has."""
        run = self.run
        self.note_error(error)
        already_ending = run.ends_as is not None
        run.ends_as = run.ends_as or next(state for kind, state in _END_STATES.items() if isinstance(error, kind))
        following = Phase.FINISH
        sent = any(batch.state is BatchState.SENT for batch in (*run.batches, *run.earlier))
        if sent and run.phase in {Phase.PREPARE, Phase.READ_LIST, Phase.SEND}:
            following = Phase.SETTLE
        elif run.phase is Phase.REMOVE and any(portion.state is BatchState.SENT for portion in run.removals):
            # A removal still under way must not meet what the next run of the list puts on it.
            following = Phase.FINISH if already_ending else Phase.REMOVE
        self.enter(following)

    def note_error(self, error: ExportError) -> None:
        """The record keeps the first error: what comes later is most often its consequence."""
        run = self.run
        # Who asked for a run to stop is in its record; sign-in names do not belong into logs.
        message = None if isinstance(error, RunCanceled) else error.message
        telemetry.warning(Event.RUN_ENDING, code=error.code, message=message)
        run.error = run.error or ErrorRecord(code=error.code, message=error.message, advice=error.advice)
