"""What is deployed: every file of it and nothing else, the same bytes each time."""

import hashlib
import os
import stat
import tomllib
import zipfile
from pathlib import Path

import pytest

import shared
from release.package import ROOT, _is_ignored, _patterns, package, write_zip


@pytest.fixture(scope="module")
def content() -> dict[str, bytes]:
    return package()


def test_it_holds_the_app_and_nothing_else(content: dict[str, bytes]) -> None:
    assert {name for name in content if not name.startswith("shared/")} == {
        "function_app.py",
        "host.json",
        "requirements.txt",
    }
    kinds = {Path(name).suffix for name in content if name.startswith("shared/")}
    assert kinds <= {".py", ".js", ".css", ".html", ".svg", ".txt"}


def test_it_holds_every_module_and_every_file_of_the_console(content: dict[str, bytes]) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "shared").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted == {name for name in content if name.startswith("shared/")}
    assert "shared/api/console/index.html" in content


def test_it_is_small(content: dict[str, bytes], tmp_path: Path) -> None:
    write_zip(content, tmp_path / "app.zip")
    assert (tmp_path / "app.zip").stat().st_size < 600_000


def test_its_requirements_are_the_lock(content: dict[str, bytes]) -> None:
    assert content["requirements.txt"] == (ROOT / "requirements.lock").read_bytes()


def test_nothing_in_it_depends_on_where_when_and_by_whom_it_is_made(content: dict[str, bytes], tmp_path: Path) -> None:
    digests = set()
    for mask in (0o000, 0o077):
        before = os.umask(mask)
        try:
            write_zip(content, tmp_path / f"{mask}.zip")
        finally:
            os.umask(before)
        digests.add(hashlib.sha256((tmp_path / f"{mask}.zip").read_bytes()).hexdigest())
    assert len(digests) == 1
    with zipfile.ZipFile(tmp_path / "0.zip") as zipped:
        entries = zipped.infolist()
    assert [entry.filename for entry in entries] == sorted(content)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {stat.S_IMODE(entry.external_attr >> 16) for entry in entries} == {0o644}
    assert {(entry.create_system, entry.extra, entry.comment) for entry in entries} == {(3, b"", b"")}


@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        ("tests/unit/test_a.py", True),
        ("shared/tests.py", False),
        ("shared/__pycache__/a.pyc", True),
        (".gitignore", True),
        (".github/workflows/ci.yml", True),
        ("local.settings.json", True),
        ("README.md", True),
        ("shared/a.py", False),
        ("host.json", False),
    ],
)
def test_funcignore_decides(name: str, *, ignored: bool) -> None:
    patterns = _patterns((ROOT / ".funcignore").read_text().splitlines())
    assert _is_ignored(name, patterns) is ignored


@pytest.mark.parametrize("odd", ["!keep.py", "docs/*.md", "/root.py"])
def test_a_pattern_that_is_not_understood_is_refused(odd: str) -> None:
    with pytest.raises(SystemExit, match=r"\.funcignore"):
        _patterns(["tests/", odd])


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    assert project["dynamic"] == ["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    released = [line.split()[1].strip("[]") for line in changes.splitlines() if line.startswith("## ")]
    assert released[0] == shared.__version__ or (released[0], released[1]) == ("Unreleased", shared.__version__)
