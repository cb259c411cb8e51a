"""The quick way of reading an upsert must come to the same as the careful one."""

from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from local.sendgrid import ordinary
from local.sendgrid.answers import Refused
from local.sendgrid.fields import Fields
from local.sendgrid.rows import RowReader

FIELDS = Fields()
TEXT, NUMBER, DATE = (FIELDS.add(kind.lower() + "_field", kind).id for kind in ("Text", "Number", "Date"))

_texts = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["Ada", 'O\'Hara "Bob"', "x" * 50, "é" * 51, "a\nb", "{", "}],", "😀", "", '","email":"x@y.zz']),
)
_addresses = st.sampled_from(
    ["a@example.com", "B.c@Example.COM", "o'x+y@a-b.co", "no", "a@b", "ä@example.com", "a" * 243 + "@example.com", ""]
)
_dates = st.sampled_from(["2026-02-28T10:00:00Z", "2026-02-30T10:00:00Z", "2/28/2026", "2026-03-31T25:00:00Z", "x", ""])
_custom = st.fixed_dictionaries(
    {},
    optional={
        TEXT: st.one_of(_texts, st.none(), st.integers(0, 9)),
        NUMBER: st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False), _texts),
        DATE: st.one_of(_dates, st.none()),
        "e9_T": _texts,
    },
)
_contacts = st.fixed_dictionaries(
    {},
    optional={
        "first_name": st.one_of(_texts, st.none()),
        "email": _addresses,
        "custom_fields": _custom,
        "city": _texts,
        "phone_number": st.sampled_from(["000", "+15550100"]),
        "external_id": st.just("7"),
        "alternate_emails": st.lists(_addresses, max_size=2),
        "whatever": st.one_of(
            _texts, st.lists(st.integers(0, 9), max_size=2), st.dictionaries(_texts, _texts, max_size=1)
        ),
    },
)


def _result(body: bytes, *, quick: bool) -> object:
    """Read a body: rows by key, errors by key, or the refusal's body."""
    marked = {"b.c@example.com": "marked"}
    reader = RowReader(FIELDS.by_id, marked)
    try:
        if quick:
            parts = ordinary.split(body, FIELDS.by_id)
            if parts is None:
                return None
            rows = ordinary.read_pairs(parts[1], reader, marked, listed_errors=100)
        else:
            for index, contact in enumerate(orjson.loads(body)["contacts"]):
                reader.take(index, contact, orjson.dumps(contact))
            rows = reader.finish(listed_errors=100)
    except Refused as refusal:
        return orjson.loads(refusal.answer.body)  # type: ignore[arg-type]  # a refusal's body is never streamed
    good = sorted(
        (key, orjson.dumps(orjson.loads(record))) for key, record in zip(rows.keys, rows.records, strict=True)
    )
    return good, sorted(rows.bad)


@given(st.lists(_contacts, min_size=1, max_size=4))
@example([{"email": "a@example.com", "custom_fields": {TEXT: "x" * 1_000, NUMBER: -0.5, DATE: "2026-02-28T10:00:00Z"}}])
@example([{"email": "a@example.com"}, {"email": "a@example.com", "whatever": {"deep": {"email": "b@example.com"}}}])
def test_both_ways_of_reading_come_to_the_same(contacts: list[dict[str, Any]]) -> None:
    body = orjson.dumps({"list_ids": [], "contacts": contacts})
    quick = _result(body, quick=True)
    assert quick is None or quick == _result(body, quick=False)


def test_ordinary_contacts_are_recognised_in_any_order_of_their_fields() -> None:
    contact = {
        "last_name": "Łoś",
        "email": "A@example.com",
        "custom_fields": {NUMBER: 1.5, TEXT: "Gold"},
        "city": "Rome",
    }
    body = orjson.dumps({"contacts": [contact, {"email": "b@example.com", "custom_fields": {}}]})
    parts = ordinary.split(body, FIELDS.by_id)
    assert parts is not None
    assert [address for _, address in parts[1]] == ["A@example.com", "b@example.com"]


def test_the_lists_may_stand_before_or_behind_the_contacts() -> None:
    contacts = b'"contacts":[{"email":"a@example.com"}]'
    for body in (b'{"list_ids":["x"],' + contacts + b"}", b"{" + contacts + b',"list_ids":["x"]}'):
        assert ordinary.split(body, FIELDS.by_id) == ('["x"]', [('{"email":"a@example.com"}', "a@example.com")])


def test_what_is_not_one_list_of_objects_is_left_to_the_careful_way() -> None:
    good = b'{"email":"a@example.com"}'
    for contacts in (good + good, good + b",", b"," + good, good + b" ," + good, good + b"]", b'"x"', b"\xff"):
        assert ordinary.split(b'{"contacts":[' + contacts + b"]}", FIELDS.by_id) is None
