"""NCRONTAB, the cron dialect of the timer trigger: `second minute hour day month weekday`, in UTC.

Unlike cron, a day must fit both the day and the weekday field. Five fields mean second 0. Source: learn.microsoft.com,
"Timer trigger for Azure Functions", NCRONTAB expressions.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Self

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, _WEEKDAYS),
)
_FARTHEST_DAYS = 366 * 8  # 29 February may be eight years away


@dataclass(frozen=True, slots=True)
class Ncrontab:
    """For each field the values that fit, in order. Weekdays count from Sunday, 0."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """ValueError says which field cannot be read."""
        fields = text.split()
        if len(fields) == len(_FIELDS) - 1:
            fields.insert(0, "0")
        if len(fields) != len(_FIELDS):
            raise ValueError(f"{text!r} has {len(fields)} fields, not six")
        return cls(*(_values(field, *rule) for field, rule in zip(fields, _FIELDS, strict=True)))

    def after(self, moment: dt.datetime) -> dt.datetime:
        """The first tick later than `moment`. ValueError if there is none in eight years."""
        for ahead in range(_FARTHEST_DAYS):
            day = moment.date() + dt.timedelta(days=ahead)
            if not self._fits(day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    for second in self.seconds:
                        tick = dt.datetime.combine(day, dt.time(hour, minute, second), tzinfo=moment.tzinfo)
                        if tick > moment:
                            return tick
        raise ValueError("the schedule never comes due")

    def _fits(self, day: dt.date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays


def _values(field: str, name: str, low: int, high: int, words: tuple[str, ...]) -> tuple[int, ...]:
    def number(text: str) -> int:
        if text.lower() in words:
            return words.index(text.lower()) + low
        if not text.isdecimal() or not low <= int(text) <= high:
            raise ValueError(f"{name} {text!r} is not between {low} and {high}")
        return int(text)

    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if step and (not step.isdecimal() or int(step) < 1):
            raise ValueError(f"{name} {part!r} has no usable step")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = number(first)
            end = number(last) if dash else high if step else begin
        if end < begin:
            raise ValueError(f"{name} {part!r} runs backwards")
        found.update(range(begin, end + 1, int(step or 1)))
    return tuple(sorted(found))
