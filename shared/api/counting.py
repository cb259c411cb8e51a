"""How many rows segments have: counted where that costs little, else estimated from the beginning of their files."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shared.cloud.storage import Container
from shared.contacts.text import unreadable
from shared.errors import ExportError
from shared.segments import beginning
from shared.segments.snapshot import ParquetFormat, Snapshot, SnapshotFile

READERS = 8  # segments looked at at the same time
FILES = 8  # files of a segment that are looked at
SAMPLE = 256 * 1024  # bytes of a text file
_REMEMBERED = 4096

Rows = tuple[int, bool]  # how many, and whether they were counted

_lock = threading.Lock()
_known: OrderedDict[str, Rows] = OrderedDict()  # by the snapshot's id, which changes with every file


def count_rows(container: Container, snapshots: Iterable[Snapshot]) -> dict[str, Rows]:
    """Rows by segment; those of a segment whose files cannot be read are left out."""
    snapshots = list(snapshots)
    with ThreadPoolExecutor(READERS, thread_name_prefix="rows") as pool:
        counts = pool.map(lambda snapshot: _rows(container, snapshot), snapshots)
        return {each.segment: rows for each, rows in zip(snapshots, counts, strict=True) if rows is not None}


def _rows(container: Container, snapshot: Snapshot) -> Rows | None:
    with _lock:
        if snapshot.id in _known:
            return _known[snapshot.id]
    try:
        rows = _look(container, snapshot)
    except ExportError:
        return None  # a run, or a look at its columns, says what is wrong with it
    with _lock:
        _known[snapshot.id] = rows
        while len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    return rows


def _look(container: Container, snapshot: Snapshot) -> Rows:
    files = [file for file in snapshot.files if file.size]
    some = files[:FILES]
    with tempfile.TemporaryDirectory(prefix="rows-") as folder:
        found = [_of_file(container, file, Path(folder)) for file in some]
    total, counted = sum(rows for rows, _ in found), all(exactly for _, exactly in found)
    if len(some) == len(files):
        return round(total), counted
    share = sum(file.size for file in some) / sum(file.size for file in files)
    return round(total / share), False


def _of_file(container: Container, file: SnapshotFile, folder: Path) -> tuple[float, bool]:
    import duckdb

    from shared.contacts.engine import engine

    path = folder / "file"
    if isinstance(file.format, ParquetFormat):
        beginning.fetch_footer(container, file, path)
        try:
            with engine(folder) as database:
                [(rows,)] = database.execute("SELECT num_rows FROM parquet_file_metadata(?)", [str(path)]).fetchall()
        except duckdb.Error as error:
            raise unreadable(file.name, error) from error
        return rows, True
    start = beginning.fetch_text(container, file, file.format, path, most=SAMPLE)
    return beginning.rows_in(start) / start.share, start.share == 1.0
