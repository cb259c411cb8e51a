"""Rate limits: a bucket per method and route, in windows aligned to the wall clock, as recorded (Grouparoo, 2021)."""

import time
from dataclasses import dataclass

from local.sendgrid.account import Settings

_SLOW = frozenset({"PUT /v3/marketing/contacts", "DELETE /v3/marketing/contacts", "POST /v3/marketing/contacts/search"})


@dataclass(slots=True)
class _Bucket:
    window: int = 0
    used: int = 0


class RateLimits:
    """Counts requests per bucket and window."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}

    def count(self, route: str, settings: Settings) -> tuple[bool, dict[str, str]]:
        """Count a request; tell whether it is within the limit, and give the headers that every answer carries."""
        now = time.time()
        window = int(now // settings.rate_window)
        bucket = self._buckets.setdefault(route, _Bucket())
        if bucket.window != window:
            bucket.window, bucket.used = window, 0
        bucket.used += 1
        limit = settings.rate_limits.get(route, settings.upsert_rate if route in _SLOW else settings.other_rate)
        end = (window + 1) * settings.rate_window
        reset = end if settings.rate_reset == "epoch" else max(1, round(end - now))
        return bucket.used <= limit, {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(0, limit - bucket.used)),
            "x-ratelimit-reset": str(int(reset)),
        }
