from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from shared.destinations.models import Export
from shared.destinations.schedule import due, next_times
from shared.errors import RunFailed
from tests.unit.destinations import build

ATHENS = ZoneInfo("Europe/Athens")  # 2026: gap 29 March 03:00-04:00, repeat 25 October 03:00-04:00
DEFAULTS = {"default_schedule": "0 5 * * *", "default_timezone": "UTC"}


def at(day: str, time: str = "00:00", zone: tzinfo = UTC) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=zone)


def scheduled(cron: str, timezone: str | None = None) -> Export:
    return build.export(schedule=cron, timezone=timezone)


def coming(export: Export, after: datetime, count: int = 3) -> list[str]:
    """The next times as people in the zone read them, with the offset."""
    return [time.isoformat(timespec="minutes") for time in next_times(export, after=after, count=count, **DEFAULTS)]


def sweeps_that_start(export: Export, start: datetime, hours: int) -> list[datetime]:
    """The five-minute sweeps, in UTC, at which the export is due."""
    ends = [start + timedelta(minutes=5 * step) for step in range(1, hours * 12 + 1)]
    return [end for end in ends if due(export, since=end - timedelta(minutes=5), now=end, **DEFAULTS)]


def test_a_time_counts_from_its_moment_on_and_once() -> None:
    export = scheduled("0 5 * * *")
    five = at("2026-11-21", "05:00")
    second = timedelta(seconds=1)
    assert not due(export, since=five - 2 * second, now=five - second, **DEFAULTS)
    assert due(export, since=five - second, now=five, **DEFAULTS)
    assert not due(export, since=five, now=five + timedelta(hours=23), **DEFAULTS)


def test_parts_of_a_second_change_nothing() -> None:
    export = scheduled("0 5 * * *")
    five = at("2026-11-21", "05:00")
    tick = timedelta(milliseconds=1)
    assert due(export, since=five - tick, now=five + tick, **DEFAULTS)
    assert not due(export, since=five + tick, now=five + 2 * tick, **DEFAULTS)


def test_what_was_missed_is_still_due() -> None:
    assert due(scheduled("0 5 1 1 *"), since=at("2025-06-01"), now=at("2026-06-01"), **DEFAULTS)


def test_default_is_the_app_s_schedule_in_the_app_s_zone() -> None:
    times = next_times(
        build.export(),
        after=at("2026-11-21"),
        count=1,
        default_schedule="30 6 * * *",
        default_timezone="Europe/Athens",
    )
    assert times == [at("2026-11-21", "06:30", ATHENS)]


def test_an_export_s_zone_goes_before_the_app_s() -> None:
    assert coming(scheduled("default", "Europe/Athens"), at("2026-11-21")) == [
        "2026-11-21T05:00+02:00",
        "2026-11-22T05:00+02:00",
        "2026-11-23T05:00+02:00",
    ]


@pytest.mark.parametrize("export", [scheduled("off"), build.export(schedule="* * * * *", enabled=False)])
def test_off_or_disabled_is_never_due(export: Export) -> None:
    assert not due(export, since=at("2020-01-01"), now=at("2026-01-01"), **DEFAULTS)
    assert coming(export, at("2026-01-01")) == []


def test_the_app_s_schedule_may_be_off() -> None:
    times = next_times(build.export(), after=at("2026-01-01"), count=1, default_schedule="off", default_timezone="UTC")
    assert times == []


def test_a_wrong_schedule_of_the_app_is_named() -> None:
    with pytest.raises(RunFailed, match="DEFAULT_SCHEDULE: 'daily' is not a cron expression") as caught:
        due(build.export(), since=at("2026-01-01"), now=at("2026-01-02"), default_schedule="daily", default_timezone="")
    assert caught.value.code == "invalid_setting"


def test_day_of_week_and_names() -> None:
    assert coming(scheduled("0 9 * * MON-FRI"), at("2026-11-20", "10:00"), 2) == [
        "2026-11-23T09:00+00:00",
        "2026-11-24T09:00+00:00",
    ]


# Clocks go forward: Athens, 29 March 2026, 03:00 -> 04:00 (01:00 UTC)


def test_a_time_that_the_clocks_skip_comes_right_after_the_gap() -> None:
    assert coming(scheduled("30 3 * * *", "Europe/Athens"), at("2026-03-28", "12:00", ATHENS)) == [
        "2026-03-29T04:00+03:00",
        "2026-03-30T03:30+03:00",
        "2026-03-31T03:30+03:00",
    ]


def test_a_skipped_time_is_due_at_one_sweep() -> None:
    swept = sweeps_that_start(scheduled("15,45 3 * * *", "Europe/Athens"), at("2026-03-28", "22:00"), hours=8)
    assert swept == [at("2026-03-29", "01:00")]


def test_every_quarter_of_an_hour_goes_on_through_the_gap() -> None:
    times = next_times(scheduled("*/15 * * * *", "Europe/Athens"), after=at("2026-03-29", "00:30"), count=4, **DEFAULTS)
    assert [time.astimezone(UTC).strftime("%H:%M") for time in times] == ["00:45", "01:00", "01:15", "01:30"]


def test_midnight_that_the_clocks_skip_comes_at_one() -> None:
    beirut = scheduled("0 0 * * *", "Asia/Beirut")  # 29 March 2026, 00:00 -> 01:00
    assert coming(beirut, at("2026-03-28", "12:00"), 2) == ["2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00"]


# Clocks go back: Athens, 25 October 2026, 04:00 -> 03:00 (01:00 UTC)


def test_a_time_that_the_clocks_repeat_is_due_the_first_time_only() -> None:
    export = scheduled("30 3 * * *", "Europe/Athens")
    swept = sweeps_that_start(export, at("2026-10-24", "21:00"), hours=8)
    assert swept == [at("2026-10-25", "00:30")]
    assert coming(export, at("2026-10-24", "12:00"), 2) == ["2026-10-25T03:30+03:00", "2026-10-26T03:30+02:00"]


def test_in_the_repeated_hour_the_next_time_is_tomorrow_s() -> None:
    second_quarter_past = at("2026-10-25", "01:15")  # 03:15 in Athens, for the second time
    assert coming(scheduled("30 3 * * *", "Europe/Athens"), second_quarter_past, 1) == ["2026-10-26T03:30+02:00"]


def test_now_and_the_schedule_in_the_same_zone_are_compared_by_moment_not_by_the_wall_clock() -> None:
    export = scheduled("*/30 * * * *", "Europe/Athens")
    since = datetime(2026, 10, 25, 3, 45, tzinfo=ATHENS)  # 00:45 UTC; the next is at 01:00 UTC, 03:00 again
    now = datetime(2026, 10, 25, 3, 50, tzinfo=ATHENS)
    assert not due(export, since=since, now=now, **DEFAULTS)
    assert due(export, since=since, now=datetime(2026, 10, 25, 3, 5, fold=1, tzinfo=ATHENS), **DEFAULTS)


def test_every_half_hour_is_listed_through_the_repeated_hour() -> None:
    assert coming(scheduled("*/30 * * * *", "Europe/Athens"), at("2026-10-24", "23:59"), 5) == [
        "2026-10-25T03:00+03:00",
        "2026-10-25T03:30+03:00",
        "2026-10-25T03:00+02:00",
        "2026-10-25T03:30+02:00",
        "2026-10-25T04:00+02:00",
    ]


def test_every_half_hour_is_due_at_each_of_the_repeated_ones() -> None:
    swept = sweeps_that_start(scheduled("*/30 * * * *", "Europe/Athens"), at("2026-10-24", "23:55"), hours=2)
    assert [moment.strftime("%H:%M") for moment in swept] == ["00:00", "00:30", "01:00", "01:30"]
