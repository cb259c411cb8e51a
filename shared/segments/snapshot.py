"""What a landing is made of: the files of one complete snapshot of a segment and how to read each of them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How to read one CSV file: RFC 4180 with these choices. A byte order mark may precede the first record."""

    header: bool  # the first record names the columns
    delimiter: str = ","
    quote: bool = True  # False: a quotation mark is a character like any other (Power Query's QuoteStyle.None)
    encoding: str = "utf-8"  # DuckDB's names: "utf-8", "utf-16", "latin-1"
    gzip: bool = False


@dataclass(frozen=True, slots=True)
class ParquetFormat:
    """A Parquet file, which describes itself."""


@dataclass(frozen=True, slots=True)
class NdjsonFormat:
    """One JSON object a line, UTF-8."""

    gzip: bool = False


FileFormat: TypeAlias = CsvFormat | ParquetFormat | NdjsonFormat


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file. `name` is its blob's name in the segments container, `etag` without quotes, `size` in bytes.

    A file of size 0 holds no rows and, whatever its format says, no header.
    """

    name: str
    etag: str
    size: int
    format: FileFormat


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A landing of which something is still to come. Not an error: the rest usually follows within minutes."""

    segment: str
    reason: str  # a sentence for people
    missing: tuple[str, ...]  # blob names that are listed but not there; empty if that cannot be said
    marker: str  # blob name of what shows the landing: model.json, the file, or the newest part
    landed_at: datetime  # Last-Modified of `marker`, UTC


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One complete landing of a segment. All times are UTC.

    `landed_at` is the newest Last-Modified among the files and the marker: the landing has settled once that is older
    than LANDING_SETTLE_SECONDS and `id` is still the same.
    """

    segment: str
    files: tuple[SnapshotFile, ...]
    columns: tuple[str, ...] | None  # from model.json, in file order; None: the files name their own columns
    produced_at: datetime  # model.json's own time, else Last-Modified of the marker
    landed_at: datetime
    marker: str  # blob name of the model.json, the _SUCCESS or the single file
    newer_incomplete: Incomplete | None = None  # a later landing that was passed over, because it is not complete yet

    @property
    def id(self) -> str:
        """16 hex digits that change if a file is added, removed or written again, and only then."""
        digest = hashlib.sha256()
        for name, etag in sorted((file.name, file.etag) for file in self.files):
            # With their lengths, so that no two lists of pairs read alike.
            digest.update(f"{len(name)}:{name}{len(etag)}:{etag}".encode())
        return digest.hexdigest()[:16]
