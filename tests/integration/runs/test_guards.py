"""What ends a run before anything is sent: its state, its reason, its advice."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from shared.runs.record import RunRecord, State
from tests.integration.runs.world import KEY, REMOVAL, UPSERT, World

LIST_THAT_IS_GONE = "00000000-0000-4000-8000-000000000000"


def connection(**more: Any) -> Callable[[World], None]:
    return lambda world: world.put_connection(**more)


def export(**more: Any) -> Callable[[World], None]:
    return lambda world: world.put_export(**more)


def landed(name: str, content: bytes) -> Callable[[World], None]:
    def land(world: World) -> None:
        world.services.storage.segments.delete("People.csv")
        world.land_bytes(name, content)

    return land


def without_segment(world: World) -> None:
    world.services.storage.segments.delete("People.csv")


def without_export(world: World) -> None:
    world.services.storage.config.delete("exports/newsletter.json")


def half_landed(world: World) -> None:
    without_segment(world)
    world.land_bytes("people/People/part-1.csv", b"EMail,FirstName\nada@example.com,Ada\n")


def without_rights(world: World) -> None:
    world.sim.add_key(KEY, ["mail.send"])


def key_revoked(world: World) -> None:
    world.sim.revoke_key(KEY)


def invalid_export(world: World) -> None:
    world.land_bytes("x", b"")
    world.services.storage.config.write("exports/newsletter.json", b'{"display_name": "N", "api_key": "SG.x.y"}')


MISTAKES: list[tuple[str, Callable[[World], None], State, str, str]] = [
    # mistake, how it is made, state, code, words of the reason
    ("unknown export", without_export, State.SKIPPED, "export_missing", "export newsletter does not exist"),
    ("export disabled", export(enabled=False), State.SKIPPED, "export_disabled", "not enabled"),
    ("unknown connection", export(connection="sales"), State.SKIPPED, "connection_missing", "'sales'"),
    ("no consent", connection(consent=None), State.SKIPPED, "consent_missing", "consent"),
    ("invalid export", invalid_export, State.FAILED, "invalid_document", "exports/newsletter.json"),
    (
        "missing column",
        export(mapping={"email": "Mail"}),
        State.FAILED,
        "missing_column",
        "People.csv has no column 'Mail'",
    ),
    ("no segment", without_segment, State.SKIPPED, "segment_missing", "People has not landed"),
    ("half landed", half_landed, State.SKIPPED, "segment_incomplete", "not landed completely"),
    ("no rows", landed("People.csv", b"EMail,FirstName\n"), State.SKIPPED, "empty_segment", "0 rows"),
    ("no contacts", landed("People.csv", b"EMail,FirstName\nx,y\n"), State.SKIPPED, "empty_segment", "1 rows"),
    (
        "corrupt gzip",
        landed("People.csv.gz", gzip.compress(b"EMail,FirstName\n" + bytes(range(256)) * 500)[:-200]),
        State.FAILED,
        "unreadable_file",
        "People.csv.gz cannot be read",
    ),
    ("no gzip", landed("People.csv.gz", b"EMail\n"), State.FAILED, "unreadable_file", "People.csv.gz cannot be read"),
    ("no parquet", landed("People.parquet", b"EMail\n"), State.FAILED, "unreadable_file", "People.parquet"),
    (
        "wrong delimiter",
        landed("People.csv", b"EMail;FirstName\nada@example.com;Ada\n"),
        State.FAILED,
        "missing_column",
        "People.csv has no column 'EMail'",
    ),
    ("key without rights", without_rights, State.FAILED, "key_forbidden", "API key lacks the right"),
    ("key revoked", key_revoked, State.FAILED, "key_refused", "refused the API key"),
    ("list gone", export(list_id=LIST_THAT_IS_GONE), State.FAILED, "list_not_found", "list does not exist"),
    (
        "unknown custom field",
        export(mapping={"email": "EMail", "custom_fields": {"tier": "FirstName"}}),
        State.FAILED,
        "unknown_custom_field",
        "no custom field tier",
    ),
    ("too many", export(max_profiles=1), State.SKIPPED, "over_max_profiles", "2 contacts, more than max_profiles"),
    ("over plan", connection(contact_limit=1), State.SKIPPED, "over_contact_limit", "more than contact_limit allows"),
]


@pytest.mark.parametrize(
    ("make", "state", "code", "words"), [mistake[1:] for mistake in MISTAKES], ids=[mistake[0] for mistake in MISTAKES]
)
def test_a_mistake_is_named_and_nothing_is_sent(
    world: World, make: Callable[[World], None], state: State, code: str, words: str
) -> None:
    world.land("ada@example.com", "grace@example.com")
    make(world)
    run = world.run()
    assert run.state is state
    assert_names(run, code, words)
    assert world.requests(UPSERT, REMOVAL) == 0
    assert world.members() == {}
    assert run.batches == []


def assert_names(run: RunRecord, code: str, words: str) -> None:
    assert run.error is not None
    assert run.error.code == code
    assert words in run.error.message
    assert run.reason == run.error.message
    assert run.error.advice.endswith((".", "}."))


def shrunk(world: World) -> None:
    world.put_on_list(*(f"member{number}@example.com" for number in range(4)))
    world.land("member0@example.com")


def test_a_segment_that_shrank_too_much_is_skipped(world: World) -> None:
    shrunk(world)
    before = world.requests(UPSERT, REMOVAL)
    run = world.run()
    assert run.state is State.SKIPPED
    assert_names(run, "shrunk_segment", "3 of 4 members would leave the list")
    assert world.requests(UPSERT, REMOVAL) == before
    assert len(world.members()) == 4


def test_force_lets_a_shrunk_segment_pass(world: World) -> None:
    shrunk(world)
    run = world.run(force=True)
    assert run.state is State.SUCCESSFUL
    assert world.on_list() == {"member0@example.com"}


def test_force_lets_an_empty_segment_pass(world: World) -> None:
    world.put_on_list("ada@example.com")
    world.land()
    assert world.run(force=True).state is State.SUCCESSFUL
    assert world.on_list() == set()


@pytest.mark.parametrize(
    ("limit", "code"),
    [(export(max_profiles=1), "over_max_profiles"), (connection(contact_limit=1), "over_contact_limit")],
)
def test_force_does_not_lift_a_limit(world: World, limit: Callable[[World], None], code: str) -> None:
    world.land("ada@example.com", "grace@example.com")
    limit(world)
    run = world.run(force=True)
    assert run.state is State.SKIPPED
    assert_names(run, code, "2 contacts")
    assert world.requests(UPSERT, REMOVAL) == 0


def test_missing_fields_are_created_where_the_export_says_so(world: World) -> None:
    world.land("ada@example.com")
    world.put_export(mapping={"email": "EMail", "custom_fields": {"tier": "FirstName"}}, create_missing_fields=True)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    contact = world.sim.contact("ada@example.com")
    assert contact is not None
    assert contact["custom_fields"] == {"tier": "Ada"}


def test_a_dry_run_creates_no_fields(world: World) -> None:
    world.land("ada@example.com")
    world.put_export(mapping={"email": "EMail", "custom_fields": {"tier": "FirstName"}}, create_missing_fields=True)
    run = world.run(dry_run=True)
    assert run.state is State.SUCCESSFUL
    assert run.counts["upserts"] == 1
    assert world.requests("POST /v3/marketing/field_definitions") == 0
