"""`python -m release.package`: the package that is deployed, dist/app.zip, and the folder that azd deploys, dist/app.

The same commit gives the same bytes: files that git tracks and .funcignore lets through, in order, with one time and
one set of permissions. Its requirements.txt is requirements.lock: the platform's build installs exactly those versions,
and pip refuses what has another hash.
"""

import fnmatch
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK, REQUIREMENTS = "requirements.lock", "requirements.txt"
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can hold
_MODE = 0o100644 << 16


def main(root: Path = ROOT) -> Path:
    """Write both and say what is in them; gives the zip file."""
    content = package(root)
    folder, archive = root / "dist" / "app", root / "dist" / "app.zip"
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    write_zip(content, archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    for top in dict.fromkeys(name.split("/")[0] for name in content):
        sizes = [len(data) for name, data in content.items() if name.split("/")[0] == top]
        sys.stdout.write(f"{sum(sizes):>10,} bytes in {len(sizes):>3} files  {top}\n")
    sys.stdout.write(f"{archive.stat().st_size:>10,} bytes  {archive.relative_to(root)}  sha256 {digest}\n")
    return archive


def package(root: Path = ROOT) -> dict[str, bytes]:
    """The files of the package, in order, by their names in it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout.decode()
    names = [*filter(None, listed.split("\0"))]
    ignored = _patterns((root / ".funcignore").read_text(encoding="utf-8").splitlines())
    content = {name: (root / name).read_bytes() for name in names if not _is_ignored(name, ignored)}
    content[REQUIREMENTS] = (root / LOCK).read_bytes()
    return dict(sorted(content.items()))


def write_zip(content: dict[str, bytes], archive: Path) -> None:
    """A zip file that holds nothing of where, when and by whom it was made."""
    with zipfile.ZipFile(archive, "w") as zipped:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, _MODE  # Unix, also where it is made on Windows
            zipped.writestr(entry, data, compresslevel=9)


def _patterns(lines: Iterable[str]) -> list[str]:
    """As in .gitignore, as far as .funcignore needs it: names with or without wildcards, of files or of folders."""
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if odd := [pattern for pattern in patterns if pattern.startswith("!") or "/" in pattern.rstrip("/")]:
        raise SystemExit(f".funcignore: only plain names are understood here, not {', '.join(odd)}")
    return patterns


def _is_ignored(name: str, patterns: list[str]) -> bool:
    *folders, file = name.split("/")
    return any(
        any(fnmatch.fnmatchcase(part, pattern.rstrip("/")) for part in folders)
        or (not pattern.endswith("/") and fnmatch.fnmatchcase(file, pattern))
        for pattern in patterns
    )


if __name__ == "__main__":
    main()
