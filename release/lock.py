"""`python -m release.lock`: requirements.lock, every package that is deployed with its version and hashes.

For the platform that it is deployed to: Linux on x86-64, Python 3.13. Made from the ranges of requirements.txt by uv,
with wheels alone, so that nothing is built from source on the way. `--check` only says whether it is up to date;
`--upgrade` takes the newest versions that the ranges allow, else those of the lock stay.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from release.package import LOCK, REQUIREMENTS, ROOT

PYTHON, PLATFORM = "3.13", "x86_64-manylinux_2_28"
_HEAD = "# Made by `make lock` from requirements.txt, for Linux on x86-64 and Python 3.13. Not edited by hand.\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m release.lock")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--upgrade", action="store_true")
    options = parser.parse_args()
    lock = ROOT / LOCK
    before = lock.read_text(encoding="utf-8") if lock.exists() else ""
    made = compiled("" if options.upgrade else before)
    if not options.check:
        lock.write_text(made, encoding="utf-8")
    if made == before:
        return 0
    sys.stdout.write(f"{LOCK} {'is not what requirements.txt asks for: make lock' if options.check else 'written'}\n")
    return int(options.check)


def compiled(before: str = "") -> str:
    """The lock. Versions of the one `before` stay where the ranges still allow them."""
    command = [sys.executable, "-m", "uv", "pip", "compile", REQUIREMENTS, "--generate-hashes", "--quiet"]
    command += ["--python-version", PYTHON, "--python-platform", PLATFORM, "--only-binary", ":all:"]
    # Nothing of the place where it is made: no index, no path, no command line.
    command += ["--no-header", "--no-annotate", "--no-emit-index-url"]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / LOCK
        target.write_text(before, encoding="utf-8")
        subprocess.run([*command, "--output-file", str(target)], cwd=ROOT, check=True)
        return _HEAD + target.read_text(encoding="utf-8").removeprefix(_HEAD)


if __name__ == "__main__":
    sys.exit(main())
