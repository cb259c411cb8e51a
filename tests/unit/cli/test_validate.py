"""validate: everything that is wrong with a folder, a line each, without any connection."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from shared.cli.__main__ import main

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "config"
KEY = "SG.abcdefghijklmnopqrstuv.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


def validate(folder: Path, *options: str) -> tuple[int, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = main(["validate", str(folder), *options], {}, (io.StringIO(), stdout, stderr))
    assert stderr.getvalue() == ""
    return code, stdout.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The documents of the examples."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "config"))


def put(folder: Path, name: str, **change: Any) -> None:
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(document | change), encoding="utf-8")


def test_the_examples_have_no_problems(folder: Path) -> None:
    code, told = validate(folder)
    assert (code, told) == (0, "3 documents, no problems\n")


def test_every_problem_is_a_line_with_file_and_field(folder: Path) -> None:
    put(folder, "exports/newsletter.json", list_id="abc", segments=[])
    put(folder, "connections/marketing.json", region="mars")
    code, told = validate(folder)
    begin = [line.split(": ")[:2] for line in told.splitlines()]
    assert code == 1
    assert begin == [
        ["connections/marketing.json", "region"],
        ["exports/newsletter.json", "list_id"],
        ["exports/newsletter.json", "segments"],
    ]
    problems = json.loads(validate(folder, "--json")[1])["problems"]
    assert [f"{each['file']}: {each['sentence']}" for each in problems] == told.splitlines()


def test_a_key_in_a_document_is_refused_and_not_repeated(folder: Path) -> None:
    put(folder, "connections/marketing.json", api_key_secret=KEY)
    code, told = validate(folder)
    assert code == 1
    assert "Key Vault" in told
    assert KEY[:10] not in told


def test_files_that_are_no_documents_are_told_from_those_that_are(folder: Path) -> None:
    (folder / "exports" / "README.md").write_text("Ours", encoding="utf-8")
    (folder / "exports" / "Bad Name.json").write_text("{}", encoding="utf-8")
    (folder / "exports" / "broken.json").write_text("{", encoding="utf-8")
    (folder / "exports" / "large.json").write_bytes(b" " * 300_000)
    (folder / "exports" / "folder.json").mkdir()
    code, told = validate(folder)
    assert code == 1
    files = [line.split(": ")[0].removeprefix("exports/") for line in told.splitlines()]
    assert files == ["Bad Name.json", "broken.json", "folder.json", "large.json"]


def test_an_export_that_is_a_connection_too_is_told_of_its_twin(folder: Path) -> None:
    put(folder, "exports/newsletter.json", api_key_secret="sendgrid-other")
    newsletter = json.loads((folder / "exports/newsletter.json").read_text(encoding="utf-8"))
    del newsletter["connection"]
    (folder / "exports/marketing.json").write_text(json.dumps(newsletter), encoding="utf-8")
    told = validate(folder)[1]
    assert "exports/marketing.json: api_key_secret: makes this a connection too" in told


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_without_documents_is_a_mistake(tmp_path: Path, name: str) -> None:
    code, told = validate(tmp_path / name)
    assert code == 1
    assert "no document" in told
