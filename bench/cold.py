"""The cold start's share that is ours: importing function_app in a fresh process, from compiled files.

`python -m bench.cold` lists the imports that take longest.
"""

import compileall
import json
import os
import subprocess
import sys
from dataclasses import dataclass

from bench.world import ROOT

_PROGRAM = """
import json, time
began = time.perf_counter()
import function_app
seconds = time.perf_counter() - began
status = open("/proc/self/status").read().split("VmRSS:")[1]
print(json.dumps([seconds, int(status.split()[0]) / 1024]))
"""


@dataclass(frozen=True, slots=True)
class ColdImport:
    seconds: float
    mebibytes: float  # of the whole process, interpreter included


def compile_files() -> None:
    """As a deployment does; the first import would do it otherwise."""
    compileall.compile_dir(ROOT / "shared", quiet=2)
    compileall.compile_file(ROOT / "function_app.py", quiet=2)


def cold_import() -> ColdImport:
    """Import it once, in a process that has imported nothing else."""
    seconds, mebibytes = json.loads(_python("-c", _PROGRAM).stdout)
    return ColdImport(seconds, mebibytes)


def slowest(count: int = 15) -> list[str]:
    """The imports that take longest by themselves, as `-X importtime` tells: microseconds, total, module."""
    lines = [
        line for line in _python("-X", "importtime", "-c", "import function_app").stderr.splitlines() if "|" in line
    ]
    parsed = [line.removeprefix("import time:").split("|") for line in lines]
    own = [(int(parts[0]), parts[2].strip(), int(parts[1])) for parts in parsed if parts[0].strip().isdecimal()]
    return [f"{alone:>8} {total:>8} {name}" for alone, name, total in sorted(own, reverse=True)[:count]]


def _python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )


if __name__ == "__main__":
    compile_files()
    print(f"{'alone':>8} {'in all':>8} microseconds")
    print("\n".join(slowest()))
