"""`python -m tests.fuzz.measure FILE KIND …`: read a file in a process of its own and tell what that took, as JSON.

Bounds are measured from outside: DuckDB's own limit does not count all that it takes.
"""

import datetime as dt
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from shared.cloud.storage import Container
from shared.errors import ExportError
from shared.segments.snapshot import ParquetFormat, Snapshot, SnapshotFile
from tests.fuzz.inputs import Input
from tests.fuzz.oracles import plan_of

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """`code` and `message` of the error that came out, else `counts` of the plan. `peak`: MiB of memory at most."""

    code: str | None
    message: str
    counts: dict[str, int]
    peak: int
    written: int  # MiB that were written to disk


def measured(content: bytes, kind: str) -> Measured:
    """Plan a file in a child process; of kind `columns` look at a Parquet file as the API does.

    AssertionError with what it said if it dies of anything but our own errors.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.measure", file.name, kind], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-2000:]
    return Measured(**json.loads(done.stdout))


def _main(path: Path, kind: str) -> None:
    code, message, counts = None, "", {}
    try:
        content = path.read_bytes()
        counts = _columns(content) if kind == "columns" else plan_of(Input(kind, content)).counts.as_dict()
    except ExportError as error:
        code, message = error.code, error.message
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    written = int(Path("/proc/self/io").read_text().partition("wchar:")[2].split()[0]) // _MIB
    sys.stdout.write(json.dumps({"code": code, "message": message, "counts": counts, "peak": peak, "written": written}))


def _columns(content: bytes) -> dict[str, int]:
    """The columns of a Parquet file with how many values each shows, fetched from a container that has only that."""
    from shared.api import preview

    class OnlyThat:
        def read_part(self, _: str, start: int, length: int, **_etag: str) -> bytes:
            return content[start : start + length]

    now = dt.datetime.now(dt.UTC)
    file = SnapshotFile("people.parquet", "etag", len(content), ParquetFormat())
    snapshot = Snapshot("people", (file,), None, now, now, file.name)
    return {each.name: len(each.sample) for each in preview.columns(cast("Container", OnlyThat()), snapshot)}


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
