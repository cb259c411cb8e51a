"""The CSV import: what happens to the uploaded file when its job runs.

The first row is the header and only counts columns; the mapping is by position. Rows without identifier and repeated
addresses are passed over in silence, rows with an invalid address or a value that does not fit are errors, the rest is
applied (SendGrid's "Formatting a CSV").
"""

import asyncio
import csv
import gzip
import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local.sendgrid.answers import refuse
from local.sendgrid.contacts import Applied, Contacts, record_of
from local.sendgrid.fields import OTHER_IDENTIFIERS, RESERVED_NAMES, TEXT_LIMITS, Field
from local.sendgrid.jobs import Outcome
from local.sendgrid.rows import KEY_MARK
from local.sendgrid.values import is_address, misfit_in_csv, misfit_reserved

MOST_ROWS = 1_000_000
_STEP = 5_000  # rows applied before others get their turn
_GZIP = b"\x1f\x8b"
_MISMATCH = "Failed to preprocess input csv: the field mapping doesn't match the CSV"


@dataclass(frozen=True, slots=True)
class Column:
    """Where a CSV column goes: a reserved field by name or a custom field."""

    name: str = ""
    custom: Field | None = None


def read_mapping(value: object, fields: Mapping[str, Field]) -> tuple[Column | None, ...]:
    """Read `field_mappings` (None: skip the column); refuses (400) unknown ids and mappings without an identifier."""
    if not isinstance(value, list) or not value or not all(item is None or isinstance(item, str) for item in value):
        raise refuse(400, "field_mappings must be a list of field ids", "field_mappings")
    writable = {field_id: name for field_id, name in RESERVED_NAMES.items() if name == "email" or name in TEXT_LIMITS}
    unknown = [item for item in value if item is not None and item not in fields and item not in writable]
    if unknown:
        raise refuse(400, f"invalid field ids supplied - {','.join(unknown)}", "field_mappings")
    columns = tuple(None if item is None else Column(writable.get(item, ""), fields.get(item)) for item in value)
    if not any(column and column.name in ("email", *OTHER_IDENTIFIERS) for column in columns):
        raise refuse(400, "at least one identifier must be mapped", "field_mappings")
    return columns


@dataclass(slots=True)
class CsvImport:
    """An import that has been announced; `run` is its job once the file is there."""

    columns: tuple[Column | None, ...]
    lists: frozenset[str]
    fields: Mapping[str, Field]
    marked: Mapping[str, str]
    file: bytes = b""

    async def run(self, contacts: Contacts) -> Outcome:
        outcome = Outcome()
        seen: set[str] = set()
        try:
            rows = self._rows()
            header = next(rows, [])
            if len(header) != len(self.columns):
                return Outcome(unprocessable=_MISMATCH)
            keys: list[str] = []
            records: list[bytes] = []
            for row in rows:
                self._take(row, outcome, seen, keys, records)
                if len(keys) == _STEP:
                    self._apply(contacts, keys, records, outcome)
                    await asyncio.sleep(0)
            self._apply(contacts, keys, records, outcome)
        except (UnicodeDecodeError, csv.Error, OSError, EOFError) as problem:
            return Outcome(unprocessable=f"Failed to preprocess input csv: {problem}")
        self.file = b""
        return outcome

    def _rows(self) -> Iterator[list[str]]:
        raw = io.BytesIO(self.file)
        stream = gzip.GzipFile(fileobj=raw) if self.file[:2] == _GZIP else raw
        return csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""))

    def _take(self, row: list[str], outcome: Outcome, seen: set[str], keys: list[str], records: list[bytes]) -> None:
        contact: dict[str, object] = {}
        custom: dict[str, object] = {}
        problem = "" if len(row) == len(self.columns) else "wrong number of fields"
        for column, cell in zip(self.columns, row, strict=False):
            if column is None or not cell:
                continue
            if column.custom is None:
                contact[column.name] = cell
                if column.name != "email":
                    problem = misfit_reserved(column.name, cell) or problem
            else:
                problem = misfit_in_csv(column.custom, cell) or problem
                custom[column.custom.id] = float(cell) if not problem and column.custom.field_type == "Number" else cell
        key = _key(contact)
        if not key or key in seen:
            return
        seen.add(key)
        outcome.requested += 1
        if outcome.requested > MOST_ROWS:
            problem = f"more than {MOST_ROWS} contacts"
        elif "email" in contact and not is_address(key):
            problem = f"email '{key}' is not valid"
        problem = problem or self.marked.get(key, "")
        if problem:
            outcome.errors.append((key, problem))
            return
        keys.append(key)
        records.append(record_of(contact | ({"custom_fields": custom} if custom else {})))

    def _apply(self, contacts: Contacts, keys: list[str], records: list[bytes], outcome: Outcome) -> None:
        now = time.time()
        applied: Applied = contacts.upsert(keys, records, self.lists, created=now, updated=now)
        outcome.created += applied.created
        outcome.updated += applied.updated
        outcome.errors += applied.errors
        keys.clear()
        records.clear()


def _key(contact: Mapping[str, object]) -> str:
    if email := contact.get("email"):
        return str(email).strip().lower()
    return next((f"{KEY_MARK}{name}{KEY_MARK}{contact[name]}" for name in OTHER_IDENTIFIERS if name in contact), "")
