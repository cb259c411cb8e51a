"""Exports of one list take turns: each leaves the others' people on it, so it has to know who they are.

Were two of them at work at once, each would count on the other's membership of before: a person who left the segments
of both would be left on the list by both, and one who went from the one to the other could be taken off after having
been put on.

Who comes first is served first: the list is handed on to the run that has waited longest, which is woken up. A claim
needs no end: it holds for as long as its run is the active one of its export. Should it be handed on by nobody, because
an instance died, any run that asks for the list does it.
"""

from collections.abc import Callable

from pydantic import Field, ValidationError

from shared.errors import Conflict, NotFound, RetryLater
from shared.runs import formats, messages
from shared.runs.formats import Kept, Versioned
from shared.runs.messages import Message
from shared.runs.record import RunRecord
from shared.runs.services import Services

VERSION = 1  # of a claim
WAIT_SECONDS = 30  # until a run asks again that was not woken up
_TRIES = 20  # writers of one claim at the same moment are few; each loser of a race reads again


class Claimant(Kept):
    """A run that works on a list or would like to."""

    run_id: str
    export_id: str


class Claim(Versioned):
    """`state/list-<list id>.json`: the run that works on the list, or did so last, and those that wait, in order."""

    holder: Claimant | None = None
    waiting: list[Claimant] = Field(default_factory=list)


def claim(services: Services, run: RunRecord, list_id: str) -> None:
    """Claim the list for the run. RetryLater while it is another's."""
    asking = Claimant(run_id=run.run_id, export_id=run.export_id)

    def ask(claim: Claim) -> None:
        if asking != claim.holder and asking not in claim.waiting:
            claim.waiting.append(asking)
        _hand_on(services, claim)

    if _change(services, list_id, ask, asking).holder != asking:
        raise RetryLater("another export of the same list is at work", code="list_busy", retry_after=WAIT_SECONDS)


def hand_on(services: Services, list_id: str) -> None:
    """Let the run have the list that has waited longest, if the one that had it has ended."""
    _change(services, list_id, lambda claim: _hand_on(services, claim))


def _hand_on(services: Services, claim: Claim) -> None:
    while claim.waiting and not _is_active(services, claim.holder):
        claim.holder = claim.waiting.pop(0)


def _is_active(services: Services, claimant: Claimant | None) -> bool:
    return claimant is not None and services.turns.load(claimant.export_id).active == claimant.run_id


def _change(services: Services, list_id: str, alter: Callable[[Claim], None], asking: Claimant | None = None) -> Claim:
    """Read, alter, write, and wake up whom the list was handed to, unless it is who asks."""
    name = f"list-{list_id.lower()}.json"
    for _ in range(_TRIES):
        claim, etag = _load(services, name)
        before = claim.model_copy(deep=True)
        alter(claim)
        if claim == before:
            return claim
        content = claim.model_dump_json(indent=1).encode()
        try:
            services.storage.state.write(name, content, if_match=etag, if_absent=etag is None)
        except Conflict:
            continue
        if claim.holder and claim.holder not in (before.holder, asking):
            _wake(services, claim.holder)
        return claim
    raise Conflict(f"who works on list {list_id} is changed all the time", code="conflict")


def _wake(services: Services, claimant: Claimant) -> None:
    """Nothing is lost if it does not wake up: it comes by itself."""
    try:
        at = services.runs.load(claimant.run_id)[0].slice
    except NotFound:
        return
    message = Message(run_id=claimant.run_id, export_id=claimant.export_id, slice=at)
    messages.send(services.storage.export_runs, message)


def _load(services: Services, name: str) -> tuple[Claim, str | None]:
    try:
        blob = services.storage.state.read(name)
    except NotFound:
        return Claim(), None
    try:
        return formats.read(Claim, blob.content, f"state/{name}", VERSION), blob.etag
    except ValidationError:  # nobody's: it is written anew
        return Claim(), blob.etag
