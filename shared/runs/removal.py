"""An export is removed together with the people it has put on the list: by a last run, and then its document goes."""

from contextlib import suppress

from shared import telemetry
from shared.destinations.documents import export_name
from shared.errors import NotFound
from shared.runs import messages
from shared.runs.messages import Message
from shared.runs.record import Kind, Request, RunRecord, State, new_run_id
from shared.runs.services import Services
from shared.runs.start import tell_queued
from shared.runs.turn import Turn, Waiting
from shared.telemetry import Event


def remove_with_members(services: Services, export_id: str, by: str) -> RunRecord:
    """Queue the export's last run, and stop those before it. Asked for twice, it is the same run."""
    request = Request(
        kind=Kind.ON_DEMAND, removes_export=True, submitted_by=by, submitted_at=services.now().replace(microsecond=0)
    )
    run_id = new_run_id(export_id, request.submitted_at)

    def queue_up(turn: Turn) -> None:
        if turn.removing is None:
            turn.removing = run_id
            turn.waiting.append(Waiting(run_id=run_id, request=request))

    turn = services.turns.change(export_id, queue_up)
    if turn.removing != run_id:
        return services.runs.load(str(turn.removing))[0]
    run = services.runs.find_or_create(RunRecord.of(run_id, export_id, request))
    for earlier in (turn.active, *(waiting.run_id for waiting in turn.waiting)):
        if earlier and earlier != run_id:
            with suppress(NotFound):  # it is being created, and goes first then
                services.runs.cancel(earlier, by)
    messages.send(services.storage.export_runs, Message(run_id=run_id, export_id=export_id))
    tell_queued(run)
    return run


def conclude(services: Services, run: RunRecord) -> None:
    """After the last run: the export goes if nobody is left on the list by it, else it stays, and may be removed anew.

    Safe to do twice.
    """
    if not run.removes_export or services.turns.load(run.export_id).removing != run.run_id:
        return
    nobody_left = run.state is State.SUCCESSFUL or (
        run.state is State.COMPLETED_WITH_WARNINGS and not run.cautions and not run.counts.get("failed_removals")
    )
    if not nobody_left:
        services.turns.change(run.export_id, _stay)
        return
    services.storage.config.delete(export_name(run.export_id))
    services.runs.delete_members(run.export_id)
    services.turns.delete(run.export_id)
    telemetry.info(Event.EXPORT_REMOVED, export_id=run.export_id)


def recover(services: Services, export_id: str, turn: Turn) -> None:
    """Nothing is queued or worked on, and still the export is being removed: whoever worked on it has died."""
    if not turn.removing or turn.active or turn.waiting:
        return
    try:
        run, _ = services.runs.load(turn.removing)
    except NotFound:
        services.turns.change(export_id, _stay)
    else:
        conclude(services, run)


def _stay(turn: Turn) -> None:
    turn.removing = None
