"""apply: a folder becomes what is stored, and nobody's work is lost by it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.stack import Stack
from shared.cli.service import Service
from shared.errors import NotFound
from tests.integration.cli.conftest import Cli, Document, Folder

CONSENT = {"agreed_by": "admin@contoso.example", "agreed_at": "2026-11-21T10:00:00Z", "text_version": "2026-11"}


def stored(stack: Stack, name: str) -> Document:
    found: Document = json.loads(stack.storage.config.read(name).content)
    return found


def is_stored(stack: Stack, name: str) -> bool:
    try:
        return bool(stored(stack, name))
    except NotFound:
        return False


def test_a_folder_is_shown_as_a_diff_written_and_then_there_is_nothing_to_change(
    cli: Cli, stack: Stack, folder: Folder, fresh: str
) -> None:
    folder.connection(fresh)
    folder.export(fresh, connection=fresh)  # could not be written before its connection
    shown = cli("apply", str(folder), "--dry-run")
    assert shown.code == 0
    assert f"+++ folder/exports/{fresh}.json" in shown.stdout
    assert '+  "display_name": "Newsletter",' in shown.stdout
    assert not is_stored(stack, f"exports/{fresh}.json")

    done = cli("apply", str(folder), "--yes")
    assert (done.code, done.stderr) == (0, "")
    assert stored(stack, f"exports/{fresh}.json")["connection"] == fresh

    folder.export(fresh, connection=fresh, display_name="Weekly", enabled=True)  # enabled is so by default
    changed = cli("apply", str(folder), "--yes", "--json")
    [change] = changed.json()["changes"]
    assert (changed.code, change["action"], change["result"]) == (0, "replace", "written")
    altered = [line for line in change["diff"].split("\n")[2:] if line[0] in "+-"]
    assert altered == ['-  "display_name": "Newsletter",', '+  "display_name": "Weekly",']
    assert cli("apply", str(folder), "--yes", "--json").json() == {"applied": True, "changes": [], "left": []}


def test_nothing_is_written_unless_somebody_says_yes(on_storage: Cli, stack: Stack, folder: Folder, fresh: str) -> None:
    folder.connection(fresh)
    assert on_storage("apply", str(folder)).code == 5
    assert on_storage("apply", str(folder), answer="\n").code == 5
    assert on_storage("apply", str(folder), "--json").code == 2
    assert not is_stored(stack, f"connections/{fresh}.json")
    assert on_storage("apply", str(folder), answer="y\n").code == 0
    assert is_stored(stack, f"connections/{fresh}.json")


@pytest.mark.parametrize("before", [True, False], ids=["changed", "made"])
def test_what_somebody_else_wrote_since_it_was_shown_is_not_overwritten(
    cli: Cli, stack: Stack, folder: Folder, fresh: str, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    name = f"exports/{fresh}.json"
    theirs = {
        "display_name": "Theirs",
        "connection": "marketing",
        "list_id": "5a3b1c9e-7d42-4f0a-9e61-2b8c4d7f1a35",
        "segments": ["Nobody"],
        "mapping": {"email": "EMail"},
    }
    if before:
        stack.put_config(name, {**theirs, "display_name": "Before"})
    folder.export(fresh)
    look = Service.stored

    def look_and_lose_the_race(service: Service) -> Any:
        found = look(service)
        stack.put_config(name, theirs)
        return found

    monkeypatch.setattr(Service, "stored", look_and_lose_the_race)
    done = cli("apply", str(folder), "--yes", "--json")
    assert (done.code, done.problem()["status"], done.problem()["instance"]) == (3, 412, name)
    assert "updated_at" in done.problem()
    assert "updated_by" not in done.problem()
    assert [change["result"] for change in done.json()["changes"]] == ["conflict"]
    assert stored(stack, name) == theirs


def test_the_first_refusal_ends_it_and_what_was_written_is_told(
    by_url: Cli, stack: Stack, folder: Folder, fresh: str
) -> None:
    folder.connection(fresh)
    folder.export(f"{fresh}-a", connection="no-such")
    folder.export(f"{fresh}-b", connection=fresh)
    done = by_url("apply", str(folder), "--yes", "--json")
    assert (done.code, done.problem()["field"]) == (1, "connection")
    assert not done.json()["applied"]
    assert [change["result"] for change in done.json()["changes"]] == ["written", "refused", "not done"]
    assert is_stored(stack, f"connections/{fresh}.json")
    assert not is_stored(stack, f"exports/{fresh}-b.json")


def test_a_consent_that_the_folder_does_not_mention_stays_and_who_gave_it_is_not_shown(
    on_storage: Cli, stack: Stack, folder: Folder, fresh: str
) -> None:
    on_storage = Cli({**on_storage.environment, "AUTH_MODE": "entra"})  # nobody signs in to storage by a name
    folder.connection(fresh, consent=CONSENT)
    first = on_storage("apply", str(folder), "--yes")
    assert "@" not in first.stdout.replace("@@", "")
    folder.connection(fresh, region="eu")
    second = on_storage("apply", str(folder), "--yes")
    assert '+  "region": "eu"' in second.stdout
    assert stored(stack, f"connections/{fresh}.json")["consent"] == CONSENT
    folder.connection(fresh, region="eu", consent={**CONSENT, "agreed_by": "other@contoso.example"})
    third = on_storage("apply", str(folder), "--yes")
    assert '+    "agreed_by": "(not shown) (another)",' in third.stdout
    assert "contoso" not in third.stdout


def test_a_document_that_is_export_and_connection_is_kept_as_one(
    on_storage: Cli, stack: Stack, folder: Folder, fresh: str
) -> None:
    both = {
        "display_name": "Newsletter",
        "api_key_secret": "sendgrid-both",
        "list_id": "5a3b1c9e-7d42-4f0a-9e61-2b8c4d7f1a35",
        "segments": ["Nobody"],
        "mapping": {"email": "EMail"},
    }
    folder.put(f"exports/{fresh}.json", both)
    assert on_storage("apply", str(folder), "--yes").code == 0
    assert stored(stack, f"exports/{fresh}.json") == both
    assert on_storage("apply", str(folder), "--yes", "--json").json()["changes"] == []

    (folder.path / "exports" / f"{fresh}.json").unlink()
    # From now on as two, of which storage makes one.
    folder.connection(fresh, region="eu", display_name="Marketing")
    folder.export(fresh, connection=fresh, display_name="Weekly")
    assert on_storage("apply", str(folder), "--yes").code == 0
    assert stored(stack, f"exports/{fresh}.json")["region"] == "eu"
    assert not is_stored(stack, f"connections/{fresh}.json")
    assert on_storage("apply", str(folder), "--yes", "--json").json()["changes"] == []


def test_what_cannot_be_read_in_storage_is_not_replaced_unseen(
    by_url: Cli, stack: Stack, folder: Folder, fresh: str
) -> None:
    name = f"exports/{fresh}.json"
    stack.put_config(name, {"display_name": "Half written"})
    folder.export(fresh)
    done = by_url("apply", str(folder), "--yes", "--json")
    assert (done.code, done.problem()["code"], done.json()["applied"]) == (1, "cannot_apply", False)
    assert [each["name"] for each in done.json()["left"]] == [name]
    assert stored(stack, name) == {"display_name": "Half written"}
    stack.storage.config.delete(name)


@pytest.fixture
def only(stack: Stack) -> Callable[[str], None]:
    """Leave in storage what begins so, and what all tests need."""

    def clear(word: str) -> None:
        for item in stack.storage.config.list():
            if f"/{word}" not in item.name and item.name != "connections/marketing.json":
                stack.storage.config.delete(item.name)

    return clear


def test_prune_removes_what_the_folder_lacks_but_no_connection_in_use(
    by_url: Cli, stack: Stack, folder: Folder, fresh: str, only: Callable[[str], None]
) -> None:
    only(fresh)
    folder.connection(f"{fresh}-old")
    folder.export(f"{fresh}-old", connection=f"{fresh}-old")
    folder.export(f"{fresh}-kept")
    assert by_url("apply", str(folder), "--yes").code == 0
    (folder.path / "connections" / f"{fresh}-old.json").unlink()
    (folder.path / "exports" / f"{fresh}-old.json").unlink()

    assert by_url("apply", str(folder), "--yes", "--json").json()["changes"] == []
    shown = by_url("apply", str(folder), "--prune", "--dry-run")
    assert f"--- stored/exports/{fresh}-old.json\n+++ /dev/null" in shown.stdout
    assert is_stored(stack, f"exports/{fresh}-old.json")

    done = by_url("apply", str(folder), "--prune", "--yes", "--json")
    assert done.code == 0, done.stderr
    removed = [change["name"] for change in done.json()["changes"]]
    assert removed == [f"exports/{fresh}-old.json", f"connections/{fresh}-old.json"]
    assert [each["name"] for each in done.json()["left"]] == ["connections/marketing.json"]
    assert not is_stored(stack, f"exports/{fresh}-old.json")
    assert is_stored(stack, f"exports/{fresh}-kept.json")
    assert is_stored(stack, "connections/marketing.json")
