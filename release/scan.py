"""`python -m release.scan`: secrets in the repository; licences, pins and known vulnerabilities of what is deployed.

A line a scan. What cannot be done here is said, and counts as a failure with `--strict` alone: without the internet
there is no list of vulnerabilities.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from release import inventory, lock
from release.package import LOCK, ROOT

BASELINE = ROOT / ".secrets.baseline"
# Names of secrets are this app's daily bread, so it is values that are looked for. Locks are nothing but hashes.
LOCKS = r"\.secrets\.baseline|requirements\.lock|package-lock\.json|preact-htm\.js"
SECRETS = ["--disable-plugin", "KeywordDetector", "--exclude-files", LOCKS]

Found = list[str]


class NotDone(Exception):
    """The scan could not be made, because of what the message says."""


def secrets() -> Found:
    """Values in tracked files that look like keys and are not in the baseline of known ones, all made up for tests."""
    found = json.loads(_run("detect_secrets", "scan", *SECRETS).stdout)["results"]
    known = json.loads(BASELINE.read_text(encoding="utf-8"))["results"]
    return unknown(found, known)


def unknown(found: dict[str, list[Any]], known: dict[str, list[Any]]) -> Found:
    """What is found and not known, as sentences. A known value may move within its file."""
    before = {(each["filename"], each["type"], each["hashed_secret"]) for entries in known.values() for each in entries}
    return [
        f"{each['filename']}:{each['line_number']} {each['type']}"
        for entries in found.values()
        for each in entries
        if (each["filename"], each["type"], each["hashed_secret"]) not in before
    ]


def licences() -> Found:
    """Packages whose licence is not one of those that are allowed."""
    return [f"{each.name}: {each.licence or 'none told'}" for each in inventory.packages() if not each.is_allowed]


def locked() -> Found:
    """Whether the lock is what requirements.txt asks for."""
    before = (ROOT / LOCK).read_text(encoding="utf-8")
    try:
        same = lock.compiled(before) == before
    except subprocess.CalledProcessError as error:
        raise NotDone("the package index was not reached, or has no such packages") from error
    return [] if same else [f"{LOCK} is not what requirements.txt asks for: make lock"]


def vulnerabilities() -> Found:
    """What PyPI's advisories say of the packages in the lock."""
    done = _run("pip_audit", "-r", LOCK, "--require-hashes", "--disable-pip", "--progress-spinner", "off", "-f", "json")
    try:
        return advisories(json.loads(done.stdout))
    except ValueError as error:
        raise NotDone("pip-audit did not reach its source") from error


def advisories(told: dict[str, Any]) -> Found:
    """Those of pip-audit's JSON. NotDone if it passed over packages, which it does not count as a failure."""
    packages = told["dependencies"]
    found = [f"{each['name']} {each['version']}: {one['id']}" for each in packages for one in each.get("vulns", ())]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if skipped and not found:
        raise NotDone(f"the package index has no advisories of {len(skipped)} of {len(packages)} packages")
    return found


SCANS: tuple[Callable[[], Found], ...] = (secrets, licences, locked, vulnerabilities)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m release.scan")
    parser.add_argument("--strict", action="store_true", help="what cannot be done is a failure")
    strict = parser.parse_args().strict
    failed = False
    for scan in SCANS:
        try:
            found = scan()
            said = "ok" if not found else "; ".join(found)
            failed |= bool(found)
        except NotDone as error:
            said = f"NOT DONE: {error}"
            failed |= strict
        sys.stdout.write(f"{scan.__name__:16} {said}\n")
    return int(failed)


def _run(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=Path(ROOT), capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
