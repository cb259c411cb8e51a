"""run, status and report, from a segment that has landed to the file that says who did not get through."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import ROOT, Stack
from shared.cli.__main__ import main
from tests.integration.cli.conftest import Cli

PEOPLE = b"EMail\nada@example.com\nno address\ngrace@example.com\n"


@pytest.fixture
def list_id(stack: Stack, fresh: str) -> str:
    return stack.sendgrid.create_list(fresh)


@pytest.fixture
def export(stack: Stack, fresh: str, list_id: str) -> str:
    """It runs when it is told to."""
    stack.put_export(fresh, list_id=list_id, segments=[fresh], mapping={"email": "EMail"}, run_on_landing=False)
    return fresh


def test_a_run_is_watched_to_its_end_and_reported(cli: Cli, stack: Stack, export: str, tmp_path: Path) -> None:
    stack.land(f"{export}.csv", PEOPLE)
    done = cli("run", export, "--wait", "--json", watched=True)
    record = done.json()
    assert (done.code, record["state"]) == (0, "completed_with_warnings")
    assert (record["counts"]["accepted"], record["counts"]["invalid_email"]) == (2, 1)
    assert "contacts" in done.stderr  # the progress

    [shown] = cli("status", export, "--json").json()["runs"]
    assert shown == record
    listed = cli("status", "--json").json()["exports"]
    assert {each["id"]: each["last_run"] for each in listed}[export] == record
    assert f"{export}  completed_with_warnings" in cli("status").stdout

    file = tmp_path / "report.csv"
    assert cli("report", record["run_id"], "-o", str(file)).code == 0
    [line] = csv.DictReader(file.read_text().splitlines())
    assert (line["email"], line["code"]) == ("no address", "invalid_email")
    assert file.stat().st_mode & 0o077 == 0
    assert cli("report", record["run_id"]).stdout == file.read_text()
    [reason] = cli("report", record["run_id"], "--json").json()["reasons"]
    assert (reason["code"], reason["count"]) == ("invalid_email", 1)

    assert len(cli("status", export, "--limit", "1").stdout.splitlines()) == 1


def test_a_dry_run_sends_nothing(by_url: Cli, stack: Stack, export: str, list_id: str) -> None:
    stack.land(f"{export}.csv", b"EMail\nada@example.com\n")
    done = by_url("run", export, "--dry-run", "--wait", "--json")
    assert (done.code, done.json()["counts"]["upserts"], done.json()["dry_run"]) == (0, 1, True)
    assert not stack.sendgrid.members(list_id)


def test_the_exit_code_says_how_the_run_ended(on_storage: Cli, stack: Stack, fresh: str, list_id: str) -> None:
    stack.put_export(fresh, list_id=list_id, segments=[fresh], mapping={"email": "EMail"}, enabled=False)
    done = on_storage("run", fresh, "--wait")
    assert done.code == 11, done.stdout + done.stderr
    assert "skipped" in done.stdout


def test_what_does_not_exist_is_a_problem_on_stderr(cli: Cli, fresh: str) -> None:
    for arguments in (("run", fresh), ("status", fresh), ("report", f"{fresh}-20261122T000000Z-abcdef")):
        done = cli(*arguments, "--json")
        assert (done.code, done.stdout, done.problem()["status"]) == (1, "", 404)


def test_a_wrong_key_is_not_let_in_and_not_repeated(stack: Stack) -> None:
    wrong = Cli({"EXPORTS_URL": stack.url, "EXPORTS_KEY": "not-the-key-of-this-app"})
    for options in ([], ["--json"]):
        done = wrong("status", *options)
        assert (done.code, done.stdout) == (4, "")
        assert "not-the-key" not in done.stderr


def test_it_runs_as_a_program_on_storage(stack: Stack, export: str) -> None:
    command = [sys.executable, "-m", "shared.cli", "run", export]
    env = {"PATH": os.environ["PATH"], **stack.settings}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0].startswith(f"{export}-")
    assert done.stdout.split()[1] == "queued"


def test_storage_without_its_settings_says_which_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"], {"KEY_VAULT_URL": "https://vault.example"}) == 4
    assert "AzureWebJobsStorage" in capsys.readouterr().err
