"""Whose turn it is: the runs of one export, one at a time, in `state/<export>/turn.json`.

The document is the truth about which runs are still to be done; queue messages only wake somebody up. It is written
before a run's record and its message, so a crash in between leaves a run that the sweep finds, never one that is lost.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import Field, ValidationError

from shared.cloud.storage import Container
from shared.errors import Conflict, NotFound, RunFailed
from shared.runs import formats
from shared.runs.formats import Kept, Versioned
from shared.runs.record import Request

VERSION = 1  # of turn.json

_TRIES = 20  # writers of one export's document at the same moment are few; each loser of a race reads again


class Waiting(Kept):
    """A run that has not begun."""

    run_id: str
    request: Request


class Turn(Versioned):
    """Which run is worked on, which wait, and what the app knows of the export beside its membership.

    planned        the snapshots that the last plan was made of, by segment
    has_members    a membership was written once, so its file has been lost if it is not there
    removing       the run after which the export is removed; none is queued behind it
    removed_since  when it was noticed that the export has no document
    """

    active: str | None = None
    waiting: list[Waiting] = Field(default_factory=list)
    planned: dict[str, str] = Field(default_factory=dict)
    has_members: bool = False
    removing: str | None = None
    removed_since: datetime | None = None

    def refuse_while_removing(self) -> None:
        """Conflict if the export is about to be removed."""
        if self.removing:
            raise Conflict(
                "the export is being removed",
                code="being_removed",
                advice=f"Look at run {self.removing}; if it is canceled, the export stays.",
            )


class Turns:
    """The documents of all exports."""

    def __init__(self, state: Container) -> None:
        self._state = state

    def load(self, export_id: str) -> Turn:
        return self._load(export_id)[0]

    def change(self, export_id: str, alter: Callable[[Turn], None]) -> Turn:
        """Read, alter, write; again from the start if somebody else wrote in between."""
        for _ in range(_TRIES):
            turn, etag = self._load(export_id)
            before = turn.model_copy(deep=True)
            alter(turn)
            if turn == before:
                return turn
            content = turn.model_dump_json(indent=1).encode()
            try:
                self._state.write(turn_name(export_id), content, if_match=etag, if_absent=etag is None)
            except Conflict:
                continue
            return turn
        raise Conflict(f"the runs of {export_id} are changed all the time", code="conflict")

    def delete(self, export_id: str) -> None:
        """Forget the export."""
        self._state.delete(turn_name(export_id))

    def exports(self) -> Iterator[str]:
        """Ids of the exports that have ever run."""
        for folder in self._state.folders(""):
            yield folder.rstrip("/")

    def _load(self, export_id: str) -> tuple[Turn, str | None]:
        try:
            blob = self._state.read(turn_name(export_id))
        except NotFound:
            return Turn(), None
        try:
            return formats.read(Turn, blob.content, f"state/{turn_name(export_id)}", VERSION), blob.etag
        except ValidationError as error:
            raise RunFailed(
                f"state/{turn_name(export_id)} is not what the app wrote there",
                code="invalid_state",
                advice="Delete it; runs of the export that had not ended are forgotten.",
            ) from error


def turn_name(export_id: str) -> str:
    """The blob in the state container."""
    return f"{export_id}/turn.json"
