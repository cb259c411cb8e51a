"""DuckDB, bounded: what does not fit into its memory goes to a folder that is removed afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import RunFailed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MIB = 1024 * 1024
# What DuckDB may use, in bytes; it takes some 40 MiB beside what it counts. The interpreter and the SDKs need about
# 80 MiB, batches in flight 20 MiB, so that the whole fits into the smallest instance. More does not make it faster.
MEMORY_LIMIT = 40 * MIB
# What it may use while contacts are handed out, file by file: more would only keep tables that have been read, beside
# the batches in flight.
SENDING_LIMIT = 14 * MIB
# DuckDB takes this much at once to read JSON, however short the objects are. Beside that it holds, measured, up to 23
# times what it works on at a time, which is so many objects.
JSON_BUFFER, JSON_COPIES, OBJECTS_AT_A_TIME = 32 * MIB, 26, 2048
LARGEST_ROOM = 256 * MIB
FETCHED = 2048  # rows fetched at a time
# Addresses that a join takes at a time. DuckDB puts what does not fit into its memory aside in parts, and holds a block
# of each: five million addresses are too many for the memory that it has.
MOST_JOINED = 2_000_000
NARROW = 4  # rows of numbers take so many times less memory in a join, by two threads, than rows with addresses
# Rows that go to the database's file at a time. A piece of a segment's file has more, so that they go there straight
# away; of fewer DuckDB writes a log first, copies them, and writes them once more.
ROW_GROUP = 20_480
_DATABASE = "work"
_FOLDER = "segment-export-"


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for one slice's files, gone afterwards. What a killed process left behind goes too."""
    root = Path(tempfile.gettempdir()).resolve()
    for left in root.glob(f"{_FOLDER}*"):
        pid = left.name.removeprefix(_FOLDER).split("-")[0]
        if not pid.isdecimal() or not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_room_for_json(connection: "DuckDBPyConnection", length: int = 0) -> None:
    """From now on JSON is read beside everything else, which keeps the memory that it had.

    `length`: bytes of an object on average, where they are longest.
    """
    room = min(JSON_BUFFER + JSON_COPIES * OBJECTS_AT_A_TIME * length, LARGEST_ROOM)
    limit = (MEMORY_LIMIT + room) // MIB
    # Never less: something else may be using it. Nor the same again: DuckDB gives back what it holds each time.
    if _limit(connection) // MIB < limit:
        connection.execute(f"SET memory_limit = '{limit}MiB'")


def give_back_room_for_json(connection: "DuckDBPyConnection", length: int) -> None:
    """From now on no JSON is read. What was in objects of that `length` still is, and has half of the memory anyway."""
    room = min(max(0, JSON_COPIES * OBJECTS_AT_A_TIME * length - MEMORY_LIMIT // 2), LARGEST_ROOM)
    connection.execute(f"SET memory_limit = '{(MEMORY_LIMIT + room) // MIB}MiB'")


def keep_little(connection: "DuckDBPyConnection") -> None:
    """From now on rows are only handed out, and written, in the order in which they are stored."""
    connection.execute(f"SET memory_limit = '{SENDING_LIMIT // MIB}MiB'")


def execute(connection: "DuckDBPyConnection", sql: str) -> int:
    """Carry out all of a statement or nothing, with more memory if it takes more. Gives the rows that it wrote."""
    import duckdb

    while True:
        try:
            return int(connection.execute(sql).fetchall()[0][0])
        except duckdb.OutOfMemoryException:
            if not _more_room(connection):
                raise


def stream(connection: "DuckDBPyConnection", select: str) -> Iterator[list[Any]]:
    """A query's rows, some thousands at a time; with more memory, from where it was, if it takes more.

    For queries whose rows come in the same order each time.
    """
    import duckdb

    given = 0
    while True:
        cursor = second(connection)
        try:
            cursor.execute("SET streaming_buffer_size = '1MiB'")  # no more than what is fetched next
            cursor.execute(f"{select} OFFSET {given}" if given else select)
            while rows := cursor.fetchmany(FETCHED):
                yield rows
                given += len(rows)
        except duckdb.OutOfMemoryException:
            if not _more_room(connection):
                raise
        else:
            return
        finally:
            cursor.close()


def second(connection: "DuckDBPyConnection") -> "DuckDBPyConnection":
    """One more connection to the same database, for a query beside another."""
    cursor = connection.cursor()
    cursor.execute(f"USE {_DATABASE}")
    return cursor


def _more_room(connection: "DuckDBPyConnection") -> bool:
    """Let DuckDB have twice the memory that it had. False if it has the most that it may have.

    It works on 2,048 rows at a time and holds, measured, up to 21 times their text: wide rows take more than others.
    """
    had = _limit(connection)
    if had >= MEMORY_LIMIT + LARGEST_ROOM:
        return False
    connection.execute(f"SET memory_limit = '{min(2 * had, MEMORY_LIMIT + LARGEST_ROOM) // MIB}MiB'")
    return True


def _limit(connection: "DuckDBPyConnection") -> int:
    return int(connection.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchall()[0][0])


def shares(addresses: int) -> list[str]:
    """SQL conditions on a column `address`, each true of a share of so many `addresses` that can be joined at once."""
    many = 1 + addresses // MOST_JOINED
    return [f"hash(address) % {many} = {number}" for number in range(many)] if many > 1 else ["true"]


@contextmanager
def both_processors(connection: "DuckDBPyConnection") -> Iterator[None]:
    """Two threads, for what nothing else goes on beside, and whose rows are no more than numbers."""
    connection.execute("SET threads = 2")
    try:
        yield
    finally:
        connection.execute("SET threads = 1")


@contextmanager
def engine(folder: Path, *, limit: int = MEMORY_LIMIT, others: Sequence[Path] = ()) -> Iterator["DuckDBPyConnection"]:
    """A connection to a database of its own in `folder`, within `limit` bytes of memory.

    Whatever is made of it, it reaches no files but those in `folder` and `others`, and no network.
    """
    import duckdb

    from shared.contacts.reading import quoted

    connection = duckdb.connect(
        config={
            "memory_limit": f"{limit // MIB}MiB",
            "threads": 1,  # a second one takes as much memory again, and finds little to do beside sending
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": True,  # a row's number in its file is its place in the table
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    connection.execute(f"ATTACH {quoted(str(folder / 'work.duckdb'))} AS {_DATABASE} (ROW_GROUP_SIZE {ROW_GROUP})")
    connection.execute(f"USE {_DATABASE}")
    reached = ", ".join(quoted(str(each)) for each in (folder, *others))
    connection.execute(f"SET allowed_directories = [{reached}]")
    connection.execute("SET enable_external_access = false")
    # Moments without an offset, and Parquet's, are UTC's, whatever the machine's zone; for cursors, too.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    # Looking for the best way to pack what is read once and thrown away takes longer than writing and reading it.
    connection.execute("PRAGMA force_compression = 'uncompressed'")
    try:
        yield connection
    except duckdb.OutOfMemoryException as error:
        raise RunFailed(
            "the segment does not fit into this instance's memory and temp folder",
            code="out_of_memory",
            advice="Choose a larger instance size for the function app, or split the segment.",
        ) from error
    finally:
        connection.close()
