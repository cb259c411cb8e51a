"""Files of a snapshot as SQL relations of text columns.

A relation calls its columns `c0`, `c1`, … in the file's order, so that a CSV file's own names never become SQL: they
are only compared with the mapping's, in Python. What cannot be split into the right number of columns, or is not valid
in the file's encoding, is a *malformed* row: it is reported with its number, and the file goes on.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST_ROW = 1024 * 1024  # bytes; a longer CSV record is malformed
READ_BUFFER = 4 * LONGEST_ROW  # bytes; what DuckDB holds of a CSV file at a time, a thread
SAMPLED_OBJECTS = 1000  # NDJSON objects whose keys are taken as the file's columns
HEADER_LIMIT = 1024 * 1024  # characters in which the first record of a CSV file must end


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of a snapshot, downloaded. `name` is the blob's, for messages; `columns` are model.json's, if any."""

    name: str
    path: Path
    format: FileFormat
    columns: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Relation:
    """A file as a table: `columns` are the file's own names, `select(indexes)` is SQL that yields them as text.

    `malformed`: a boolean SQL expression over the relation's rows, for formats that keep a bad row in its place
    (NDJSON). CSV leaves bad rows out and lists them in DuckDB's `reject_errors`.
    """

    name: str
    columns: tuple[str, ...]
    source: str
    expressions: tuple[str, ...]
    malformed: str = "false"
    first_row: int = 1  # number of the first data row in DuckDB's own count of records

    def index(self, column: str) -> int | None:
        """Where a column is: by exact name, else the only one that differs in case alone. None if there is none.

        UnreadableSegment if the name is there more than once, so that nobody has to guess which one was meant.
        """
        exact = [i for i, name in enumerate(self.columns) if name == column]
        found = exact or [i for i, name in enumerate(self.columns) if name.casefold() == column.casefold()]
        if len(found) > 1:
            raise UnreadableSegment(
                f"{self.name} has {len(found)} columns called {column!r}",
                code="ambiguous_column",
                advice="Give the columns names of their own in the segment.",
            )
        return found[0] if found else None

    def select(self, indexes: set[int]) -> str:
        """SQL of the columns asked for, as `c<index>` of type VARCHAR, and `malformed`."""
        chosen = [f"{self.expressions[i]} AS c{i}" for i in sorted(indexes)]
        return f"SELECT {', '.join([*chosen, f'{self.malformed} AS malformed'])} FROM {self.source}"


def open_relation(connection: "DuckDBPyConnection", file: LocalFile) -> Relation:
    """Look at the file's beginning and describe it. UnreadableSegment if it is not what its format says."""
    if isinstance(file.format, CsvFormat):
        return _csv(file, file.format)
    if isinstance(file.format, NdjsonFormat):
        return _ndjson(connection, file, file.format)
    return _parquet(connection, file)


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def unreadable(name: str, error: Exception) -> UnreadableSegment:
    """What DuckDB or a decoder says about a file, without the content that such messages quote."""
    return UnreadableSegment(
        f"{name} cannot be read: {type(error).__name__.removesuffix('Exception').removesuffix('Error') or 'error'}",
        code="unreadable_file",
        advice="The file is damaged or is not in the format of its name. Land the segment again.",
    )


def _csv(file: LocalFile, how: CsvFormat) -> Relation:
    first = _first_record(file, how)
    if first is None and file.columns is None:
        raise UnreadableSegment(
            f"{file.name} is empty, not even a header", code="no_header", advice="Land the segment with a header row."
        )
    named_alike = file.columns is not None and first is not None and _casefold(first) == _casefold(file.columns)
    header = first is not None and (how.header or named_alike)  # a header that model.json does not announce is one too
    columns = tuple(first) if header and first is not None else cast("tuple[str, ...]", file.columns)
    if how.header and file.columns is None and len(set(columns)) == 1 and not columns[0].strip():
        raise UnreadableSegment(
            f"{file.name} begins with an empty line", code="no_header", advice="The first line must name the columns."
        )
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(columns)))
    quote = "'\"'" if how.quote else "''"
    source = (
        f"read_csv({quoted(str(file.path))}, auto_detect=false, header={str(header).lower()}, "
        f"delim={quoted(how.delimiter)}, quote={quote}, escape={quote}, nullstr='', columns={{{types}}}, "
        f"encoding={quoted(how.encoding)}, compression='{'gzip' if how.gzip else 'none'}', store_rejects=true, "
        f"max_line_size={LONGEST_ROW}, buffer_size={READ_BUFFER})"
    )
    return Relation(
        file.name, columns, source, tuple(f"c{i}" for i in range(len(columns))), first_row=2 if header else 1
    )


def _first_record(file: LocalFile, how: CsvFormat) -> list[str] | None:
    """The first record of a CSV file, or None of an empty file."""
    encoding = "utf-8-sig" if how.encoding == "utf-8" else how.encoding
    opener = cast("Callable[..., IO[str]]", gzip.open if how.gzip else open)
    try:
        with opener(file.path, "rt", encoding=encoding, errors="replace", newline="") as text:
            start = text.read(HEADER_LIMIT)
        if not start:
            return None
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if how.quote else csv.QUOTE_NONE
        return next(csv.reader(io.StringIO(start, newline=""), delimiter=how.delimiter, quoting=quoting))
    except (OSError, EOFError, zlib.error, UnicodeError, csv.Error) as error:
        raise unreadable(file.name, error) from error


def _casefold(names: list[str] | tuple[str, ...]) -> list[str]:
    return [name.casefold().strip() for name in names]


def _ndjson(connection: "DuckDBPyConnection", file: LocalFile, how: NdjsonFormat) -> Relation:
    source = (
        f"read_ndjson_objects({quoted(str(file.path))}, ignore_errors=true, "
        f"compression='{'gzip' if how.gzip else 'none'}')"
    )
    keys = _query(
        connection,
        file.name,
        f"SELECT DISTINCT unnest(json_keys(json)) FROM (SELECT json FROM {source} LIMIT {SAMPLED_OBJECTS}) "
        "WHERE json_type(json) = 'OBJECT' ORDER BY 1",
    )
    columns = tuple(str(key) for (key,) in keys)
    pointers = ("/" + name.replace("~", "~0").replace("/", "~1") for name in columns)
    expressions = tuple(f"json_extract_string(json, {quoted(pointer)})" for pointer in pointers)
    return Relation(file.name, columns, source, expressions, malformed="coalesce(json_type(json), '') <> 'OBJECT'")


def _parquet(connection: "DuckDBPyConnection", file: LocalFile) -> Relation:
    source = f"read_parquet({quoted(str(file.path))})"
    columns = tuple(str(row[0]) for row in _query(connection, file.name, f"DESCRIBE SELECT * FROM {source}"))
    return Relation(file.name, columns, source, tuple(f"CAST({identifier(name)} AS VARCHAR)" for name in columns))


def _query(connection: "DuckDBPyConnection", name: str, sql: str) -> list[tuple[object, ...]]:
    import duckdb

    try:
        return connection.execute(sql).fetchall()
    except duckdb.Error as error:
        raise unreadable(name, error) from error
