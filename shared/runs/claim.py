"""Exports of one list take turns: each leaves the others' people on it, so it has to know who they are.

Were two of them at work at once, each would count on the other's membership of before: a person who left the segments
of both would be left on the list by both, and one who went from the one to the other could be taken off after having
been put on. The claim needs no end: it holds for as long as its run is the active one of its export.
"""

from pydantic import BaseModel, ValidationError

from shared.errors import Conflict, NotFound, RetryLater
from shared.runs.record import RunRecord
from shared.runs.services import Services

WAIT_SECONDS = 20


class Claim(BaseModel):
    """`state/list-<list id>.json`: the run that works on the list, or did so last."""

    run_id: str
    export_id: str


def claim(services: Services, run: RunRecord, list_id: str) -> None:
    """Claim the list for the run. RetryLater while it is another's."""
    name = f"list-{list_id.lower()}.json"
    holder, etag = _holder(services, name)
    if holder and holder.run_id == run.run_id:
        return
    if holder and services.turns.load(holder.export_id).active == holder.run_id:
        raise _busy()
    content = Claim(run_id=run.run_id, export_id=run.export_id).model_dump_json().encode()
    try:
        services.storage.state.write(name, content, if_match=etag, if_absent=etag is None)
    except Conflict as error:
        raise _busy() from error


def _holder(services: Services, name: str) -> tuple[Claim | None, str | None]:
    try:
        blob = services.storage.state.read(name)
    except NotFound:
        return None, None
    try:
        return Claim.model_validate_json(blob.content), blob.etag
    except ValidationError:  # nobody's: it is written anew
        return None, blob.etag


def _busy() -> RetryLater:
    return RetryLater("another export of the same list is at work", code="list_busy", retry_after=WAIT_SECONDS)
