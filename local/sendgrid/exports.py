"""Contact exports: the only full listing of a list's members. Files are gzip, CSV or NDJSON, and cut by size."""

import asyncio
import csv
import gzip
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from local.sendgrid.contacts import Contacts
from local.sendgrid.documents import EXPORT_COLUMNS, export_record
from local.sendgrid.fields import Field
from local.sendgrid.jobs import Outcome

_STEP = 2_000  # contacts written before others get their turn


@dataclass(slots=True)
class Export:
    """One export job; `files` are there when it is ready."""

    id: str
    file_type: str
    lists: frozenset[str]
    created: float
    completed: float = 0.0
    status: str = "pending"
    count: int = 0
    files: list[bytes] = field(default_factory=list)

    async def write(self, contacts: Contacts, fields: Mapping[str, Field], file_bytes: int) -> Outcome:
        """Write the files; each holds at most about `file_bytes` before it is compressed."""
        custom = [definition.name for definition in fields.values()]
        header = b"" if self.file_type == "json" else _csv_line([*map(str.upper, EXPORT_COLUMNS), *custom])
        text, size = [header], len(header)
        for contact in contacts:
            if self.lists and self.lists.isdisjoint(contact.lists):
                continue
            record = export_record(contact, fields)
            if self.file_type == "json":
                line = orjson.dumps(record) + b"\n"
            else:
                line = _csv_line([record.get(name, "") for name in (*EXPORT_COLUMNS, *custom)])
            if size + len(line) > file_bytes and len(text) > 1:
                self._close(text)
                text, size = [header], len(header)
            text.append(line)
            size += len(line)
            self.count += 1
            if self.count % _STEP == 0:
                await asyncio.sleep(0)
        self._close(text)
        self.status, self.completed = "ready", time.time()
        return Outcome(self.count)

    def _close(self, text: list[bytes]) -> None:
        self.files.append(gzip.compress(b"".join(text), 1))


def _csv_line(cells: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()
