"""An export that was removed without its people leaves a membership behind. It is forgotten after a while.

Until then somebody who removes an export by mistake, and makes it again, finds everything as it was.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from shared.destinations.documents import EXPORTS, SUFFIX
from shared.errors import Conflict, ExportError, NotFound
from shared.runs.lease import held
from shared.runs.services import Services
from shared.runs.store import members_name
from shared.runs.turn import Turn

KEPT = timedelta(days=30)  # without a document


def forget_removed(services: Services, now: datetime) -> None:
    """Note since when an export has no document, and delete the memberships of those that have had none for so long."""
    documents = {item.name for item in services.storage.config.list(EXPORTS)}
    for export_id in list(services.turns.exports()):
        with suppress(ExportError):  # looked at again by the next sweep
            if f"{EXPORTS}{export_id}{SUFFIX}" in documents:
                _note(services, export_id, None)
            elif _has_members(services, export_id) and now - (_note(services, export_id, now) or now) > KEPT:
                _forget(services, export_id)


def _note(services: Services, export_id: str, since: datetime | None) -> datetime | None:
    """What is noted from now on: since when the export has no document, or None, for one that has."""

    def note(turn: Turn) -> None:
        turn.removed_since = since and (turn.removed_since or since)

    turn = services.turns.load(export_id)
    if (turn.removed_since is None) != (since is None):
        turn = services.turns.change(export_id, note)
    return turn.removed_since


def _has_members(services: Services, export_id: str) -> bool:
    try:
        services.storage.state.properties(members_name(export_id))
    except NotFound:
        return False
    return True


def _forget(services: Services, export_id: str) -> None:
    with suppress(Conflict), held(services.storage.state, export_id):
        if services.turns.load(export_id).active is None:
            services.runs.delete_members(export_id)
            services.turns.delete(export_id)
