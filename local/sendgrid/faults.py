"""Faults on demand: what can go wrong between an exporter and SendGrid, switchable one by one."""

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import count

from local.sendgrid.answers import JSON, Answer, error, errors
from local.sendgrid.jobs import FATES

DROP_BEFORE = "before"  # the connection breaks, the request is not taken
DROP_AFTER = "after"  # the request is taken, the connection breaks instead of the answer
_MESSAGES = {
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "access forbidden",
    413: "request entity too large",
    429: "too many requests",
    500: "internal server error",
    503: "service unavailable",
}


@dataclass(slots=True)
class Fault:
    """One fault: which requests it meets, how often, and what it does to them.

    route: template ("/v3/marketing/contacts") or pattern with `*`; method: one or any ("").
    Of the matching requests the first `skip` pass; then `times` are met (None: all), each `every`-th, or with
    `probability` drawn from `seed`.
    status: answer this instead of handling the request, with `body`, or SendGrid's error with `message`.
    latency: seconds before the answer is sent (the request is taken at once). drop: "before" or "after".
    job: what becomes of the job that the request starts (`jobs.FATES`).
    """

    route: str = "*"
    method: str = ""
    times: int | None = 1
    skip: int = 0
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    status: int | None = None
    message: str = ""
    body: str | None = None
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    latency: float = 0.0
    drop: str = ""
    job: str = ""
    _seen: int = 0
    _draw: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        if self.drop not in ("", DROP_BEFORE, DROP_AFTER) or self.job not in FATES:
            raise ValueError("unknown kind of fault")
        self._draw.seed(self.seed)

    def meets(self, method: str, route: str) -> bool:
        """Tell whether this request is met; counts it if it matches."""
        if self.times == 0 or (self.method and self.method != method) or not _matches(route, self.route):
            return False
        self._seen += 1
        due = self._seen > self.skip and (self._seen - self.skip) % self.every == 0
        if not due or self._draw.random() >= self.probability:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def answer(self) -> Answer:
        """Give the answer that takes the place of the handler's."""
        status = self.status or 500
        if self.body is not None:
            answer = Answer(status, self.body.encode(), self.content_type)
        else:
            answer = errors(status, error(self.message or _MESSAGES.get(status, "error")))
        answer.headers.update((name.lower(), value) for name, value in self.headers.items())
        return answer


def _matches(route: str, pattern: str) -> bool:
    return route == pattern or ("*" in pattern and fnmatchcase(route, pattern))


class Faults:
    """The faults switched on, by id; of several that meet a request the oldest acts."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = count(1)

    def add(self, fault: Fault) -> int:
        fault_id = next(self._ids)
        self._faults[fault_id] = fault
        return fault_id

    def remove(self, fault_id: int | None) -> None:
        """Switch off one fault, or all."""
        if fault_id is None:
            self._faults.clear()
        else:
            self._faults.pop(fault_id, None)

    def meeting(self, method: str, route: str) -> Fault | None:
        return next((fault for fault in self._faults.values() if fault.meets(method, route)), None)
