"""A cron expression as a sentence, where it has one of the shapes that people use; else the expression itself."""

import re

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBER = re.compile(r"\d{1,2}")
_STEP = re.compile(r"\*/(\d{1,2})")


def sentence(cron: str, timezone: str) -> str:
    """`Every weekday at 06:30, Europe/Athens`. The expression is valid, or `off`."""
    if cron == "off":
        return "Runs only when somebody starts it or a segment lands"
    minute, hour, *days = cron.split()
    said = _at(minute, hour, days) or (_again(minute, hour) if days == ["*", "*", "*"] else None)
    return f"{said or f'By the cron expression {cron}'}, {timezone}"


def _at(minute: str, hour: str, days: list[str]) -> str | None:
    """Once on the days that are meant."""
    which = _which(*days)
    if which and _NUMBER.fullmatch(minute) and _NUMBER.fullmatch(hour):
        return f"{which} at {int(hour):02}:{int(minute):02}"
    return None


def _again(minute: str, hour: str) -> str | None:
    """Again and again through every day."""
    if hour == "*" and (minutes := _step(minute, 60)):
        return f"Every {minutes} minutes"
    if not _NUMBER.fullmatch(minute):
        return None
    past = f"{int(minute)} minutes past" if int(minute) else "on the hour"
    if hour == "*":
        return f"Every hour, {past}"
    hours = _step(hour, 24)
    return f"Every {hours} hours, {past}" if hours else None


def _step(text: str, whole: int) -> int | None:
    """The step of `*/15`; None if it is none, or one that begins anew at the end of the hour or day."""
    found = _STEP.fullmatch(text)
    return int(found[1]) if found and int(found[1]) and whole % int(found[1]) == 0 else None


def _which(day: str, month: str, weekday: str) -> str | None:
    if month != "*":
        return None
    if (day, weekday) == ("*", "*"):
        return "Every day"
    if day == "*" and weekday.lower() in {"1-5", "mon-fri"}:
        return "Every weekday"
    if day == "*" and weekday.isdecimal() and int(weekday) < len(_DAYS):
        return f"Every {_DAYS[int(weekday)]}"
    if weekday == "*" and _NUMBER.fullmatch(day):
        return f"On day {int(day)} of every month"
    return None
