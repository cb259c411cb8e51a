"""SendGrid's rate limits, kept before they are hit.

Each method and route template has a limit of its own, which SendGrid tells in every answer: `X-RateLimit-Limit`,
`-Remaining` and `-Reset`. No table of them is published, so the headers alone decide; a route that has not answered yet
is free. `-Reset` is an epoch in the documentation's example and seconds from now in recordings of these endpoints
(grouparoo/grouparoo fixtures, sendgrid/docs#5588): a value below 1,000,000 is taken as seconds.
"""

import email.utils
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared import telemetry
from shared.sendgrid.routes import Route
from shared.telemetry import Event

LONGEST_WINDOW = 900.0  # seconds; a reset further away than this is a clock or a header gone wrong
ROUNDING = 0.5  # seconds added to a reset, which SendGrid gives in whole seconds
SETTLING = 0.1  # seconds after which to ask again when only requests in flight use the limit up
_EPOCH_FROM = 1e6
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_SAME_WINDOW = 1.5  # seconds by which two answers of one window may differ in their reset, through rounding


@dataclass(slots=True)
class _Bucket:
    limit: int | None = None
    remaining: int | None = None  # as SendGrid last said; None: unlimited as far as we know
    resets_at: float | None = None
    held_until: float = 0.0
    in_flight: int = 0


class RateLimits:
    """What is left of each route's limit, for all threads and runs of one account in this process.

    Every `reserve` that gives 0 must be followed by exactly one `settle`.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[Route, _Bucket] = {}
        self._all_held_until = 0.0

    def reserve(self, route: Route) -> float:
        """0 and a request may go out, or the seconds to wait before asking again."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(route, _Bucket())
            held = max(bucket.held_until, self._all_held_until) - now
            if held > 0:
                return held
            if bucket.resets_at is not None and now >= bucket.resets_at:
                bucket.remaining, bucket.resets_at = bucket.limit, None
            # The last answer may or may not have counted the requests in flight: count them all.
            if bucket.remaining is not None and bucket.remaining <= bucket.in_flight:
                if bucket.remaining > 0 or bucket.resets_at is None:
                    return SETTLING
                wait = bucket.resets_at - now
                telemetry.info(Event.RATE_LIMITED, route=route.name, seconds=round(wait, 1))
                return wait
            bucket.in_flight += 1
            return 0.0

    def settle(self, route: Route, headers: Mapping[str, str]) -> None:
        """A request has ended. `headers` of its answer in any letter case; empty if none came."""
        found = _lower(headers)
        limit, remaining = _count(found.get("x-ratelimit-limit")), _count(found.get("x-ratelimit-remaining"))
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(route, _Bucket())
            bucket.in_flight = max(0, bucket.in_flight - 1)
            bucket.limit = limit or bucket.limit
            seconds = _seconds_to_reset(found, now)
            if remaining is None or seconds is None:
                if bucket.remaining is not None:
                    bucket.remaining = max(0, bucket.remaining - 1)  # it may have counted
                return
            resets_at = now + seconds + ROUNDING
            known, same = bucket.remaining, bucket.resets_at
            if known is not None and same is not None and abs(resets_at - same) <= _SAME_WINDOW:
                remaining, resets_at = min(known, remaining), max(same, resets_at)  # answers may overtake each other
            bucket.remaining, bucket.resets_at = remaining, resets_at

    def hold(self, seconds: float, route: Route | None = None) -> None:
        """Nobody sends to `route` (None: to any) for so long: SendGrid asked for it."""
        with self._lock:
            until = self._clock() + seconds
            if route is None:
                self._all_held_until = max(self._all_held_until, until)
            else:
                bucket = self._buckets.setdefault(route, _Bucket())
                bucket.held_until = max(bucket.held_until, until)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `Retry-After` asks for, as a number or as a date (RFC 9110, 10.2.3)."""
    found = _lower(headers)
    text = found.get("retry-after", "")
    seconds = _number(text)
    if seconds is None and (date := _http_date(text)) is not None:
        seconds = date - _server_time(found, now)
    return None if seconds is None else _bounded(seconds)


def until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the rate limit starts anew, on the safe side of rounding."""
    seconds = _seconds_to_reset(_lower(headers), now)
    return None if seconds is None else seconds + ROUNDING


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _seconds_to_reset(found: Mapping[str, str], now: float) -> float | None:
    value = _number(found.get("x-ratelimit-reset"))
    if value is None:
        return None
    return _bounded(value if value < _EPOCH_FROM else value - _server_time(found, now))


def _server_time(found: Mapping[str, str], now: float) -> float:
    """An epoch is the server's: told from its `Date`, it does not suffer from a clock of ours that is off."""
    date = _http_date(found.get("date", ""))
    return now if date is None else date


def _http_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    """A count of seconds or an epoch: digits, perhaps with a fraction; nothing else that `float` would take."""
    return float(text) if text and _NUMBER.fullmatch(text.strip()) else None


def _count(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else int(number)


def _bounded(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_WINDOW)
