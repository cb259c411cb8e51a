"""The documents of a run under way: people change them at any time."""

from shared.destinations.checks import problems
from shared.destinations.models import Connection
from shared.errors import NotFound, RunCanceled
from shared.runs.record import RunRecord
from shared.runs.services import Services


def not_canceled(services: Services, run: RunRecord) -> None:
    """RunCanceled if somebody asked for the run to stop."""
    who = services.runs.canceled_by(run.run_id)
    if who:
        raise RunCanceled(
            f"the run was canceled by {who}", code="canceled", advice="Start the export again when it should go on."
        )


def unchanged(services: Services, run: RunRecord) -> Connection:
    """The run's connection, if the run may still go on. RunCanceled if what it was planned for no longer holds."""
    not_canceled(services, run)
    try:
        export = services.destinations.export(run.export_id)
        connection = services.destinations.connection(str(run.connection_id))
    except NotFound as error:
        raise _stopped("its export or its connection was removed") from error
    if not export.enabled and not run.removes_export:
        raise _stopped("its export was disabled")
    if (export.connection, export.list_id) != (run.connection_id, run.list_id):
        raise _stopped("its export was given another connection or list")
    if found := problems(export, connection):
        raise _stopped("; ".join(found))
    return connection


def _stopped(why: str) -> RunCanceled:
    return RunCanceled(
        f"the run was stopped: {why}", code="destination_changed", advice="Start the export again when it is settled."
    )
