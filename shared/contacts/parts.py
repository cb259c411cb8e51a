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
    _finished: list[ImportFile] = field(default_factory=list)
    _file: gzip.GzipFile | None = None
    _number: int = 0
    _contacts: int = 0
    _bytes: int = 0

    def of(self, planner: "Planner") -> Iterator[Batch | ImportFile]:
        """Every contact of a plan in one of the parts. A file is complete when it is given."""
        for batch in batches(self._upserts(planner) if self.columns is None else self._all_but_imports(planner)):
            yield from self._given()
            yield batch
        self._finish()
        yield from self._given()

    def _given(self) -> list[ImportFile]:
        given, self._finished = self._finished, []
        return given

    def _upserts(self, planner: "Planner") -> Iterator[tuple[bytes, ...]]:
        for chunk in planner.contacts():
            contacts, words = zip(*chunk, strict=True)
            self._count(words)
            yield contacts

    def _all_but_imports(self, planner: "Planner") -> Iterator[tuple[bytes, ...]]:
        for chunk in planner.contacts_for_import():
            contacts, words, fitting = zip(*chunk, strict=True)
            self._count(words)
            self._write(list(compress(contacts, fitting)))
            yield tuple(compress(contacts, map(not_, fitting)))

    def _count(self, words: Sequence[str | None]) -> None:
        for each in filter(None, words):
            self.warnings.update(each.split())

    def _write(self, rows: list[bytes]) -> None:
        while rows:
            room = MAX_CONTACTS - self._contacts if self._file else MAX_CONTACTS
            content = b"\n".join(rows[:room]) + b"\n"
            file = self._file or self._begin()
            file.write(content)
            self._contacts += len(rows[:room])
            self._bytes += len(content)
            if self._contacts >= MAX_CONTACTS or self._bytes >= MAX_BYTES:
                self._finish()
            rows = rows[room:]

    def _begin(self) -> gzip.GzipFile:
        self._number += 1
        self._contacts = self._bytes = 0
        self._file = file = gzip.GzipFile(self._path, "wb", compresslevel=_LEVEL)
        file.write(",".join(self.columns or ()).encode("ascii") + b"\n")
        return file

    def _finish(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
            self._finished.append(ImportFile(self._path, self._contacts))

    @property
    def _path(self) -> Path:
        return self.folder / f"import-{self._number}{SUFFIX}"
