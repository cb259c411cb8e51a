"""A look into a segment: its columns, and what contacts its first rows would become. Everything shown is masked."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.api.masking import mask, mask_all
from shared.api.views import PreviewWish
from shared.cloud.storage import Container
from shared.contacts.engine import engine, work_folder
from shared.contacts.mapping import CustomField, FieldType, Mapping, missing_fields
from shared.contacts.plan import Planner
from shared.contacts.reading import LocalFile, identifier, open_relation, quoted
from shared.contacts.text import unreadable
from shared.destinations.models import Export
from shared.segments import beginning
from shared.segments.snapshot import CsvFormat, NdjsonFormat, ParquetFormat, Snapshot, SnapshotFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CONTACTS = 5
LONGEST_CELL = 4000  # characters that are looked at; SendGrid takes 1,000 at most
VALUES = 3  # masked values a column
LOOKED_AT = 200  # rows in which they are looked for
PARQUET_ROWS = 1000
CHUNK, CHUNKS = 2 * 1024 * 1024, 32 * 1024 * 1024  # bytes fetched of one column of a Parquet file, and of all
_ANY_EXPORT = {
    "id": "preview",
    "display_name": "preview",
    "connection": None,
    "list_id": "00000000-0000-0000-0000-000000000000",
}

_EMAIL = re.compile(r"(?=.{3,320}\Z)[^@\s]+@[^@\s]+\.[^@\s]+")  # a long text with many dots would take minutes
_NUMBER = re.compile(r"[+-]?\d{1,18}([.,]\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|\d{1,2}[/.]\d{1,2}[/.]\d{4}.*")


@dataclass(frozen=True, slots=True)
class Column:
    """`type` is what its values look like, None if there are none to look at; `sample` is masked."""

    name: str
    type: str | None
    sample: list[str]


@dataclass(frozen=True, slots=True)
class Previewed:
    """Masked contacts, how many rows were looked at, and what became of those that are no contacts."""

    contacts: list[dict[str, Any]]
    rows_looked_at: int
    problems: dict[str, int]


def columns(container: Container, snapshot: Snapshot) -> list[Column]:
    """The segment's columns, in file order. UnreadableSegment, Conflict (it is being written again)."""
    with _first_rows(container, snapshot) as (database, file):
        relation = open_relation(database, file) if file else None
        if relation is None:
            return [Column(name, None, []) for name in snapshot.columns or ()]
        every = set(range(len(relation.columns)))
        cut = ", ".join(f"left(c{i}, {LONGEST_CELL})" for i in sorted(every))
        rows = database.execute(f"SELECT {cut} FROM ({relation.select(every)}) LIMIT {LOOKED_AT}")
        cells = list(zip(*rows.fetchall(), strict=True)) or [()] * len(relation.columns)
    return [_column(name, values) for name, values in zip(relation.columns, cells, strict=True)]


def preview(container: Container, snapshot: Snapshot, wish: PreviewWish, defined: list[CustomField]) -> Previewed:
    """The first rows as contacts, by the same code as in a run. UnreadableSegment names a column that is not there."""
    wished = {"mapping": wish.mapping, "only_where": wish.only_where, "clear_empty": wish.clear_empty}
    export = Export.model_validate(_ANY_EXPORT | {"segments": (snapshot.segment,)} | wished)
    unknown = [CustomField(name, name, FieldType.TEXT) for name in missing_fields(export, defined)]
    with _first_rows(container, snapshot) as (database, file):
        if file is None:
            return Previewed([], 0, {})
        planner = Planner(database, Mapping.of(export, [*defined, *unknown]))
        planner.add(file)
        counts = planner.decide(members=None, others=(), everything=True, leave=False)
        first = next(planner.contacts(), [])[:CONTACTS]
        contacts = [mask_all(json.loads(content)) for content, _ in first]
        rejects = file.path.with_name("rejects.parquet")
        planner.write_rejects(rejects)
        found = database.execute(
            f"SELECT code, count(*) FROM read_parquet({quoted(str(rejects))}) GROUP BY 1 ORDER BY 1"
        )
        return Previewed(contacts, counts.rows, {str(code): int(count) for code, count in found.fetchall()})


@contextmanager
def _first_rows(container: Container, snapshot: Snapshot) -> "Iterator[tuple[DuckDBPyConnection, LocalFile | None]]":
    """A database, and a local file with the first rows of the snapshot; None if it holds nothing."""
    file = next((each for each in snapshot.files if each.size), None)
    with work_folder() as folder, engine(folder) as database:
        yield database, _local(database, container, file, snapshot.columns, folder) if file else None


def _local(
    database: "DuckDBPyConnection",
    container: Container,
    file: SnapshotFile,
    named: tuple[str, ...] | None,
    folder: Path,
) -> LocalFile:
    path, how = folder / "beginning", file.format
    if isinstance(how, CsvFormat | NdjsonFormat):
        cut = beginning.fetch_text(container, file, how, path)
        return LocalFile(file.name, cut.path, cut.format, named)
    beginning.fetch_footer(container, file, path)
    whole = folder / "rows.parquet"
    _write_first_rows(database, container, file, path, whole)
    return LocalFile(file.name, whole, ParquetFormat(), named)


def _write_first_rows(
    database: "DuckDBPyConnection", container: Container, file: SnapshotFile, path: Path, target: Path
) -> None:
    """A Parquet file of the first rows. A column whose first pages are too large to be fetched is empty in it."""
    import duckdb

    left = CHUNKS
    source = f"read_parquet({quoted(str(path))})"
    try:
        for start, length in _first_chunks(database, path):
            length = min(length, CHUNK, left)  # noqa: PLW2901
            if length > 0:
                beginning.fetch_range(container, file, path, start, length)
            left -= length
        rows = f"LIMIT {PARQUET_ROWS}"
        cells = []
        for name, *_ in database.execute(f"DESCRIBE SELECT * FROM {source}").fetchall():
            cell = f"left(CAST({identifier(name)} AS VARCHAR), {LONGEST_CELL})"
            try:
                database.execute(f"SELECT max(cell) FROM (SELECT {cell} AS cell FROM {source} {rows})").fetchall()
            except duckdb.Error:  # not there, or more than there is memory for
                cell = "CAST(NULL AS VARCHAR)"
            cells.append(f"{cell} AS {identifier(name)}")
        database.execute(f"COPY (SELECT {', '.join(cells)} FROM {source} {rows}) TO {quoted(str(target))}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(file.name, error) from error


def _first_chunks(database: "DuckDBPyConnection", path: Path) -> list[tuple[int, int]]:
    """Where each column of the first row group begins in the file, and how long it is there."""
    return database.execute(
        "SELECT least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset)) AS start,"
        " total_compressed_size FROM parquet_metadata(?) WHERE row_group_id = 0 ORDER BY start",
        [str(path)],
    ).fetchall()


def _column(name: str, values: tuple[Any, ...]) -> Column:
    given = list(dict.fromkeys(str(value).strip() for value in values if value is not None and str(value).strip()))
    return Column(name, _type_of(given), list(dict.fromkeys(mask(value) for value in given))[:VALUES])


def _type_of(values: list[str]) -> str | None:
    if not values:
        return None
    for kind, form in (("email", _EMAIL), ("date", _DATE), ("number", _NUMBER)):
        fitting = sum(form.fullmatch(value) is not None for value in values)
        # One typing error in a column of addresses does not make it something else.
        if fitting * 10 >= len(values) * (8 if kind == "email" else 10):
            return kind
    return "text"
