"""`python -m tests.fuzz SECONDS [SEED]`: fuzz in child processes; new findings go to the corpus, one line tells all.

The work is done in children because the worst finding is one that takes the process with it, or never ends.
"""

import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.inputs import Input, corpus, read
from tests.fuzz.oracles import examine

HANGS = 60  # seconds without a new input: a child that takes so long for one hangs


def main(seconds: float, seed: int) -> int:
    until = time.monotonic() + seconds
    ends: Counter[str] = Counter(examine(read(path)) for path in corpus())
    findings: list[Path] = []
    while (left := until - time.monotonic()) > 1:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            trouble = _run(folder, left, seed + len(findings) * 10_000)
            if (folder / "counts").exists():
                ends.update(json.loads((folder / "counts").read_text()))
            if trouble:
                kind, _, content = (folder / "input").read_bytes().partition(b"\n")
                findings.append(Input(kind.decode(), content).save())
                _say(f"{findings[-1].name}: {trouble}")
    codes = ", ".join(f"{code} {times}" for code, times in ends.most_common())
    _say(f"{ends.total()} executions ({codes}), {len(findings)} findings, seed {seed}, {seconds:.0f} s")
    return 1 if findings else 0


def _run(folder: Path, seconds: float, seed: int) -> str:
    """Run a child to its end: what went wrong, or an empty text."""
    command = [sys.executable, "-m", "tests.fuzz.worker", str(folder), str(seconds), str(seed)]
    with (folder / "said").open("w+") as said, subprocess.Popen(command, stdout=said, stderr=said) as child:
        while child.poll() is None:
            time.sleep(0.2)
            given = folder / "input"
            if given.exists() and time.time() - given.stat().st_mtime > HANGS:
                child.kill()
                return f"hangs for {HANGS} s"
        said.seek(0)
        lines = [line for line in said.read().splitlines() if "Error" in line or "Exception" in line]
    if not child.returncode:
        return ""
    return lines[-1][:300] if lines else f"the process ended with {child.returncode}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(10**6)))
