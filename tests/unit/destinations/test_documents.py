import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.destinations.documents import MAX_BYTES, read_connection, read_destination
from shared.destinations.forms import RESERVED_FIELDS, STANDARD_FIELDS
from shared.destinations.models import Mapping
from shared.errors import MOST_PROBLEMS, InvalidDocument
from tests.unit.destinations import build

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "config"
KEY = "SG.aBcDeFgHiJkLmNoPqRsTuV.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


def problems(document: Any, *, document_id: str = "newsletter") -> tuple[str, ...]:
    raw = document if isinstance(document, bytes) else build.content(document)
    with pytest.raises(InvalidDocument) as caught:
        read_destination(document_id, raw)
    assert caught.value.name == f"exports/{document_id}.json"
    return caught.value.problems


def problem(**changes: Any) -> str:
    (only,) = problems(build.EXPORT | changes)
    return only


def connection_problem(**changes: Any) -> str:
    with pytest.raises(InvalidDocument) as caught:
        build.connection(**changes)
    (only,) = caught.value.problems
    return only


# What may be left out


def test_an_export_needs_little_and_has_safe_defaults() -> None:
    export = build.export()
    assert (export.id, export.connection, export.segments) == ("newsletter", "marketing", ("HighValueCustomers",))
    assert (export.removal, export.schedule, export.timezone, export.run_on_landing) == (
        "leavers",
        "default",
        None,
        True,
    )
    assert (export.max_profiles, export.max_shrink_percent, export.enabled) == (100_000, 50, True)
    assert (export.clear_empty, export.create_missing_fields, export.only_where) == (False, False, {})
    assert export.mapping.custom_fields == {}


def test_a_connection_needs_little_and_is_for_administrators_without_consent_until_somebody_says_so() -> None:
    connection = build.connection()
    assert (connection.id, connection.region, connection.allowed_roles) == ("marketing", "global", ("admin",))
    assert (connection.consent, connection.contact_limit) == (None, None)


@pytest.mark.parametrize("key", ["display_name", "connection", "list_id", "segments", "mapping"])
def test_what_an_export_needs_is_said_when_it_is_missing(key: str) -> None:
    document = {name: value for name, value in build.EXPORT.items() if name != key}
    (only,) = problems(document)
    assert only.startswith(f"{key}: is missing; give ")


def test_all_faults_of_a_document_are_told_at_once() -> None:
    assert len(problems(build.EXPORT | {"list_id": "abc", "segments": [], "enabled": "yes", "lists": 1})) == 4


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.json")), ids=lambda path: path.stem)
def test_the_examples_in_the_docs_can_be_read(path: Path) -> None:
    read = read_connection if path.parent.name == "connections" else read_destination
    assert read(path.stem, path.read_bytes())


def test_the_newsletter_example_means_what_it_says() -> None:
    export = read_destination("newsletter", (EXAMPLES / "exports" / "newsletter.json").read_bytes()).export
    assert export.mapping.state_province_region == "State"
    assert export.mapping.custom_fields == {"loyalty_tier": "LoyaltyTier"}
    assert export.only_where == {"EmailConsent": ("True",)}


# Messages


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"list_id": "abc"}, "list_id: 'abc' is not a UUID; give the list's id from SendGrid, 36 characters"),
        ({"list_id": build.LIST_ID + "\n"}, "is not a UUID"),
        ({"connection": "Marketing Team"}, "connection: 'Marketing Team' is not an id: 1 to 63 lower-case letters"),
        ({"segments": []}, "segments: is empty; give the segments to export, each once, at least one"),
        ({"segments": ["A", "B", "A"]}, "segments: holds 'A' twice"),
        ({"segments": "A"}, "segments: 'A' is not a list"),
        ({"segments": ["A", 5]}, "segments[1]: 5 is not text"),
        ({"segments": [" "]}, "segments[0]: ' ' is not a segment's name, one line of 1 to 256 characters"),
        ({"segments": ["crm/A"]}, "segments[0]: 'crm/A' is not a segment's name"),
        ({"display_name": ""}, "display_name: '' is not a text, one line of 1 to 100 characters"),
        ({"display_name": "x" * 101}, f"display_name: '{'x' * 59}…' is not a text"),
        ({"display_name": "two\nlines"}, "is not a text, one line"),
        ({"mapping": {}}, "mapping.email: is missing; give the column that holds the e-mail address"),
        ({"mapping": ["EMail"]}, "mapping: a list is not an object"),
        ({"mapping": {"email": None}}, "mapping.email: null is not text"),
        ({"mapping": {"email": "E", "e_mail": "F"}}, "mapping.e_mail: is not a known key; did you mean 'email'?"),
        ({"only_where": {"C": []}}, "only_where.C: is empty; give for a column the values"),
        ({"only_where": {"C": [True]}}, "only_where.C[0]: true is not text"),
        ({"only_where": {"C": ["a", 1.5]}}, "only_where.C[1]: 1.5 is not text"),
        ({"only_where": {"C": "True"}}, "only_where.C: 'True' is not a list"),
        ({"only_where": {"C": ["a"], "c": ["b"]}}, "only_where: holds 'c' twice"),
        ({"only_where": {"": ["a"]}}, "only_where: '' is not a column's name"),
        ({"only_where": {"C": ["a\0b"]}}, "is not a value of at most 1000 characters"),
        ({"removal": "all"}, "removal: 'all' is not 'leavers' or 'none'"),
        ({"schedule": "61 * * * *"}, "schedule: '61 * * * *' is not a cron expression (bad minute)"),
        ({"schedule": "0 0 5 * * *"}, "is not a cron expression of five fields (minute, hour, day, month, weekday)"),
        ({"schedule": "weekly"}, "schedule: 'weekly' is not a cron expression of five fields"),
        ({"schedule": "0 0 30 2 *"}, "is not a cron expression (bad day-of-month)"),
        ({"schedule": "0 0 */8 * MON#5"}, "schedule: '0 0 */8 * MON#5' is a time that never comes"),
        ({"schedule": "1," * 200 + "1 * * * *"}, "is longer than 200 characters"),
        ({"timezone": "europe/athen"}, "'europe/athen' is not an IANA time zone (did you mean 'Europe/Athens'?)"),
        ({"timezone": "Europe"}, "timezone: 'Europe' is not an IANA time zone;"),
        ({"timezone": "../../etc/passwd"}, "is not an IANA time zone"),
        ({"max_profiles": 0}, "max_profiles: 0 is less than 1; give the most contacts that the export may hold"),
        ({"max_profiles": "100"}, "max_profiles: '100' is not a whole number"),
        ({"max_profiles": True}, "max_profiles: true is not a whole number"),
        ({"max_profiles": 1.5}, "max_profiles: 1.5 is not a whole number"),
        ({"max_profiles": float("inf")}, "max_profiles: Infinity is not a whole number"),
        ({"max_shrink_percent": -1}, "max_shrink_percent: -1 is less than 0"),
        ({"max_shrink_percent": 101}, "max_shrink_percent: 101 is more than 100"),
        ({"enabled": "yes"}, "enabled: 'yes' is not true or false; give true to let the export run, false to rest it"),
        ({"clear_empty": 1}, "clear_empty: 1 is not true or false"),
        ({"listId": "x"}, "listId: is not a known key; did you mean 'list_id'?"),
        ({"[key]": None}, "[key]: is not a known key; known are"),
        ({"only_where": {"[key]": "only_where"}}, "only_where.[key]: 'only_where' is not a list"),
        (
            {"mapping": {"email": "E", "custom_fields": {"[key]": "C"}}},
            "mapping.custom_fields: '[key]' is not a custom",
        ),
        ({"zzz": 1}, "zzz: is not a known key; known are id, display_name, connection, list_id, "),
        ({"id": "other"}, "id: 'other' is not the document's name, 'newsletter'; leave the key out"),
    ],
)
def test_a_message_names_the_field_the_value_and_what_is_expected(changes: dict[str, Any], said: str) -> None:
    assert said in problem(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"region": "us"}, "region: 'us' is not 'global' or 'eu'"),
        ({"allowed_roles": []}, "allowed_roles: is empty"),
        ({"allowed_roles": ["admin", "admin"]}, "allowed_roles: holds 'admin' twice"),
        ({"allowed_roles": ["boss"]}, "allowed_roles[0]: 'boss' is not 'admin' or 'contributor'"),
        ({"contact_limit": 0}, "contact_limit: 0 is less than 1"),
        ({"api_key_secret": "my key"}, "api_key_secret: the value is not a Key Vault secret's name"),
        ({"api_key_secret": "x" * 128}, "api_key_secret: the value is not a Key Vault secret's name"),
        ({"consent": True}, "consent: true is not an object"),
        ({"consent": build.CONSENT | {"agreed_at": "2026-11-21T10:00:00"}}, "has no offset from UTC"),
        ({"consent": build.CONSENT | {"agreed_at": "2026-11-21"}}, "'2026-11-21' is not a date and time"),
        ({"consent": build.CONSENT | {"agreed_at": "yesterday"}}, "'yesterday' is not a date and time"),
        ({"consent": build.CONSENT | {"agreed_at": 1_795_255_200}}, "is not a date and time; give the moment"),
        ({"consent": build.CONSENT | {"agreed_by": ""}}, "consent.agreed_by: the value is not a text, one line"),
        ({"consent": build.CONSENT | {"agreed": True}}, "consent.agreed: is not a known key; did you mean 'agreed_"),
    ],
)
def test_a_connection_s_messages_do_so_too(changes: dict[str, Any], said: str) -> None:
    assert said in connection_problem(**changes)


def test_consent_is_read_with_its_moment() -> None:
    consent = build.connection(consent=build.CONSENT | {"agreed_at": "2026-11-21T12:00:00+02:00"}).consent
    assert consent is not None
    assert consent.agreed_at == datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_an_address_is_not_repeated_in_a_message() -> None:
    assert problem(list_id="ann@contoso.com").startswith("list_id: the value is not a UUID")
    assert "ann@" not in problem(**{"ann@contoso.com": 1})
    assert "ann@" not in problem(segments=["ann@contoso.com", "ann@contoso.com"])


# Custom fields


@pytest.mark.parametrize("name", ["loyalty_tier", "_1", "T", "a" * 100])
def test_a_custom_field_may_have_any_name_that_sendgrid_allows(name: str) -> None:
    mapping = build.export(mapping={"email": "E", "custom_fields": {name: "Loyalty Tier"}}).mapping
    assert mapping.custom_fields == {name: "Loyalty Tier"}


@pytest.mark.parametrize("name", ["", "1st", "loyalty tier", "loyalty-tier", "größe", "a" * 101])
def test_a_name_that_sendgrid_does_not_allow_is_refused(name: str) -> None:
    assert "is not a custom field's name" in problem(mapping={"email": "E", "custom_fields": {name: "C"}})


@pytest.mark.parametrize("name", [*sorted(RESERVED_FIELDS), "Contact_ID"])
def test_a_reserved_name_is_refused_whatever_its_case(name: str) -> None:
    said = problem(mapping={"email": "E", "custom_fields": {name: "C"}})
    assert said.startswith(f"mapping.custom_fields: '{name}' is a name that SendGrid reserves")


@pytest.mark.parametrize("name", STANDARD_FIELDS)
def test_a_standard_field_is_sent_to_its_place(name: str) -> None:
    assert "belongs beside custom_fields" in problem(mapping={"email": "E", "custom_fields": {name: "C"}})


def test_the_mapping_has_all_standard_fields() -> None:
    assert {*STANDARD_FIELDS, "custom_fields"} == set(Mapping.model_fields)


def test_names_that_differ_in_case_alone_are_one_field() -> None:
    said = problem(mapping={"email": "E", "custom_fields": {"Tier": "A", "tier": "B"}})
    assert said.startswith("mapping.custom_fields: holds 'tier' twice")


def test_more_custom_fields_than_an_account_has_are_refused() -> None:
    fields = {f"f{number}": "C" for number in range(501)}
    assert "holds more than 500 entries" in problem(mapping={"email": "E", "custom_fields": fields})


def test_list_ids_are_compared_in_lower_case() -> None:
    assert build.export(list_id=build.LIST_ID.upper()).list_id == build.LIST_ID


# Keys in documents


@pytest.mark.parametrize(
    "changes",
    [
        {"api_key": "hunter2"},
        {"sendgrid_api_key": "hunter2"},
        {"apiKey": "hunter2"},
        {"list_id": KEY},
        {"display_name": f"ours is {KEY}"},
        {"segments": [KEY, KEY]},
        {"mapping": {"email": "E", KEY: "x"}},
        {"mapping": {"email": "E", "custom_fields": {KEY: "x"}}},
        {"only_where": {"C": [KEY]}},
        {"connection": {"api_key_secret": KEY}},
    ],
)
def test_an_api_key_is_refused_and_not_repeated(changes: dict[str, Any]) -> None:
    said = problems(build.EXPORT | changes)
    assert any(
        "holds an API key; store it in Key Vault and give the secret's name in api_key_secret" in s for s in said
    )
    assert not any(part in s for s in said for part in (KEY, KEY[:16], "hunter2"))


@pytest.mark.parametrize("value", [KEY, f" {KEY}", "SG.short", "0a1B2c3D4e5F" * 5, "not a key but not a name either"])
def test_a_key_in_place_of_the_secret_s_name_is_not_repeated(value: str) -> None:
    said = connection_problem(api_key_secret=value)
    assert said.startswith("api_key_secret: ")
    assert value not in said


# Customer Insights destinations


def test_a_destination_of_the_first_generation_is_connection_and_export_in_one() -> None:
    document = build.DESTINATION | {"consent": build.CONSENT, "region": "eu", "contact_limit": 5000}
    read = read_destination("spring", build.content(document))
    assert read.connection is not None
    assert (read.export.id, read.export.connection, read.export.list_id) == ("spring", "spring", build.LIST_ID)
    assert (read.connection.id, read.connection.api_key_secret, read.connection.region) == (
        "spring",
        "sendgrid-marketing",
        "eu",
    )
    assert read.connection.display_name == read.export.display_name == "Newsletter"
    assert read.connection.consent is not None
    assert read.connection.contact_limit == 5000


def test_a_plain_export_has_no_connection_of_its_own() -> None:
    assert read_destination("newsletter", build.content(build.EXPORT)).connection is None


def test_both_halves_of_a_destination_are_checked() -> None:
    document = build.DESTINATION | {"region": "us", "list_id": "abc", "display_name": " ", "colour": "red"}
    starts = [sentence.partition(":")[0] for sentence in problems(document)]
    assert sorted(starts) == ["colour", "display_name", "list_id", "region"]


def test_an_export_cannot_name_a_connection_and_be_one() -> None:
    assert problem(api_key_secret="x").startswith("api_key_secret: is not a known key")


def test_a_destination_without_a_secret_s_name_says_so() -> None:
    document = {key: value for key, value in build.DESTINATION.items() if key != "api_key_secret"} | {"region": "eu"}
    (only,) = problems(document)
    assert only.startswith("api_key_secret: is missing")


# Bytes


def test_schema_and_own_id_may_stand_in_a_document() -> None:
    assert build.export(**{"$schema": "../schemas/export.schema.json", "id": "newsletter"}) == build.export()


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read_destination("newsletter", b"\xef\xbb\xbf" + build.content(build.EXPORT)).export == build.export()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is not JSON (expecting value at line 1, column 1)"),
        (b'{\n  "a": 1\n  "b": 2\n}', "is not JSON (expecting ',' delimiter at line 3, column 3)"),
        ("{}".encode("utf-16"), "is not UTF-8 text (byte 0); save it as UTF-8"),
        (b'{"a": "\xe9"}', "is not UTF-8 text (byte 7); save it as UTF-8"),
        (b"[]", "holds a list, not an object; begin with { and end with }"),
        (b"null", "holds null, not an object; begin with { and end with }"),
        (b'{"list_id": 1, "list_id": 2}', "list_id: stands twice in the same object; keep one"),
        (b'{"mapping": {"email": "a", "email": "b"}}', "email: stands twice in the same object; keep one"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, "is nested more than 16 levels deep"),
        (b'{"a": ' + b"1" * 5000 + b"}", "holds a number that is too long"),
        (rb'{"a": "\ud800"}', "holds half of a character"),
        (b" " * (MAX_BYTES + 1), "is larger than 256 KiB"),
    ],
)
def test_bytes_that_are_no_document_are_told_from_each_other(raw: bytes, said: str) -> None:
    (only,) = problems(raw)
    assert said in only


@pytest.mark.parametrize("document_id", ["", "-a", "A", "a b", "a/b", "../a", "a" * 64, "a\n"])
def test_a_document_s_name_must_be_an_id(document_id: str) -> None:
    (only,) = problems(build.EXPORT, document_id=document_id)
    assert "cannot be an id; rename it" in only


def test_a_document_of_the_largest_size_is_read() -> None:
    raw = build.content(build.EXPORT)
    assert read_destination("newsletter", raw + b" " * (MAX_BYTES - len(raw))).export == build.export()


def test_a_model_goes_out_as_json_and_comes_in_again() -> None:
    export = build.export(only_where={"C": ["a", ""]}, timezone="Europe/Athens", schedule="0 5 * * MON")
    document = json.loads(export.model_dump_json())
    assert read_destination("newsletter", build.content(document)).export == export


@pytest.mark.parametrize(
    "more",
    [
        {f"k{number}": 0 for number in range(15_000)},
        {"segments": [0] * 60_000},
        {"only_where": {f"c{number}": 0 for number in range(15_000)}},
    ],
    ids=["keys", "entries", "names"],
)
def test_of_very_many_problems_only_some_are_told(more: dict[str, Any]) -> None:
    told = problems(build.EXPORT | more)
    assert len(told) == MOST_PROBLEMS + 1
    assert told[-1] == "has more problems than these"
    assert len(str(told)) < 20_000
