"""The two documents that people write: a connection (a SendGrid account) and an export (segments -> one list).

A field's description is the sentence about it in the JSON Schema, where editors show it, and the end of every message
about it ("…; give <description>"). docs/configuration.md shows whole documents; `documents` reads them.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from shared.destinations.forms import (
    Cell,
    Column,
    FieldName,
    Line,
    ListId,
    Schedule,
    SecretName,
    SegmentName,
    Slug,
    TimeZone,
    each_once,
    each_once_in_any_case,
)

MAX_CUSTOM_FIELDS = 500  # SendGrid's limit for an account
DEFAULT_MAX_PROFILES = 100_000  # what Customer Insights' own connector stops at
NAME = "a name that tells people purpose and target"


class Document(BaseModel):
    """A part of a document. Strict: `true` is no number, `1` no text, and a key that nobody reads is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Consent(Document):
    """Somebody entitled to it agreed that the data leaves for SendGrid."""

    agreed_by: Line = Field(description="who agreed, for example an administrator's sign-in name")
    agreed_at: AwareDatetime = Field(description="the moment it was given, with offset, such as 2026-11-21T10:00:00Z")
    text_version: Line = Field(description="the version of the privacy text that was agreed to")


class Connection(Document):
    """A SendGrid account: where its key is kept, who may use it, and the consent to send data there."""

    id: Slug = Field(description="the document's name without .json, or leave the key out")
    display_name: Line = Field(description=NAME)
    api_key_secret: SecretName = Field(description="the name of the Key Vault secret that holds the SendGrid API key")
    region: Literal["global", "eu"] = Field("global", description="global, or eu for a subuser that lives in the EU")
    allowed_roles: Annotated[
        tuple[Literal["admin", "contributor"], ...], Field(min_length=1), AfterValidator(each_once)
    ] = Field(("admin",), description="the roles whose people may use the connection in exports")
    consent: Consent | None = Field(None, description="who agreed to the transfer, when and to what; no run without it")
    contact_limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="how many contacts the SendGrid plan holds, or null"
    )


class Mapping(Document):
    """Which column fills which SendGrid field. Columns are found without regard to case."""

    email: Column = Field(description="the column that holds the e-mail address")
    first_name: Column | None = Field(None, description="the column that holds the first name")
    last_name: Column | None = Field(None, description="the column that holds the last name")
    country: Column | None = Field(None, description="the column that holds the country or region")
    state_province_region: Column | None = Field(None, description="the column that holds the state or province")
    city: Column | None = Field(None, description="the column that holds the city")
    postal_code: Column | None = Field(None, description="the column that holds the post code")
    custom_fields: Annotated[
        dict[FieldName, Column], Field(max_length=MAX_CUSTOM_FIELDS), AfterValidator(each_once_in_any_case)
    ] = Field({}, description="names of SendGrid custom fields, each with the column that fills it")


class Export(Document):
    """Segments whose union becomes the content of one SendGrid list."""

    id: Slug = Field(description="the document's name without .json, or leave the key out")
    display_name: Line = Field(description=NAME)
    connection: Slug | None = Field(description="the id of the connection to use, or null to detach it: it rests then")
    list_id: ListId = Field(description="the list's id from SendGrid, 36 characters")
    segments: Annotated[tuple[SegmentName, ...], Field(min_length=1), AfterValidator(each_once)] = Field(
        description="the segments to export, each once, at least one"
    )
    mapping: Mapping = Field(description="the columns that fill SendGrid's fields, at least email")
    only_where: Annotated[
        dict[Column, Annotated[tuple[Cell, ...], Field(min_length=1)]],
        AfterValidator(each_once_in_any_case),
    ] = Field(
        {}, description='for a column the values that let a row pass, in quotes as the file has them, such as ["True"]'
    )
    removal: Literal["leavers", "none"] = Field(
        "leavers", description="leavers to take people off the list who left the segments, none to keep them"
    )
    schedule: Schedule = Field("default", description="default, off, or a cron expression such as 30 6 * * 1-5")
    timezone: TimeZone | None = Field(
        None, description="the schedule's IANA time zone such as Europe/Athens, or null for the app's"
    )
    run_on_landing: bool = Field(True, description="true to run when one of the segments lands, else false")
    max_profiles: Annotated[int, Field(ge=1)] = Field(
        DEFAULT_MAX_PROFILES, description="the most contacts that the export may hold, at least 1"
    )
    max_shrink_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        50, description="by how many percent the export may shrink from one run to the next, 0 to 100"
    )
    clear_empty: bool = Field(False, description="true to empty text fields whose column is empty, false to keep them")
    create_missing_fields: bool = Field(False, description="true to create custom fields that SendGrid lacks")
    delivery: Literal["auto", "upsert", "import"] = Field(
        "auto", description="import to send CSV files, upsert to send none, auto to import what is large"
    )
    enabled: bool = Field(True, description="true to let the export run, false to rest it")
