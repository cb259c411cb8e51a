"""NCRONTAB, against the examples of Microsoft's page on the timer trigger and against the definition of a tick."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.ncrontab import Ncrontab

MONDAY = dt.datetime(2026, 11, 23, 10, 0, 0, tzinfo=dt.UTC)


def ticks(text: str, count: int, since: dt.datetime = MONDAY) -> list[str]:
    schedule, found = Ncrontab.parse(text), []
    for _ in range(count):
        since = schedule.after(since)
        found.append(f"{since:%d.%m. %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */5 * * * *", ["23.11. 10:05:00", "23.11. 10:10:00"]),
        ("0 0 * * * *", ["23.11. 11:00:00", "23.11. 12:00:00"]),
        ("0 0 */2 * * *", ["23.11. 12:00:00", "23.11. 14:00:00"]),
        ("0 0 9-17 * * *", ["23.11. 11:00:00", "23.11. 12:00:00"]),
        ("0 30 9 * * *", ["24.11. 09:30:00", "25.11. 09:30:00"]),
        ("0 30 9 * * 1-5", ["24.11. 09:30:00", "25.11. 09:30:00"]),
        ("0 30 9 * Jan Mon", ["04.01. 09:30:00", "11.01. 09:30:00"]),
        ("5,8,10 * * * * *", ["23.11. 10:00:05", "23.11. 10:00:08"]),
        ("*/30 * * * * *", ["23.11. 10:00:30", "23.11. 10:01:00"]),
        ("0 0 0 29 2 *", ["29.02. 00:00:00", "29.02. 00:00:00"]),
        ("30 11 * * *", ["23.11. 11:30:00", "24.11. 11:30:00"]),
        ("0 0 0 13 * 5", ["13.08. 00:00:00", "13.10. 00:00:00"]),  # both must fit, unlike in cron
    ],
)
def test_ticks_fall_where_the_expression_says(text: str, expected: list[str]) -> None:
    assert ticks(text, 2) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("* * *", "has 3 fields, not six"),
        ("60 * * * * *", "second '60' is not between 0 and 59"),
        ("0 0 24 * * *", "hour '24'"),
        ("0 0 0 0 * *", "day '0'"),
        ("0 0 0 * * 7", "weekday '7'"),
        ("0 */0 * * * *", "no usable step"),
        ("0 30-10 * * * *", "runs backwards"),
        ("0 x * * * *", "minute 'x'"),
        ("0 , * * * *", "minute ''"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Ncrontab.parse(text)


def test_a_day_that_never_comes_is_an_error_not_a_loop() -> None:
    with pytest.raises(ValueError, match="never"):
        Ncrontab.parse("0 0 0 31 2 *").after(MONDAY)


moments = st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2032, 1, 1), timezones=st.just(dt.UTC))


@given(moments, st.integers(1, 59))
def test_a_tick_is_later_and_none_is_left_out(moment: dt.datetime, step: int) -> None:
    following = Ncrontab.parse(f"0 */{step} * * * *").after(moment)
    assert following > moment
    assert following.minute % step == 0
    assert following.second == 0
    between = (following - moment).total_seconds()
    assert between <= 3600
    assert not any(
        (moment + dt.timedelta(minutes=ahead)).minute % step == 0
        for ahead in range(1, int((between - 1) // 60))
        if moment + dt.timedelta(minutes=ahead + 1) < following
    )
