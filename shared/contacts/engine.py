"""DuckDB, bounded: memory by the instance's size, what does not fit goes to a folder that is removed afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shared.errors import RunFailed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MIB = 1024 * 1024
SMALLEST_LIMIT, LARGEST_LIMIT = 48 * MIB, 64 * MIB
_FOLDER = "segment-export-"


def instance_memory() -> int:
    """Bytes of memory that this instance may use: the container's limit, else the machine's."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            text = limit.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            return min(total, int(text))
    return total


def memory_limit(instance: int) -> int:
    """What DuckDB may use of an instance with that much memory, in bytes.

    An eighth: the interpreter and the SDKs need about 100 MiB, batches in flight 30 MiB, and DuckDB takes some 40 MiB
    beside what it counts. More than the largest limit does not make it faster.
    """
    return max(SMALLEST_LIMIT, min(instance // 8, LARGEST_LIMIT))


@contextmanager
def work_folder() -> Iterator[Path]:
    """A folder for one slice's files, gone afterwards. What a killed process left behind goes too."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(f"{_FOLDER}*"):
        pid = left.name.removeprefix(_FOLDER).split("-")[0]
        if not pid.isdecimal() or not Path(f"/proc/{pid}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def engine(folder: Path, *, limit: int | None = None) -> Iterator["DuckDBPyConnection"]:
    """A connection to a database of its own in `folder`, within `limit` bytes of memory (default: by the instance)."""
    import duckdb

    limit = limit or memory_limit(instance_memory())
    connection = duckdb.connect(
        str(folder / "work.duckdb"),
        config={
            "memory_limit": f"{limit // MIB}MiB",
            "threads": 1,  # a second one takes as much memory again, and finds little to do beside sending
            "temp_directory": str(folder / "spill"),
            "preserve_insertion_order": True,  # a row's number in its file is its place in the table
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    # Moments without an offset, and Parquet's, are UTC's, whatever the machine's zone; for cursors, too.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
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
