"""What cannot be exported, through the whole stack: each case ends with a sentence that says what to mend, and SendGrid
sees nothing of it. `pytest -v tests/system/test_bad_input.py` lists the cases, `-s` shows them with their messages.
"""

import gzip
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from rich.console import Console
from rich.table import Table

from local.stack import Stack
from tests.system.scene import Scene

PEOPLE = b"EMail,FirstName\nada@example.com,Ada\ngrace@example.com,Grace\n"


@dataclass(frozen=True, slots=True)
class Case:
    """`arrange` sets the scene; then the export is started. `says` are parts of the reason that people read."""

    name: str
    arrange: Callable[[Scene], None]
    state: str
    code: str
    says: tuple[str, ...]


def good(scene: Scene) -> None:
    """Nothing wrong yet. Landings start nothing: each case is started once, over HTTP."""
    scene.connect()
    scene.export(run_on_landing=False)
    scene.land(PEOPLE)


def unknown_connection(scene: Scene) -> None:
    good(scene)
    scene.export(run_on_landing=False, connection="nobody")


def no_consent(scene: Scene) -> None:
    good(scene)
    scene.connect(consent=None)


def disabled(scene: Scene) -> None:
    good(scene)
    scene.export(run_on_landing=False, enabled=False)


def missing_column(scene: Scene) -> None:
    good(scene)
    scene.land(b"Mail,FirstName\nada@example.com,Ada\n")


def empty_segment(scene: Scene) -> None:
    good(scene)
    scene.land(b"EMail,FirstName\n")


def never_landed(scene: Scene) -> None:
    scene.connect()
    scene.export(run_on_landing=False)


def half_landed(scene: Scene) -> None:
    scene.connect()
    scene.export(run_on_landing=False)
    scene.land_model([b"ada@example.com,Ada\n", None])


def corrupt_gzip(scene: Scene) -> None:
    scene.connect()
    scene.export(run_on_landing=False)
    content = gzip.compress(PEOPLE * 1000)
    scene.land(content[: len(content) // 2], ".csv.gz")


def wrong_delimiter(scene: Scene) -> None:
    good(scene)
    scene.land(PEOPLE.replace(b",", b";"))


def wrong_delimiter_without_header(scene: Scene) -> None:
    """Here the columns are model.json's, so that it is the rows that do not fit."""
    scene.connect()
    scene.export(run_on_landing=False)
    scene.land_model([b"ada@example.com;Ada\ngrace@example.com;Grace\n"])


def secret_missing(scene: Scene) -> None:
    good(scene)
    scene.connect(api_key_secret="sendgrid-nobody-stored-it")


def key_in_the_document(scene: Scene) -> None:
    good(scene)
    scene.connect(api_key_secret=scene.connect())


def key_without_rights(scene: Scene) -> None:
    good(scene)
    scene.connect(scopes=["mail.send"])


def key_revoked(scene: Scene) -> None:
    good(scene)
    scene.stack.sendgrid.revoke_key(scene.connect())


def list_gone(scene: Scene) -> None:
    good(scene)
    scene.export(run_on_landing=False, list_id=str(uuid.uuid4()))


def unknown_custom_field(scene: Scene) -> None:
    good(scene)
    mapping = {"email": "EMail", "custom_fields": {"loyalty_tier": "FirstName"}}
    scene.export(run_on_landing=False, mapping=mapping)


def over_the_profile_limit(scene: Scene) -> None:
    good(scene)
    scene.export(run_on_landing=False, max_profiles=1)


def shrunk_segment(scene: Scene) -> None:
    """Not on its first run: four people were sent, and three of them are gone."""
    scene.connect()
    scene.export(run_on_landing=False)
    scene.land_people({f"person{number}@example.com": "P" for number in range(4)})
    assert scene.start()["state"] == "successful"
    scene.land_people({"person0@example.com": "P"})
    scene.look_from_here()


CASES = [
    Case("unknown connection", unknown_connection, "skipped", "connection_missing", ("'nobody'", "does not exist")),
    Case("no consent", no_consent, "skipped", "consent_missing", ("consent",)),
    Case("export disabled", disabled, "skipped", "export_disabled", ("not enabled",)),
    Case("missing e-mail column", missing_column, "failed", "missing_column", ("'EMail'",)),
    Case("empty segment", empty_segment, "skipped", "empty_segment", ("0 rows",)),
    Case("segment never landed", never_landed, "skipped", "segment_missing", ("has not landed",)),
    Case("half-landed CDM folder", half_landed, "skipped", "segment_incomplete", ("1 of the 2 files", "_2.csv")),
    Case("corrupt gzip", corrupt_gzip, "failed", "unreadable_file", ("cannot be read",)),
    Case("wrong delimiter", wrong_delimiter, "failed", "missing_column", ("'EMail'",)),
    Case("wrong delimiter, no header", wrong_delimiter_without_header, "skipped", "empty_segment", ("2 rows",)),
    Case("secret missing in the vault", secret_missing, "failed", "secret_missing", ("does not exist",)),
    Case("key in the document", key_in_the_document, "failed", "invalid_document", ("api_key_secret", "Key Vault")),
    Case("key without rights", key_without_rights, "failed", "key_forbidden", ("key",)),
    Case("key revoked", key_revoked, "failed", "key_refused", ("key",)),
    Case("list gone", list_gone, "failed", "list_not_found", ("list",)),
    Case("unknown custom field", unknown_custom_field, "failed", "unknown_custom_field", ("loyalty_tier",)),
    Case("over the profile limit", over_the_profile_limit, "skipped", "over_max_profiles", ("2 contacts", "(1)")),
    Case("shrunk segment", shrunk_segment, "skipped", "shrunk_segment", ("3 of 4 members",)),
]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Every case as people see it; printed at the end, which only `-s` lets through."""
    table = Table("input", "run ends", "code", "message", "advice", title="bad input, nothing sent", show_lines=True)
    yield table
    Console(width=200).print("\n", table)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_ends_the_run_with_a_sentence_and_sends_nothing(scene: Scene, case: Case, table: Table) -> None:
    case.arrange(scene)
    members = scene.members
    run = scene.start()
    error = run["error"]
    table.add_row(case.name, run["state"], error["code"], error["message"], error["advice"])
    assert (run["state"], error["code"]) == (case.state, case.code)
    assert run["reason"] == error["message"]
    assert all(words in error["message"] for words in case.says), error["message"]
    assert error["advice"]
    assert scene.writes() == {}
    assert scene.members == members
    assert run["batches"] == run["removals"] == []


def test_an_unknown_export_is_refused_where_it_is_asked_for(stack: Stack, scene: Scene) -> None:
    answer = stack.http("POST", f"/api/exports/{scene.export_id}/runs")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert scene.writes() == {}


def test_without_a_key_nobody_gets_in(stack: Stack, scene: Scene) -> None:
    good(scene)
    for method, path in (("POST", f"/api/exports/{scene.export_id}/runs"), ("GET", "/api/runs/x")):
        answer = stack.http_session.request(method, stack.url + path, timeout=60)
        assert answer.status_code == 401
    assert stack.runs(scene.export_id) == []
