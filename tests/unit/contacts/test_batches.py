import uuid
from collections.abc import Iterator
from random import Random
from typing import Any

import orjson
import pytest

from shared.contacts.batches import (
    MAX_BYTES,
    MAX_CONTACTS,
    addresses,
    batches,
    body,
    lines_of,
    without,
)

LIST = str(uuid.UUID(int=7))


def contact(size: int) -> bytes:
    around = len(b'{"email":""}')
    return b'{"email":"' + b"x" * (size - around) + b'"}'


def chunked(contacts: list[bytes]) -> Iterator[list[bytes]]:
    return (contacts[start : start + 700] for start in range(0, len(contacts), 700))


def test_at_most_30_000_contacts() -> None:
    cut = list(batches(chunked([contact(20)] * (2 * MAX_CONTACTS + 1))))
    assert [batch.contacts for batch in cut] == [MAX_CONTACTS, MAX_CONTACTS, 1]


@pytest.mark.parametrize("size", [100, 999, 1000, 50_000])
def test_a_body_is_below_the_limit_and_nearly_as_large_as_it_may_be(size: int) -> None:
    first, *_ = cut = list(batches(chunked([contact(size)] * (MAX_BYTES // size * 2))))
    bodies = [len(body(LIST, batch.lines)) for batch in cut]
    assert max(bodies) <= MAX_BYTES
    if first.contacts < MAX_CONTACTS:
        assert len(body(LIST, first.lines)) > MAX_BYTES - size - 300


def test_nothing_is_lost_doubled_or_moved() -> None:
    random = Random(3)  # noqa: S311
    contacts = [b'{"email":"%d@b.co","x":"%s"}' % (i, b"y" * random.randrange(3000)) for i in range(5000)]
    cut = list(batches(chunked(contacts)))
    assert len(cut) > 1
    assert b"\n".join(batch.lines for batch in cut).split(b"\n") == contacts
    assert [batch.contacts for batch in cut] == [len(batch.lines.split(b"\n")) for batch in cut]


def test_nobody_makes_no_batch() -> None:
    assert list(batches([])) == []


def test_a_body_is_json_whatever_the_contacts_say() -> None:
    contacts = [{"email": "a@b.co", "city": 'x,"\n\\u2028 \u2028'}, {"email": "b@b.co", "custom_fields": {"e1_T": "}"}}]
    (batch,) = batches([[orjson.dumps(each) for each in contacts]])
    assert orjson.loads(body(LIST, batch.lines)) == {"list_ids": [LIST], "contacts": contacts}
    assert batch.body(LIST) == body(LIST, batch.lines)
    assert batch.size == len(batch.lines)
    assert addresses(batch.lines) == ["a@b.co", "b@b.co"]


def test_without_takes_out_by_place() -> None:
    [batch] = batches([[b'{"email":"a"}', b'{"email":"b"}', b'{"email":"c"}']])
    assert addresses(without(batch.lines, {0, 2})) == ["b"]
    assert addresses(without(batch.lines, {1})) == ["a", "c"]
    assert without(batch.lines, set()) == batch.lines
    assert without(batch.lines, {0, 1, 2}) == b""
    assert addresses(b"") == []


def test_the_contacts_of_a_body_can_be_taken_out_again() -> None:
    lines = b"\n".join(
        orjson.dumps(each) for each in ({"email": "a@b.co", "city": 'x,\n"contacts":[{'}, {"email": "b@b.co"})
    )
    assert lines_of(body(LIST, lines)) == lines


def test_addresses_alone_leave_nothing_else_of_a_contact() -> None:
    contacts: list[dict[str, Any]] = [
        {"email": "o'neil+{x}@b.co", "city": 'a"email":"z@b.co"'},
        {"email": "b@b.co", "custom_fields": {"e1_T": "q"}},
    ]
    [batch] = batches([[*map(orjson.dumps, contacts)]])
    known = batch.addresses
    assert [orjson.loads(line) for line in known.split(b"\n")] == [{"email": each["email"]} for each in contacts]
