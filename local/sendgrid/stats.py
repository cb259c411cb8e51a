"""What the service has seen: counts per route and status, sizes, and the order of events."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field

from local.sendgrid.server import Request

LONGEST_LOG = 100_000  # requests
UPSERT = "PUT /v3/marketing/contacts"
DROPPED = 0  # stands for the status of a request whose connection was dropped


@dataclass(slots=True)
class Stats:
    """Counters since the last reset. Sizes in bytes; `at` in the log: seconds since the reset."""

    began: float = field(default_factory=time.monotonic)
    requests: dict[str, Counter[int]] = field(default_factory=dict)
    contacts: int = 0  # received in upserts that were answered 202, or taken before the connection was dropped
    bytes: int = 0
    largest_body: int = 0  # of an upsert
    most_contacts: int = 0  # in one upsert
    log: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=LONGEST_LOG))

    def record(self, route: str, request: Request, status: int) -> None:
        self.requests.setdefault(route, Counter())[status] += 1
        self.bytes += len(request.body)
        if route == UPSERT:
            self.largest_body = max(self.largest_body, len(request.body))
            self.most_contacts = max(self.most_contacts, request.contacts)
            self.contacts += request.contacts if request.job_id else 0
        self.log.append(
            {
                "at": round(time.monotonic() - self.began, 6),
                "request": route,
                "status": status,
                "bytes": len(request.body),
                "contacts": request.contacts,
                "job_id": request.job_id,
            }
        )

    def document(self, *, log: bool) -> dict[str, object]:
        return {
            "requests": {
                route: {str(status): seen for status, seen in counts.items()} for route, counts in self.requests.items()
            },
            "contacts": self.contacts,
            "bytes": self.bytes,
            "largest_body": self.largest_body,
            "most_contacts": self.most_contacts,
            "log": list(self.log) if log else [],
        }
