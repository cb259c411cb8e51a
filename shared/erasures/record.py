"""What an erasure is, how far it has come, and what it came to: the checkpoint, and what an auditor reads afterwards.

It never holds the address, nor anything made from it: a digest of an address is found again by trying addresses. While
the work is under way, the address is in a document of its own, the subject, which is deleted at the end.
"""

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice

from pydantic import BaseModel, Field, ValidationError

from shared.cloud.storage import BlobItem, Container
from shared.errors import NewerFormat, NotFound
from shared.runs import formats
from shared.runs.formats import Kept, Versioned
from shared.runs.record import ErrorRecord

VERSION = 1  # of an erasure's record

_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_RECORDS, _SUBJECTS = "erasure-", "erasing-"  # no folders: those are exports'


class ErasureState(StrEnum):
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    COMPLETED_WITH_WARNINGS = "completed_with_warnings"  # `remaining` says what people have to do yet
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self not in {ErasureState.QUEUED, ErasureState.PROCESSING}


class Found(StrEnum):
    """What was found in a segment or an account."""

    NOTHING = "nothing"
    PERSON = "person"
    UNKNOWN = "unknown"  # it cannot be read


class Part(Kept):
    """What was done at one place. `problem`: why not all of it."""

    done: bool = False
    problem: ErrorRecord | None = None


class ExportPart(Part):
    """What was taken out of one export's data: its membership, and reports of its `runs`, `lines` in all.

    `cursor`: the last report that was looked at, and `began_at` when the looking began. `waits_for`: the run under way.
    """

    export_id: str
    was_member: bool = False
    lines: int = 0
    runs: list[str] = Field(default_factory=list)
    began_at: datetime | None = None
    cursor: str = ""
    waits_for: str | None = None


class AccountPart(Part):
    """The contact of one connection's SendGrid account; `deleted` once SendGrid does not find it any more."""

    connection_id: str
    found: Found | None = None
    deleted: bool = False
    job_id: str | None = None
    asked_at: datetime | None = None


class SegmentPart(Kept):
    """Whether the next run of the export would find the person in that segment."""

    export_id: str
    segment: str
    found: Found | None = None


class Erasure(Versioned):
    """`state/erasure-<id>.json`. Times are UTC. `reference` is the asker's own number for the case."""

    erasure_id: str
    reference: str | None = None
    delete_contact: bool = False
    requested_by: str
    requested_at: datetime
    state: ErasureState = ErasureState.QUEUED
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exports: list[ExportPart] = Field(default_factory=list)
    accounts: list[AccountPart] = Field(default_factory=list)
    segments: list[SegmentPart] = Field(default_factory=list)
    remaining: list[ErrorRecord] = Field(default_factory=list)
    error: ErrorRecord | None = None
    slice: int = 0
    attempts: int = 0
    unfinished: int = 0  # as of a run


class Subject(BaseModel):
    """`state/erasing-<id>.json`: whom it is about. `address` as a run makes it, `given` as it was given."""

    address: str
    given: str

    @property
    def forms(self) -> set[str]:
        """How a report may name the person."""
        return {self.address, self.given.strip().lower()}


def new_id(now: datetime) -> str:
    """`<yyyymmddThhmmssZ>-<6 hex>`: sorts by time."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class ErasureStore:
    """Records with optimistic locking, and subjects beside them."""

    def __init__(self, state: Container) -> None:
        self._state = state

    def load(self, erasure_id: str) -> tuple[Erasure, str]:
        """The record and its ETag. NotFound, NewerFormat."""
        if not _ID.fullmatch(erasure_id):
            raise NotFound(f"there is no erasure {erasure_id[:100]!r}", code="not_found")
        blob = self._state.read(_record(erasure_id))
        try:
            return formats.read(Erasure, blob.content, f"state/{_record(erasure_id)}", VERSION), blob.etag
        except ValidationError:
            raise NotFound(f"{_record(erasure_id)} is no erasure", code="invalid_record") from None

    def load_with_age(self, erasure_id: str) -> tuple[Erasure, datetime]:
        """The record and when it was last written. NotFound."""
        written = self._state.properties(_record(erasure_id)).last_modified
        return self.load(erasure_id)[0], written

    def create(self, erasure: Erasure, subject: Subject) -> None:
        """The subject first: without a record it is found and deleted; a record without it would be work forever."""
        self._state.write(_subject(erasure.erasure_id), subject.model_dump_json().encode())
        self._state.write(_record(erasure.erasure_id), _json(erasure), if_absent=True)

    def save(self, erasure: Erasure, etag: str) -> str:
        """Replace the record. Conflict if it is no longer the one that `etag` names."""
        return self._state.write(_record(erasure.erasure_id), _json(erasure), if_match=etag)

    def subject(self, erasure_id: str) -> Subject:
        """Whom it is about. NotFound once it has ended."""
        return Subject.model_validate_json(self._state.read(_subject(erasure_id)).content)

    def forget(self, erasure_id: str) -> None:
        """Delete the subject: from now on nothing here names the person."""
        self._state.delete(_subject(erasure_id))

    def open(self) -> Iterator[tuple[str, datetime]]:
        """Ids of the erasures that have a subject, and when that was written."""
        for item in self._state.list(_SUBJECTS):
            yield _id(item, _SUBJECTS), item.last_modified

    def newest(self, count: int, *, before: str | None = None) -> list[Erasure]:
        """Up to `count` records, newest first, older than the erasure `before` if one is given."""
        ids = sorted((_id(item, _RECORDS) for item in self._state.list(_RECORDS)), reverse=True)
        found = (self._find(each) for each in ids if before is None or each < before)
        return list(islice((each for each in found if each), count))

    def _find(self, erasure_id: str) -> Erasure | None:
        """The record; None if it has gone since it was listed, or is not for this version of the app."""
        try:
            return self.load(erasure_id)[0]
        except (NotFound, NewerFormat):
            return None


def _record(erasure_id: str) -> str:
    return f"{_RECORDS}{erasure_id}.json"


def _subject(erasure_id: str) -> str:
    return f"{_SUBJECTS}{erasure_id}.json"


def _id(item: BlobItem, prefix: str) -> str:
    return item.name.removeprefix(prefix).removesuffix(".json")


def _json(erasure: Erasure) -> bytes:
    return erasure.model_dump_json(indent=1).encode()
