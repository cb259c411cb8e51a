"""Files of a snapshot as SQL relations of text columns.

A relation calls its columns `c0`, `c1`, … in the file's order, so that a CSV file's own names never become SQL: they
are only compared with the mapping's, in Python. What cannot be split into the right number of columns, or is not valid
in the file's encoding, is a *malformed* row: it is reported with its number, and the file goes on.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, cast

from shared.contacts.csv_look import Look, has_malformed, look, may_end_in_quotes, swallows_rows, write_blank_lines
from shared.contacts.engine import make_room_for_json
from shared.contacts.text import Doubt, length_of_lines, plain, unreadable, without_long_lines
from shared.errors import UnreadableSegment
from shared.segments.parquet import refuse_bomb
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LONGEST_ROW = 1024 * 1024  # bytes; a longer CSV record or JSON object is malformed
READ_BUFFER = 2 * LONGEST_ROW  # bytes; what DuckDB holds of a CSV file at a time
SAMPLED_OBJECTS = 1000  # NDJSON objects whose keys are the file's columns, unless the mapping wants others
# Malformed rows of a CSV file, and their characters, beyond which it is no such file: a wrong delimiter, say.
MOST_MALFORMED, LONGEST_MALFORMED = 100_000, 32 * 1024 * 1024
_JSON_OPTIONS = f"ignore_errors=true, compression='none', maximum_object_size={2 * LONGEST_ROW}"
HEADER_LIMIT = 1024 * 1024  # characters in which the first record of a CSV file must end


@dataclass(frozen=True, slots=True)
class Objects:
    """What has been seen of the lines of an NDJSON file's piece.

    keys    the file's, found so far: the reader adds what it finds. A wanted one that is not among them is NULL, unless
            this is the last piece
    length  bytes of a line on average, where they are longest
    doubts  what may be in the values
    last    the file's last piece
    """

    keys: set[str]
    length: int
    doubts: Doubt
    last: bool


@dataclass(frozen=True, slots=True)
class LocalFile:
    """One file of a snapshot, or a piece of one, downloaded.

    name       the blob's, for messages
    columns    model.json's, if any
    continues  it is the next piece of the file before, and so has no header
    head       its columns, and whether its first record names them, if it is CSV and somebody has looked already
    look       what a look at it has found, if it is CSV in plain UTF-8 and somebody has taken one already
    joined     names and rows of the files that follow each other in it, if it is several; the header is the first's
    objects    the same of NDJSON, of which no line is too long
    relation   what it is read as, if somebody has opened it already
    """

    name: str
    path: Path
    format: FileFormat
    columns: tuple[str, ...] | None
    continues: bool = False
    head: tuple[tuple[str, ...], bool] | None = None
    look: Look | None = None
    joined: tuple[tuple[str, int], ...] = ()
    objects: Objects | None = None
    relation: "Relation | None" = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A file as a table: `columns` are the file's own names, `select(indexes)` is SQL that yields them as text.

    `malformed`: a boolean SQL expression over the relation's rows, for formats that keep a bad row in its place
    (NDJSON). CSV leaves bad rows out and lists them in DuckDB's `reject_errors`.
    """

    name: str
    columns: tuple[str, ...]
    source: str
    expressions: tuple[str, ...] = ()
    pointers: tuple[str, ...] = ()  # of an NDJSON file, in place of expressions
    malformed: str = "false"
    first_row: int = 1  # number of the first data row in DuckDB's own count of records
    names_itself: bool = True  # False: `columns` are a CSV file's first record, which may be a person's data
    csv_text: tuple[Path, CsvFormat] | None = None  # a CSV file as it is read
    json: Path | None = None  # an NDJSON file as it is read
    doubts: Doubt = Doubt.ALL  # what may be in the values
    length: int = 0  # bytes of an NDJSON file's line on average, where they are longest
    steady: bool = True  # it has the same rows whichever columns are read
    lines: bool = False  # it is a CSV file each of whose lines is a row, after a header's if there is one

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

    def select(self, indexes: set[int], *, beside: str = "") -> str:
        """SQL of the columns asked for, as `c<index>` of type VARCHAR, and `malformed`.

        `beside`: a subquery with a row for each of the relation's, in its order, whose columns come first.
        """
        order = sorted(indexes)
        if self.pointers:
            # One call for all of them: each parses the object, and holds on to memory.
            cells = f"json_extract_string(json, [{', '.join(quoted(self.pointers[i]) for i in order)}])"
            chosen = [f"{cells}[{place}] AS c{i}" for place, i in enumerate(order, 1)]
        else:
            chosen = [f"{self.expressions[i]} AS c{i}" for i in order]
        if beside:
            chosen.insert(0, "beside.*")
            beside = f" POSITIONAL JOIN ({beside}) AS beside"
        return f"SELECT {', '.join([*chosen, f'{self.malformed} AS malformed'])} FROM {self.source} AS source{beside}"

    def select_at_once(self, indexes: set[int]) -> str | None:
        """The same of an NDJSON file, each object of which is parsed once, not twice; None if DuckDB cannot do that.

        `malformed` is NULL of a row that has none of the columns: whether it is an object is not to be told.
        """
        names = {i: self.columns[i] for i in sorted(indexes)}
        if self.json is None or "" in names.values() or len({name.casefold() for name in names.values()}) < len(names):
            return None
        cells = ", ".join(f"{identifier(name)} AS c{i}" for i, name in names.items())
        unknown = " AND ".join(f"{identifier(name)} IS NULL" for name in names.values())
        types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names.values())
        read = f"read_json({quoted(str(self.json))}, format='newline_delimited', columns={{{types}}}, {_JSON_OPTIONS})"
        return f"SELECT {cells}, CASE WHEN {unknown} THEN NULL ELSE false END AS malformed FROM {read}"

    def as_parquet(self, path: Path) -> "Relation":
        """The same rows as they are in a Parquet file, of what `select` yields."""
        return replace(
            self,
            source=f"read_parquet({quoted(str(path))})",
            expressions=tuple(f"source.c{i}" for i in range(len(self.columns))),
            pointers=(),
            malformed="source.malformed",
            json=None,
        )

    def copy_rows(self, places: Iterable[int], target: IO[bytes]) -> None:
        """Copy the rows at these places, from 0 and in order, of a relation of `lines`."""
        with self.path.open("rb") as lines:
            following = 1 - self.first_row  # the header's place is -1
            for place in places:
                for line in islice(lines, place - following, place - following + 1):
                    target.write(line.rstrip(b"\r\n") + b"\n")  # the last may have no line break
                following = place + 1

    def copied_to(self, path: Path) -> "Relation":
        """A relation of rows that were copied from this one, and maybe from others of the same format and columns."""
        source = _csv_source(path, self.format, len(self.columns), header=False)
        return replace(self, source=source, csv_text=(path, self.format), first_row=1)

    @property
    def path(self) -> Path:
        """A CSV file as it is read."""
        return cast("tuple[Path, CsvFormat]", self.csv_text)[0]

    @property
    def format(self) -> CsvFormat:
        """How it is written."""
        return cast("tuple[Path, CsvFormat]", self.csv_text)[1]

    def refuse_swallowed_rows(self) -> None:
        """UnreadableSegment if a quotation mark that is not closed has made one row of many."""
        path, how = self.csv_text or (None, None)
        if path and how and how.quote and swallows_rows(path, how.delimiter, LONGEST_ROW):
            raise UnreadableSegment(
                f"{self.name} has a quotation mark that is not closed: rows after it cannot be told apart",
                code="unclosed_quote",
                advice='Write quotation marks within quoted values twice (""), and land the segment again.',
            )

    def blank_lines(self) -> Path | None:
        """A file of the numbers of DuckDB's records that are empty and so no rows; None if there are none.

        In a file of one column every line is a row.
        """
        path, how = self.csv_text or (None, None)
        if path is None or how is None or len(self.columns) == 1:
            return None
        numbers = path.with_name(f"{path.name}.blank")
        return numbers if write_blank_lines(path, how.delimiter, numbers, quote=how.quote) else None


def open_relation(connection: "DuckDBPyConnection", file: LocalFile, wanted: Iterable[str] = ()) -> Relation | None:
    """Look at the file's beginning and describe it; None if there is nothing in it, not even a header.

    `wanted` are columns that make it worth looking at all of an NDJSON file, should its first objects not have them.
    UnreadableSegment if the file is not what its format says.
    """
    if file.relation:
        return file.relation
    how = file.format
    if not isinstance(how, CsvFormat | NdjsonFormat):
        return _parquet(connection, file)
    encoding = how.encoding if isinstance(how, CsvFormat) else "utf-8"
    path = file.path if file.look or file.objects else plain(file.path, file.name, encoding=encoding, gzipped=how.gzip)
    if path is None:
        return None
    if isinstance(how, CsvFormat):
        return _csv(file, how, path)
    objects = file.objects
    if objects is None:
        path = without_long_lines(path, LONGEST_ROW)  # a longer object would take its size many times over
        objects = Objects(set(), length_of_lines(path), Doubt.ALL, last=True)
    return _ndjson(connection, file.name, path, objects, wanted)


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def too_many_malformed(name: str, columns: int) -> UnreadableSegment:
    """What a file is refused with that seems to be something else than a table of so many columns."""
    longest = LONGEST_MALFORMED // 1024**2
    return UnreadableSegment(
        f"{name} has more than {MOST_MALFORMED} rows or {longest} MiB without {columns} sound columns",
        code="too_many_malformed",
        advice="Look at its delimiter, quotation marks and encoding, and whether model.json names all its columns.",
    )


def header_of(name: str, start: str, how: CsvFormat, named: tuple[str, ...] | None) -> tuple[tuple[str, ...], bool]:
    """The columns of a CSV file that begins so, and whether its first record is a header. `named`: model.json's."""
    first = _first_record(name, start, how)
    # A header that model.json does not announce is one too.
    alike = named is not None and _casefold(first) == _casefold(named)
    header = how.header or alike
    columns = tuple(first) if header and not alike else cast("tuple[str, ...]", named)
    if not any(column.strip() for column in columns):
        raise UnreadableSegment(
            f"{name} begins with an empty line", code="no_header", advice="The first line must name the columns."
        )
    return columns, header


def _csv(file: LocalFile, how: CsvFormat, path: Path) -> Relation:
    if file.head:
        columns, header = file.head
    else:
        with path.open(encoding="utf-8", errors="replace", newline="") as text:
            columns, header = header_of(file.name, text.read(HEADER_LIMIT), how, file.columns)
    seen = file.look or look(path, how.delimiter, len(columns), quote=how.quote)
    relation = Relation(
        file.name,
        columns,
        _csv_source(path, how, len(columns), header=header),
        tuple(f"c{i}" for i in range(len(columns))),
        malformed="file_index IS NULL" if file.joined else "false",  # a row that has been counted and is not there
        first_row=2 if header else 1,
        names_itself=not header or file.columns is not None,
        csv_text=(path, how),
        doubts=seen.all_doubts,
        steady=seen.lines and seen.sure,  # no row is left out for what is in a cell, if the cell is read
        lines=seen.lines and seen.sure,
    )
    most, longest = MOST_MALFORMED, LONGEST_MALFORMED
    if (seen.malformed > most or seen.size > longest) and has_malformed(
        path, how.delimiter, len(columns), quote=how.quote, rows=most, size=longest
    ):
        raise too_many_malformed(file.name, len(columns))
    if not seen.sure and may_end_in_quotes(path, how.delimiter):
        relation.refuse_swallowed_rows()
    return relation


def _csv_source(path: Path, how: CsvFormat, columns: int, *, header: bool) -> str:
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(columns))
    quote = "'\"'" if how.quote else "''"
    # Not in parallel: DuckDB would begin at every MiB with the first line that looks like a row, inside a quoted cell,
    # too, and so let whoever may write a note of several lines add rows.
    return (
        f"read_csv({quoted(str(path))}, auto_detect=false, header={str(header).lower()}, "
        f"delim={quoted(how.delimiter)}, quote={quote}, escape={quote}, nullstr='', columns={{{types}}}, "
        f"compression='none', parallel=false, store_rejects=true, max_line_size={LONGEST_ROW}, "
        f"buffer_size={READ_BUFFER})"
    )


def _first_record(name: str, start: str, how: CsvFormat) -> list[str]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if how.quote else csv.QUOTE_NONE
    try:
        # An empty line is a record without cells; of a text that is no more than that, the reader gives none at all.
        return next(csv.reader(io.StringIO(start, newline=""), delimiter=how.delimiter, quoting=quoting), [])
    except csv.Error as error:
        raise unreadable(name, error) from error


def _casefold(names: Iterable[str]) -> list[str]:
    return [name.casefold().strip() for name in names]


def _ndjson(
    connection: "DuckDBPyConnection", name: str, path: Path, objects: Objects, wanted: Iterable[str]
) -> Relation:
    make_room_for_json(connection, objects.length)
    source = f"read_ndjson_objects({quoted(str(path))}, {_JSON_OPTIONS})"

    def missing() -> list[str]:
        there = _casefold(objects.keys)
        return [key for key in sorted(wanted) if key.casefold() not in there]

    def find_keys(of: str) -> None:
        found = _query(
            connection,
            name,
            f"SELECT DISTINCT unnest(json_keys(json)) FROM {of} WHERE json_type(json) = 'OBJECT'",
        )
        objects.keys.update(str(key) for (key,) in found)

    if missing() or not objects.keys:
        find_keys(f"(SELECT json FROM {source} LIMIT {SAMPLED_OBJECTS})")
    if missing():
        find_keys(source)  # a key may be rare
    if objects.last and not objects.keys:
        raise UnreadableSegment(
            f"{name} holds no JSON object", code="unreadable_file", advice="Write one JSON object a line."
        )
    columns = (*sorted(objects.keys), *([] if objects.last else missing()))
    pointers = tuple("/" + key.replace("~", "~0").replace("/", "~1") for key in columns)
    # What DuckDB gives of an object begins with its brace.
    malformed = "NOT coalesce(starts_with(CAST(json AS VARCHAR), '{'), false)"
    return Relation(
        name,
        columns,
        source,
        malformed=malformed,
        pointers=pointers,
        doubts=objects.doubts,
        length=objects.length,
        json=path,
    )


def _parquet(connection: "DuckDBPyConnection", file: LocalFile) -> Relation:
    refuse_bomb(file.path, file.name)
    source = f"read_parquet({quoted(str(file.path))})"
    columns = tuple(str(row[0]) for row in _query(connection, file.name, f"DESCRIBE SELECT * FROM {source}"))
    return Relation(
        file.name, columns, source, tuple(f"CAST(source.{identifier(name)} AS VARCHAR)" for name in columns)
    )


def _query(connection: "DuckDBPyConnection", name: str, sql: str) -> list[tuple[object, ...]]:
    import duckdb

    try:
        return connection.execute(sql).fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(name, error) from error
