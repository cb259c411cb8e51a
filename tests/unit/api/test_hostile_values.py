"""Values that are made to take long, or to tell too much."""

import time

import pytest

from shared.api.masking import mask
from shared.api.preview import _type_of
from shared.contacts.mapping import FieldType


@pytest.mark.parametrize(
    "value", ["a@" + "." * 1_000_000 + " x", "@." * 500_000, "9" * 1_000_000 + "x", "2024-01-01 " * 100_000 + "\n"]
)
def test_a_value_of_a_million_characters_is_looked_at_in_no_time(value: str) -> None:
    started = time.perf_counter()
    assert _type_of([value]) == "text"
    assert len(mask(value)) < 30
    assert time.perf_counter() - started < 1


def test_a_type_of_field_that_sendgrid_adds_is_no_reason_to_fail() -> None:
    assert (FieldType("Number"), FieldType("Boolean")) == (FieldType.NUMBER, FieldType.TEXT)
