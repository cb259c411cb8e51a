"""The run record: what a run is, how far it has come, and what it came to. It is the checkpoint, too.

It holds no address, no name and no key; whatever a person may be named in is in the plan and the report.
"""

import re
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from shared.runs.formats import Kept, Versioned

VERSION = 2  # of run.json; 1: batches need not say whether they were begun


class State(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCESSFUL = "successful"
    COMPLETED_WITH_WARNINGS = "completed_with_warnings"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        return self not in {State.QUEUED, State.PROCESSING}


class Kind(StrEnum):
    ON_DEMAND = "on_demand"
    SCHEDULED = "scheduled"
    SEGMENT_LANDED = "segment_landed"


class Mode(StrEnum):
    INCREMENTAL = "incremental"
    FULL = "full"
    RECONCILE = "reconcile"


class Phase(StrEnum):
    """What a run is at. The order is the order of work; `read_list` is a detour of reconcile runs back to `prepare`."""

    PREPARE = "prepare"
    READ_LIST = "read_list"
    SEND = "send"
    SETTLE = "settle"
    REMOVE = "remove"
    FINISH = "finish"


class BatchState(StrEnum):
    PLANNED = "planned"
    SENT = "sent"  # SendGrid answered 202; its job has not ended yet
    COMPLETED = "completed"
    ERRORED = "errored"  # some contacts refused, each in the report
    FAILED = "failed"  # all contacts refused
    UNCONFIRMED = "unconfirmed"  # nothing certain is known; everybody of it is sent again next time


class BatchKind(StrEnum):
    UPSERT = "upsert"
    IMPORT = "import"  # a CSV file


class Caution(StrEnum):
    """Why a run takes nobody off the list: it cannot be sure of who put whom there."""

    MEMBERSHIP_LOST = "membership_lost"
    MEMBERSHIP_UNREADABLE = "membership_unreadable"
    OTHER_MEMBERSHIP_UNKNOWN = "other_membership_unknown"


class BatchRecord(Kept):
    """One upsert request or one import. `bytes` of contacts, of an import packed as they are sent.

    `refused` contacts were named by a synchronous 400 and left out.

    `begun`: a request may have reached SendGrid, even if no answer of it is known.
    """

    number: int
    kind: BatchKind = BatchKind.UPSERT
    contacts: int
    bytes: int
    job_id: str | None = None
    state: BatchState = BatchState.PLANNED
    begun: bool = False
    sent_at: datetime | None = None
    refused: int = 0
    created: int = 0
    updated: int = 0


class RemovalRecord(Kept):
    """One portion of leavers. Once its jobs have ended, `leavers` = `removed` + `not_found` + `failed`."""

    number: int
    leavers: int
    state: BatchState = BatchState.PLANNED
    removed: int = 0
    not_found: int = 0
    failed: int = 0
    job_ids: list[str] = Field(default_factory=list)
    sent_at: datetime | None = None


class ListingRecord(Kept):
    """SendGrid's contact export of the list, `id`, the `attempt`-th. So many `files` of it are stored with the plan."""

    id: str
    list_id: str
    asked_at: datetime
    attempt: int = 1
    files: int = 0
    contacts: int = 0
    complete: bool = False


class DriftRecord(Kept):
    """SendGrid's own count of the list after the run, which may lag, and what it should be at least."""

    list_count: int
    at_least: int

    @property
    def missing(self) -> int:
        return max(0, self.at_least - self.list_count)


class SnapshotRecord(Kept):
    id: str
    produced_at: datetime
    marker: str
    files: int


class Progress(Kept):
    """Contacts and leavers done with, of all that the plan has."""

    done: int = 0
    total: int = 0


class ErrorRecord(Kept):
    code: str
    message: str
    advice: str = ""


class Request(Kept):
    """What was asked for. Two requests that differ in nothing but who asked and when are one while they wait.

    `removes_export`: the last run of an export. It takes everybody off the list whom the export put there, and then the
    export is removed.
    """

    kind: Kind
    mode: Mode = Mode.INCREMENTAL
    dry_run: bool = False
    force: bool = False
    removes_export: bool = False
    submitted_by: str
    submitted_at: datetime

    def is_like(self, other: "Request") -> bool:
        return all(
            getattr(self, name) == getattr(other, name) for name in ("mode", "dry_run", "force", "removes_export")
        )


class RunRecord(Request, Versioned):
    """`runs/<export>/<run>/run.json`. Times are UTC. `slice` counts the messages that have worked on the run."""

    version: int = VERSION
    run_id: str
    export_id: str
    connection_id: str | None = None
    list_id: str | None = None
    state: State = State.QUEUED
    planned: bool = False  # the plan is stored as a whole; what the counts say is what is going to be done
    ends_as: State | None = None  # decided before the end: what is under way is settled first
    reason: str | None = None
    phase: Phase = Phase.PREPARE
    started_at: datetime | None = None
    ended_at: datetime | None = None
    listing: ListingRecord | None = None  # only of reconcile runs
    cautions: list[Caution] = Field(default_factory=list)
    drift: DriftRecord | None = None
    snapshots: dict[str, SnapshotRecord] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    warnings: dict[str, int] = Field(default_factory=dict)
    batches: list[BatchRecord] = Field(default_factory=list)
    earlier: list[BatchRecord] = Field(default_factory=list)  # begun for a plan that was never completed
    delivery: BatchKind | None = None  # import: whatever CSV can carry; None: nothing to send
    delivery_reason: str | None = None  # why that way, as a code (`delivery`)
    not_importable: dict[str, int] = Field(default_factory=dict)  # contacts that CSV cannot carry, by reason
    upload_hosts: list[str] = Field(default_factory=list)  # where imports were uploaded to
    removals: list[RemovalRecord] = Field(default_factory=list)
    progress: Progress = Field(default_factory=Progress)
    slice: int = 0
    attempts: int = 0  # slices in a row that ended in a failure which time may heal
    unfinished: int = 0  # slices in a row that began and did not end by themselves; one at work is among them
    error: ErrorRecord | None = None

    @model_validator(mode="before")
    @classmethod
    def _upgrade(cls, given: Any) -> Any:
        """Records of the first app do not say of a batch whether it was begun: any that is planned may have been."""
        if not isinstance(given, dict) or given.get("version", 1) != 1:
            return given
        batches = [{"begun": True, **batch} if isinstance(batch, dict) else batch for batch in given.get("batches", ())]
        return given | {"version": VERSION, "batches": batches}

    @property
    def unplanned(self) -> list[BatchRecord]:
        """Batches that may have reached SendGrid and are in no complete plan: all that is known of them is whom."""
        return self.earlier + ([] if self.planned else [batch for batch in self.batches if batch.begun])

    def got_on(self) -> None:
        """Something has been achieved that will not have to be done again: failures and deaths are counted anew."""
        self.attempts = 0
        self.unfinished = min(self.unfinished, 1)

    def new_batch(self, contacts: int, size: int, kind: BatchKind = BatchKind.UPSERT) -> BatchRecord:
        """One more batch of the plan, with a number that no other has or had."""
        number = max((batch.number for batch in (*self.batches, *self.earlier)), default=0) + 1
        return BatchRecord(number=number, kind=kind, contacts=contacts, bytes=size)

    @classmethod
    def of(cls, run_id: str, export_id: str, request: Request) -> Self:
        return cls(run_id=run_id, export_id=export_id, **request.model_dump(include=set(Request.model_fields)))


def new_run_id(export_id: str, now: datetime) -> str:
    """`<export>-<yyyymmddThhmmssZ>-<6 hex>`: sorts by time within an export."""
    return f"{export_id}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def is_run_id(text: str) -> bool:
    """Whether a text is a run id, which is a part of blob names and of a file's name in a browser."""
    return re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}-\d{8}T\d{6}Z-[0-9a-f]{6}", text, re.ASCII) is not None


def export_of(run_id: str) -> str:
    """The export that a run id belongs to; an empty text if it is no run id."""
    parts = run_id.rsplit("-", 2)
    return parts[0] if len(parts) == 3 else ""  # noqa: PLR2004 -- export, time, chance


def time_of(run_id: str) -> tuple[str, str]:
    """What sorts the runs of all exports by time."""
    return run_id.removeprefix(f"{export_of(run_id)}-"), run_id
