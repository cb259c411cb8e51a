"""Where all triggers meet: a run is asked for, and waits for its turn."""

from shared import telemetry
from shared.errors import UnreadableSegment
from shared.runs import messages
from shared.runs.messages import Message
from shared.runs.record import Kind, Request, RunRecord, new_run_id
from shared.runs.services import Services
from shared.runs.turn import Turn, Waiting
from shared.segments import landing
from shared.segments.snapshot import Snapshot
from shared.telemetry import Event


def start(services: Services, export_id: str, request: Request, *, delay: float = 0) -> RunRecord:
    """Queue a run of the export and give its record; a like run that still waits is given instead.

    The export's document is not looked at: whether it can run is the run's own first question, so that the answer is in
    its record. `delay`: seconds before anybody looks at the run. Conflict if the export is about to be removed.
    """
    run_id = new_run_id(export_id, request.submitted_at)
    twin: list[Waiting] = []

    def queue_up(turn: Turn) -> None:
        turn.refuse_while_removing()
        twin[:] = [waiting for waiting in turn.waiting if waiting.request.is_like(request)][:1]
        if not twin:
            turn.waiting.append(Waiting(run_id=run_id, request=request))

    services.turns.change(export_id, queue_up)
    if twin:
        run_id, request = twin[0].run_id, twin[0].request
    run = services.runs.find_or_create(RunRecord.of(run_id, export_id, request))
    if not twin:
        messages.send(services.storage.export_runs, Message(run_id=run_id, export_id=export_id), delay=delay)
        tell_queued(run)
    return run


def tell_queued(run: RunRecord) -> None:
    """A line in the log."""
    asked = run.model_dump(mode="json", include={"run_id", "export_id", "kind", "mode", "dry_run", "removes_export"})
    telemetry.info(Event.RUN_QUEUED, **asked)


def segment_landed(services: Services, blob_name: str) -> list[RunRecord]:
    """Queue runs of the exports that have a segment which has just become complete by the arrival of this blob."""
    segments = landing.segments_in(services.storage.segments, blob_name)
    exports = services.destinations.exports_of(*segments) if segments else []
    exports = [export for export in exports if export.enabled and export.connection and export.run_on_landing]
    if not exports:
        return []
    # One look for all of them: a model.json may complete every segment of its folder.
    landings = landing.Landings(services.storage.segments, only=segments)
    used = sorted(segments.intersection(segment for export in exports for segment in export.segments))
    landed = {segment: _landed(landings, segment) for segment in used}
    started: list[RunRecord] = []
    for export in exports:
        turn = services.turns.load(export.id)
        planned = turn.planned
        if turn.removing or all(
            landed[segment] in {None, planned.get(segment)} for segment in export.segments if segment in landed
        ):
            continue  # events come more than once, and for every file of a landing
        request = Request(kind=Kind.SEGMENT_LANDED, submitted_by="segment_landed", submitted_at=services.now())
        started.append(start(services, export.id, request, delay=services.settings.landing_settle_seconds))
    return started


def _landed(landings: landing.Landings, segment: str) -> str | None:
    """The id of the segment's snapshot, `unreadable` if it has one that cannot be used, None if it has none yet."""
    try:
        snapshot = landings.latest(segment)
    except UnreadableSegment as error:
        telemetry.warning(Event.SEGMENT_UNREADABLE, code=error.code, message=error.message)
        return "unreadable"  # the run says so where people look
    return snapshot.id if isinstance(snapshot, Snapshot) else None
