"""model.json: what a Common Data Model folder says of its entities.

The format is Microsoft's "CDM folders" 1.0 (common-data-model/model-json.md). Producers add keys of their own, which
do not count; what is wrong in one entity does not spoil the others, so entities are checked when they are asked for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import UnreadableSegment
from shared.segments import names
from shared.segments.location import blob_name
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat

# Objects, lists and values beside one another: parsed, an empty object takes a hundred times its two bytes. A model of
# the largest size that `landing` allows has one every 17 bytes then; those of Customer Insights have one every 35.
_MOST_VALUES = 1_000_000
_ENCODINGS = {
    "utf8": "utf-8",
    "65001": "utf-8",
    "usascii": "utf-8",
    "utf16": "utf-16",
    "utf16le": "utf-16",
    "unicode": "utf-16",  # what .NET calls it
    "latin1": "latin-1",
    "iso88591": "latin-1",
}


@dataclass(frozen=True, slots=True)
class Partition:
    """One listed file: the name that its blob has in the segments container, and how to read it."""

    blob: str
    format: FileFormat


@dataclass(frozen=True, slots=True)
class Entity:
    """`columns` are in file order (None: the files name their own); a partition without location is not listed."""

    name: str
    columns: tuple[str, ...] | None
    partitions: tuple[Partition, ...]
    refreshed_at: datetime | None  # newest refreshTime of the partitions, UTC


class Model:
    """A parsed model.json. `name` is its blob's name, `modified_at` its own modifiedTime in UTC, if it tells."""

    def __init__(self, name: str, content: bytes) -> None:
        """UnreadableSegment with code `invalid_model` names the file and what is wrong with it."""
        self.name = name
        if sum(map(content.count, (b"{", b"[", b","))) > _MOST_VALUES:
            raise UnreadableSegment(
                f"{name} holds more than {_MOST_VALUES} values",
                code="invalid_model",
                advice="Is it really a model.json?",
            )
        try:
            root = _Root.model_validate_json(content.removeprefix(b"\xef\xbb\xbf"))
        except ValidationError as error:
            raise _invalid(name, error) from error
        self.modified_at = _time(root.modified_time)
        self._local = [each for each in root.entities if each.get("$type") != "ReferenceEntity"]

    def segments(self) -> tuple[str, ...]:
        """The entities that list files, whether or not those are as they should be."""
        return tuple(
            entity["name"]
            for entity in self._local
            if isinstance(entity.get("name"), str)
            and isinstance(partitions := entity.get("partitions"), list)
            and any(isinstance(each, dict) and each.get("location") for each in partitions)
        )

    def entity(self, segment: str, container_url: str) -> Entity | None:
        """One entity, checked; None if the model does not have it. UnreadableSegment if it cannot be used."""
        found = [each for each in self._local if each.get("name") == segment]
        if not found:
            return None
        where = f"{self.name}: entity {segment}"
        if len(found) > 1:
            raise UnreadableSegment(f"{where} is there {len(found)} times", code="invalid_model", advice=_ADVICE)
        try:
            entity = _Entity.model_validate(found[0])
        except ValidationError as error:
            raise _invalid(where, error) from error
        listed = [each for each in entity.partitions or [] if each.location]
        partitions: dict[str, Partition] = {}  # one that is listed twice is read once
        for each in listed:
            of = f"{where}, partition {each.name}"
            blob = blob_name(str(each.location), container_url, where=of)
            partitions.setdefault(blob, Partition(blob, _format(each.file_format_settings, blob, where=of)))
        columns = tuple(each.name for each in entity.attributes or [])
        if not columns and any(_headerless(each.format) for each in partitions.values()):
            raise UnreadableSegment(
                f"{where} has neither attributes nor files with a header", code="invalid_model", advice=_ADVICE
            )
        refreshed = [time for each in listed if (time := _time(each.refresh_time))]
        return Entity(segment, columns or None, tuple(partitions.values()), max(refreshed, default=None))


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, hide_input_in_errors=True)


class _Root(_Part):
    modified_time: Any = None
    entities: list[dict[str, Any]]


class _Attribute(_Part):
    name: str = Field(min_length=1)


class _Settings(_Part):
    type: str | None = Field(default=None, alias="$type")
    column_headers: bool | None = None  # Microsoft's own samples have the text "false" as well
    delimiter: str | None = None
    quote_style: str | None = None
    encoding: str | None = None
    # csvStyle only says where Power Query looks for quotation marks: both its values read RFC 4180 alike.


class _Partition(_Part):
    name: str = Field(max_length=1024)
    refresh_time: Any = None
    location: str | None = None  # null: schema only
    file_format_settings: _Settings | None = None


class _Entity(_Part):
    attributes: list[_Attribute] | None = None
    partitions: list[_Partition] | None = None


def _format(settings: _Settings | None, blob: str, *, where: str) -> FileFormat:
    by_name = names.format_of(blob)
    if settings is None and isinstance(by_name, ParquetFormat | NdjsonFormat):
        return by_name
    settings = settings or _Settings()  # CDM's defaults: CSV without a header
    if "parquet" in (settings.type or "").lower():
        return ParquetFormat()
    if settings.type not in {None, "CsvFormatSettings"}:
        raise _unknown(where, f"the file format {str(settings.type)[:60]}", "CsvFormatSettings")
    delimiter = "," if settings.delimiter is None else settings.delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n\0':
        raise _unknown(where, "its delimiter", "one character that is no quotation mark or line break")
    quote_style = (settings.quote_style or "QuoteStyle.Csv").removeprefix("QuoteStyle.")
    if quote_style not in {"Csv", "None"}:
        raise _unknown(where, "its quoteStyle", "QuoteStyle.Csv or QuoteStyle.None")
    encoding = _ENCODINGS.get((settings.encoding or "utf-8").lower().replace("-", "").replace("_", ""))
    if encoding is None:
        raise _unknown(where, f"the encoding {str(settings.encoding)[:60]}", "UTF-8, UTF-16 or ISO-8859-1")
    return CsvFormat(
        header=bool(settings.column_headers),
        delimiter=delimiter,
        quote=quote_style == "Csv",
        encoding=encoding,
        gzip=blob.lower().endswith(".gz"),
    )


def _headerless(file_format: FileFormat) -> bool:
    return isinstance(file_format, CsvFormat) and not file_format.header


def _time(value: object) -> datetime | None:
    """ISO 8601 with any number of decimals, as .NET writes seven; UTC unless it says otherwise. None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one that ends before year 1 or after 9999 in UTC
        return None


_ADVICE = "Export the segment again; the format is the Common Data Model's model.json 1.0."


def _invalid(where: str, error: ValidationError) -> UnreadableSegment:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return UnreadableSegment(
        f"{where}: {place}{': ' if place else ''}{first['msg']}", code="invalid_model", advice=_ADVICE
    )


def _unknown(where: str, what: str, expected: str) -> UnreadableSegment:
    return UnreadableSegment(
        f"{where}: {what} is not one that this app reads", code="unknown_format", advice=f"It reads {expected}."
    )
