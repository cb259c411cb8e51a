"""What the API takes and gives, as models: the answers are made from them, and openapi.json describes them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.destinations.forms import Cell, Column, Line, Slug
from shared.destinations.models import Consent, Document, Export, Mapping
from shared.erasures.record import Erasure
from shared.runs.record import Caution, DriftRecord, ErrorRecord, Kind, Mode, Phase, Progress, SnapshotRecord, State

Word = Literal["viewer", "contributor", "administrator"]
UsePermission = Literal["edit", "use", "none"]
EditPermission = Literal["edit", "view"]


class View(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(from_attributes=True)


# Bodies


class RunWish(Document):
    """How a run is to be."""

    mode: Literal["incremental", "full", "reconcile"] = Field("incremental", description="incremental, full, reconcile")
    dry_run: bool = Field(False, description="true to plan and report only: nothing is sent")
    force: bool = Field(False, description="true to let an empty or a much smaller segment pass")


class ConsentWish(Document):
    """Agreement to the privacy text."""

    text_version: Line = Field(description="the version of the text that was read, from /consent-text")


class PreviewWish(Document):
    """A mapping to try on a segment."""

    mapping: Mapping = Field(description="the mapping, as in an export")
    only_where: dict[Column, Annotated[tuple[Cell, ...], Field(min_length=1)]] = Field(
        {}, description="the values that let a row pass, as in an export"
    )
    clear_empty: bool = Field(False, description="true to empty text fields whose column is empty")
    connection: Slug | None = Field(None, description="the id of a connection, for the types of its custom fields")


class ErasureWish(Document):
    """Whom to erase."""

    address: Annotated[str, Field(min_length=1, max_length=320)] = Field(description="the person's e-mail address")
    delete_contact: bool = Field(False, description="true to delete the contact in every SendGrid account, too")
    reference: Line | None = Field(None, description="the number of the case in your own files, never a name")


# Answers


class Problem(View):
    """RFC 9457, with a `code` for programs and `advice` for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    advice: str | None = None
    field: str | None = None
    errors: "list[FieldProblem] | None" = None
    used_by: list[str] | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None


class FieldProblem(View):
    field: str
    detail: str


class Health(View):
    status: Literal["ok"] = "ok"
    version: str


class AppInfo(View):
    version: str


class Defaults(View):
    schedule: str
    timezone: str


class Me(View):
    """Who calls."""

    name: str
    role: Word
    auth_mode: Literal["key", "entra"]
    app: AppInfo
    defaults: Defaults


class ScheduleView(View):
    """The next times of a schedule, in its zone; none if it is off."""

    next: list[datetime]
    sentence: str


class InvalidDocumentView(View):
    """A document that cannot be read, with a sentence for each thing to mend."""

    name: str
    problems: list[str]


class ConnectionName(View):
    """A connection, for people who may use it at most."""

    id: str
    display_name: str
    type: Literal["SendGrid"] = "SendGrid"
    permission: UsePermission


class ConnectionDetails(ConnectionName):
    """A connection, for administrators."""

    region: Literal["global", "eu"]
    host: str
    api_key_secret: str
    allowed_roles: list[str]
    consent: Consent | None
    contact_limit: int | None
    used_by: list[str]
    etag: str
    updated_at: datetime
    updated_by: str | None


class ConnectionAnswer(RootModel[ConnectionDetails | ConnectionName]):
    """A connection, as much of it as the caller may see."""


class Connections(View):
    connections: list[ConnectionDetails | ConnectionName]
    invalid: list[InvalidDocumentView]


class CheckLine(View):
    """One thing that was looked at; `ok` is null if it could not be, because of another."""

    name: Literal["secret", "key", "scopes", "lists", "fields", "consent"]
    ok: bool | None
    message: str
    advice: str = ""


class Check(View):
    """Whether exports can run over the connection, and what is missing."""

    ok: bool
    host: str
    region: Literal["global", "eu"]
    checks: list[CheckLine]
    vault_command: str


class ConsentText(View):
    """What is agreed to, and who answers for what."""

    text_version: str
    paragraphs: list[str]
    responsibilities: list["Responsibility"]


class Responsibility(View):
    who: str
    what: str


class ListView(View):
    id: str
    name: str
    contact_count: int


class Lists(View):
    lists: list[ListView]


class FieldView(View):
    id: str
    name: str
    type: str
    reserved: bool


class Fields(View):
    fields: list[FieldView]


class RunSummary(View):
    """A run, without the bookkeeping of its batches."""

    run_id: str
    export_id: str
    connection_id: str | None
    list_id: str | None
    state: State
    kind: Kind
    mode: Mode
    dry_run: bool
    force: bool
    removes_export: bool
    phase: Phase
    planned: bool
    progress: Progress
    submitted_by: str
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    counts: dict[str, int]
    warnings: dict[str, int]
    cautions: list[Caution]
    drift: DriftRecord | None
    snapshots: dict[str, SnapshotRecord]
    reason: str | None
    error: ErrorRecord | None


class RunPage(View):
    """Runs, newest first. `next`: what to give as `before` for the page after this one."""

    runs: list[RunSummary]
    next: str | None


class StartedRuns(View):
    runs: list[RunSummary]


class ExportView(Export):
    """An export's document, who wrote it when (null: not through the app), and how it stands."""

    etag: str
    updated_at: datetime
    updated_by: str | None
    permission: EditPermission
    members: int | None
    last_run: RunSummary | None
    active_run: RunSummary | None
    next_run_at: datetime | None
    removing: bool


class Exports(View):
    exports: list[ExportView]
    invalid: list[InvalidDocumentView]


class ErasurePage(View):
    """Erasures, newest first. `next`: what to give as `before` for the page after this one."""

    erasures: list[Erasure]
    next: str | None


class Reason(View):
    """Rows or contacts that did not get where they should, for one reason."""

    stage: str
    code: str
    count: int
    meaning: str


class Reasons(View):
    reasons: list[Reason]


class SegmentView(View):
    """A segment as it has landed. `rows` of a large one are estimated from its beginning."""

    name: str
    state: Literal["complete", "incomplete"]
    reason: str | None
    rows: int | None
    rows_are: Literal["counted", "estimated"] | None
    bytes: int
    files: int
    produced_at: datetime | None
    landed_at: datetime
    format: str | None
    used_by: list[str]


class Segments(View):
    segments: list[SegmentView]


class ColumnView(View):
    """A column, with some of its values masked."""

    name: str
    type: Literal["email", "number", "date", "text"]
    sample: list[str]


class Columns(View):
    """A segment's columns, and which of them are likely to fill SendGrid's fields."""

    columns: list[ColumnView]
    suggestions: dict[str, str]


class Preview(View):
    """Masked contacts as SendGrid would get them, and what became of the other rows that were looked at."""

    contacts: list[dict[str, object]]
    rows_looked_at: int
    problems: dict[str, int]


Problem.model_rebuild()
ConsentText.model_rebuild()
