"""What is made ahead comes in order, some at a time, and its errors come in their turn."""

import threading

import pytest

from shared.errors import NotFound
from shared.runs.ahead import some_ahead


def test_all_come_in_order_and_no_more_are_begun_than_may_be() -> None:
    begun: list[int] = []
    taken = 0

    def make(number: int) -> int:
        begun.append(number)
        assert len(begun) - taken <= 3
        return number * 10

    for place, made in enumerate(some_ahead(make, range(20), 3)):
        assert made == place * 10
        taken += 1
    assert sorted(begun) == list(range(20))
    assert list(some_ahead(make, [], 3)) == []


def test_some_are_made_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)
    assert list(some_ahead(lambda _: together.wait() >= 0, range(3), 3)) == [True] * 3


def test_an_error_comes_after_what_was_made_before_it() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise NotFound("the third has gone", code="not_found")
        return number

    coming = some_ahead(make, range(9), 3)
    assert [next(coming), next(coming)] == [0, 1]
    with pytest.raises(NotFound, match="the third has gone"):
        next(coming)
