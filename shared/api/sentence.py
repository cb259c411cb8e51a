"""A cron expression as a sentence, where it has one of the shapes that people use; else the expression itself."""

import re

_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBER = re.compile(r"\d{1,2}")
_STEP = re.compile(r"\*/(\d{1,2})")


def sentence(cron: str, timezone: str) -> str:
    """`Every weekday at 06:30, Europe/Athens`. The expression is valid, or `off`."""
    if cron == "off":
        return "Runs only when somebody starts it or a segment lands"
    minute, hour, day, month, weekday = cron.split()
    when = _when(minute, hour)
    which = _which(day, month, weekday)
    if when is None or which is None:
        return f"By the cron expression {cron}, {timezone}"
    return (
        f"{which}{when}, {timezone}"
        if which != "Every day" or when.startswith(" at")
        else f"{when.strip()}, {timezone}"
    )


def _when(minute: str, hour: str) -> str | None:
    """The end of the sentence: ` at 06:30`, or a whole one where it does not depend on the day."""
    if _NUMBER.fullmatch(minute) and _NUMBER.fullmatch(hour):
        return f" at {int(hour):02}:{int(minute):02}"
    if _NUMBER.fullmatch(minute) and hour == "*":
        return f" Every hour, {int(minute)} minutes past" if int(minute) else " Every hour, on the hour"
    if (step := _STEP.fullmatch(minute)) and hour == "*":
        return f" Every {int(step[1])} minutes"
    if _NUMBER.fullmatch(minute) and (step := _STEP.fullmatch(hour)):
        return f" Every {int(step[1])} hours, {int(minute)} minutes past"
    return None


def _which(day: str, month: str, weekday: str) -> str | None:
    if month != "*":
        return None
    if (day, weekday) == ("*", "*"):
        return "Every day"
    if day == "*" and weekday in {"1-5", "MON-FRI", "mon-fri"}:
        return "Every weekday"
    if day == "*" and weekday.isdecimal() and int(weekday) < len(_DAYS):
        return f"Every {_DAYS[int(weekday)]}"
    if weekday == "*" and _NUMBER.fullmatch(day):
        return f"On day {int(day)} of every month"
    return None
