"""Whatever somebody puts into a document, the answer is the model or InvalidDocument, and no key comes back."""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.documents import read_connection, read_destination
from shared.destinations.models import Connection, Export
from shared.errors import InvalidDocument
from tests.unit.destinations import build

KEY = "SG.aBcDeFgHiJkLmNoPqRsTuV.0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
UNSAID = (KEY, "a@b", "is not what is expected")  # the last: an error of pydantic's that has no words yet
NAMES = sorted(
    {*Connection.model_fields, *Export.model_fields, "email", "custom_fields", "agreed_at", "$schema", "[key]"}
)
SCHEDULES = st.lists(st.text("0123456789*/-,#LW MON", max_size=8), min_size=5, max_size=5).map(" ".join)

texts = st.text(max_size=40) | st.sampled_from([KEY, "admin", "leavers", build.LIST_ID, "UTC", "", "a@b.example"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | SCHEDULES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
changes = st.dictionaries(texts | st.sampled_from(NAMES), values, min_size=1, max_size=3)


def problems_of(read: Any, document: dict[str, Any]) -> tuple[str, ...]:
    try:
        read("newsletter", build.content(document))
    except InvalidDocument as error:
        return error.problems
    return ()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.sampled_from([build.EXPORT, build.DESTINATION, build.CONNECTION]), changes)
def test_any_change_is_read_or_refused_in_sentences(document: dict[str, Any], change: dict[str, Any]) -> None:
    read = read_connection if document is build.CONNECTION else read_destination
    assert all(
        problem and not any(part in problem for part in UNSAID) for problem in problems_of(read, document | change)
    )


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(["schedule", "timezone"]), SCHEDULES | st.text(max_size=210))
def test_any_schedule_and_zone_is_read_or_refused(key: str, text: str) -> None:
    with contextlib.suppress(InvalidDocument):
        build.export(**{key: text})


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60) | st.text('{}[]":,\\u0d8 \n1eE.-truefalsn', max_size=60).map(str.encode))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with contextlib.suppress(InvalidDocument):
        read_destination("newsletter", raw)
