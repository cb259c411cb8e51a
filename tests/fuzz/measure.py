"""`python -m tests.fuzz.measure FILE KIND …`: read a file in a process of its own and tell what that took, as JSON.

Bounds are measured from outside: DuckDB's own limit does not count all that it takes.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ExportError
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
    """Plan a file in a child process. AssertionError with what it said if it dies of anything but our own errors."""
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
        counts = plan_of(Input(kind, path.read_bytes())).counts.as_dict()
    except ExportError as error:
        code, message = error.code, error.message
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    written = int(Path("/proc/self/io").read_text().partition("wchar:")[2].split()[0]) // _MIB
    sys.stdout.write(json.dumps({"code": code, "message": message, "counts": counts, "peak": peak, "written": written}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
