"""NDJSON becomes Parquet as it arrives, so that each object is parsed once, and not whenever its file is read."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contacts.engine import OBJECTS_AT_A_TIME, second
from shared.contacts.mapping import Mapping
from shared.contacts.reading import LocalFile, open_relation, quoted
from shared.contacts.text import unreadable
from shared.segments.snapshot import NdjsonFormat

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GROUP = 4 * 1024 * 1024  # bytes of lines that are a group of rows: one takes time, and a larger one memory
# Values that are repeated are there once, so packing them saves little.
_OPTIONS = "FORMAT parquet, COMPRESSION uncompressed"


def parsed(connection: "DuckDBPyConnection", mapping: Mapping, files: Iterable[LocalFile]) -> Iterator[LocalFile]:
    """The files, or pieces of them, those of NDJSON as Parquet files of the columns that the mapping reads.

    It may go on in another thread than what else is done with the connection. UnreadableSegment.
    """
    cursor = second(connection)
    for file in files:
        if isinstance(file.format, NdjsonFormat):
            yield from _parsed(cursor, mapping, file)
        else:
            yield file
    cursor.close()


def _parsed(connection: "DuckDBPyConnection", mapping: Mapping, file: LocalFile) -> Iterator[LocalFile]:
    import duckdb

    relation = open_relation(connection, file, mapping.columns)
    if relation is None or relation.json is None:
        return
    path = file.path.with_name(f"{file.path.name}.parquet")
    columns = mapping.bind(relation).read_columns()
    try:
        rows = max(OBJECTS_AT_A_TIME, _GROUP // max(1, relation.length))
        quick = relation.select_at_once(columns)
        if not quick or not _write(connection, quick, path, rows):
            _write(connection, relation.select(columns), path, rows)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise unreadable(file.name, error) from error
    relation.json.unlink()
    yield replace(file, path=path, relation=relation.as_parquet(path))


def _write(connection: "DuckDBPyConnection", select: str, path: Path, rows: int) -> bool:
    """False if there are rows of which it is not to be told whether they are malformed. `rows`: of a group."""
    connection.execute(f"COPY ({select}) TO {quoted(str(path))} ({_OPTIONS}, ROW_GROUP_SIZE {rows})")
    doubtful = f"SELECT count(*) FROM read_parquet({quoted(str(path))}) WHERE malformed IS NULL"
    return connection.execute(doubtful).fetchall() == [(0,)]
