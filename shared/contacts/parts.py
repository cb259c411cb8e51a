"""The contacts to send, in parts that are sent one by one: batches of upserts, and files of imports."""

import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import not_
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.batches import Batch, batches
from shared.contacts.imports import SUFFIX

if TYPE_CHECKING:
    from shared.contacts.plan import Planner

MAX_CONTACTS = 999_999  # an import: SendGrid takes 1,000,000, and does not say whether the header is one of them
MAX_BYTES = 1_000_000_000  # an import, not packed: SendGrid takes 5 GB, but an upload has to fit into a slice
_LEVEL = 1  # of gzip: the fastest


@dataclass(frozen=True, slots=True)
class ImportFile:
    """The file of one import, on this machine, packed."""

    path: Path
    contacts: int


@dataclass(slots=True)
class Parts:
    """Makes the parts of a plan, files in `folder`. `warnings` counts what the contacts were warned of.

    `columns`: ids of the fields of an import's columns, the address's first; None to make no imports.
    """

    folder: Path
    columns: Sequence[str] | None = None
    warnings: Counter[str] = field(default_factory=Counter)
    _file: gzip.GzipFile | None = None
    _number: int = 0
    _contacts: int = 0
    _bytes: int = 0

    def of(self, planner: "Planner") -> Iterator[Batch | ImportFile]:
        """Every contact of a plan in one of the parts. A file is complete when it is given."""
        return batches(self._upserts(planner)) if self.columns is None else self._imports_and_upserts(planner)

    def _upserts(self, planner: "Planner") -> Iterator[tuple[bytes, ...]]:
        for chunk in planner.contacts():
            contacts, words = zip(*chunk, strict=True)
            self._count(words)
            yield contacts

    def _imports_and_upserts(self, planner: "Planner") -> Iterator[Batch | ImportFile]:
        others: list[bytes] = []
        for chunk in planner.contacts_for_import():
            contacts, words, fitting = zip(*chunk, strict=True)
            self._count(words)
            yield from self._write(list(compress(contacts, fitting)))
            others += compress(contacts, map(not_, fitting))
            full = list(batches([others]))
            if len(full) > 1:
                others = full.pop().lines.split(b"\n")
                yield from full
        yield from self._finish()
        yield from batches([others])

    def _count(self, words: Sequence[str | None]) -> None:
        for each in filter(None, words):
            self.warnings.update(each.split())

    def _write(self, rows: list[bytes]) -> Iterator[ImportFile]:
        """Add the rows to the file, or to as many as it takes; give those that are full."""
        while rows:
            file = self._file or self._begin()
            room = MAX_CONTACTS - self._contacts
            content = b"\n".join(rows[:room]) + b"\n"
            file.write(content)
            self._contacts += len(rows[:room])
            self._bytes += len(content)
            rows = rows[room:]
            if self._contacts >= MAX_CONTACTS or self._bytes >= MAX_BYTES:
                yield from self._finish()

    def _begin(self) -> gzip.GzipFile:
        self._number += 1
        self._contacts = self._bytes = 0
        self._file = file = gzip.GzipFile(self._path, "wb", compresslevel=_LEVEL)
        file.write(",".join(self.columns or ()).encode("ascii") + b"\n")
        return file

    def _finish(self) -> Iterator[ImportFile]:
        if self._file:
            self._file.close()
            self._file = None
            yield ImportFile(self._path, self._contacts)

    @property
    def _path(self) -> Path:
        return self.folder / f"import-{self._number}{SUFFIX}"
