"""Where all triggers meet: a run is asked for, and waits for its turn."""

import logging

from shared.errors import UnreadableSegment
from shared.runs import messages
from shared.runs.messages import Message
from shared.runs.record import Kind, Request, RunRecord, new_run_id
from shared.runs.services import Services
from shared.runs.turn import Turn, Waiting
from shared.segments import landing
from shared.segments.snapshot import Snapshot

log = logging.getLogger(__name__)


def start(services: Services, export_id: str, request: Request, *, delay: float = 0) -> RunRecord:
    """Queue a run of the export and give its record; a like run that still waits is given instead.

    The export's document is not looked at: whether it can run is the run's own first question, so that the answer is in
    its record. `delay`: seconds before anybody looks at the run.
    """
    run_id = new_run_id(export_id, request.submitted_at)
    twin: list[Waiting] = []

    def queue_up(turn: Turn) -> None:
        twin[:] = [waiting for waiting in turn.waiting if waiting.request.is_like(request)][:1]
        if not twin:
            turn.waiting.append(Waiting(run_id=run_id, request=request))

    services.turns.change(export_id, queue_up)
    if twin:
        run_id, request = twin[0].run_id, twin[0].request
    run = services.runs.find_or_create(RunRecord.of(run_id, export_id, request))
    if not twin:
        messages.send(services.storage.export_runs, Message(run_id=run_id, export_id=export_id), delay=delay)
        log.info("run %s queued (%s, %s)", run_id, request.kind, request.mode)
    return run


def segment_landed(services: Services, blob_name: str) -> list[RunRecord]:
    """Queue runs of the exports whose segment has just become complete by the arrival of this blob."""
    started: list[RunRecord] = []
    for segment in sorted(landing.segments_in(services.storage.segments, blob_name)):
        exports = [
            export for export in services.destinations.exports_of(segment) if export.enabled and export.run_on_landing
        ]
        landed = _landed(services, segment) if exports else None
        for export in exports:
            if landed in {None, services.turns.load(export.id).planned.get(segment)}:
                continue  # events come more than once, and for every file of a landing
            request = Request(kind=Kind.SEGMENT_LANDED, submitted_by="segment_landed", submitted_at=services.now())
            settle = services.settings.landing_settle_seconds
            started.append(start(services, export.id, request, delay=settle))
    return started


def _landed(services: Services, segment: str) -> str | None:
    """The id of the segment's snapshot, `unreadable` if it has one that cannot be used, None if it has none yet."""
    try:
        snapshot = landing.latest(services.storage.segments, segment)
    except UnreadableSegment as error:
        log.warning("%s", error.message)
        return "unreadable"  # the run says so where people look
    return snapshot.id if isinstance(snapshot, Snapshot) else None
