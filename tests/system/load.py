"""Many exports and runs at once, on one SendGrid account with its limits on, and what became of them.

    python -m tests.system.load --exports 100 --runs 1000

prints one line of figures. First every segment lands at the same moment; then all of them land again, everybody in
another segment than before, while runs of every mode are asked for as quickly as the exports take them. A part of the
exports fills one list together. In the end everything is held against what the lists must be.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local import process
from local.stack import Stack
from shared.runs.turn import Turns
from shared.segments import landing
from shared.segments.snapshot import Snapshot
from shared.telemetry import Event
from tests.system.scene import assert_accounted

_CLIENTS = 4  # that ask for runs at once
_POLL = 0.5  # seconds
_HELD_BACK = f'"event": "{Event.RATE_LIMITED}"'  # what the app logs when it keeps a request to itself

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Load:
    """How much. `shared` of the exports fill one list; `window` and the rates are SendGrid's, for the whole account."""

    exports: int
    shared: int
    runs: int
    hosts: int = 2
    people: int = 20  # in each segment
    window: float = 60.0  # seconds
    upserts: int = 200  # a window
    others: int = 600  # a window, each route
    patience: float = 1200.0  # seconds until everything must have ended


@dataclass(slots=True)
class Outcome:
    """What became of it. Times in seconds, memory in bytes, one host an item."""

    runs: list[Document]
    missing: int  # people who should be on a list and are not
    strangers: int  # people who are on a list and should not be
    requests: dict[str, dict[str, int]]  # to SendGrid: route -> status -> count
    refused_at: dict[str, list[float]]  # route -> when SendGrid answered 429
    held_back: int  # requests that the app kept to itself because a limit was used up
    memory: list[int]
    seconds: float
    states: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.states = Counter(run["state"] for run in self.runs)

    @property
    def refused(self) -> int:
        return sum(len(times) for times in self.refused_at.values())

    def waits(self, until: str) -> list[float]:
        """From asking for each run until it began (`started_at`) or ended (`ended_at`)."""
        return [(_time(run[until]) - _time(run["submitted_at"])).total_seconds() for run in self.runs]

    def __str__(self) -> str:
        counts: Counter[str] = Counter()
        for run in self.runs:
            counts.update(run["counts"])
        began, ended = self.waits("started_at"), self.waits("ended_at")
        parts = (
            f"{len(self.runs)} runs in {self.seconds:.0f} s ({_words(self.states)})",
            f"{sum(run['slice'] + 1 for run in self.runs)} slices",
            f"contacts: {counts['accepted']} accepted",
            f"{counts['removed']} removed",
            f"{counts['kept_by_other_export']} kept by another export",
            f"{sum(sum(statuses.values()) for statuses in self.requests.values())} requests",
            f"{self.refused} answered 429",
            f"{self.held_back} held back by our own pace",
            f"longest wait to begin {max(began):.0f} s (median {statistics.median(began):.0f} s)",
            f"to end {max(ended):.0f} s",
            f"peak memory {' and '.join(f'{size / 1e6:.0f} MB' for size in self.memory)}",
            f"on the lists {self.missing} missing and {self.strangers} too many",
        )
        return ", ".join(parts)


def measure(load: Load) -> Outcome:
    """Put the load on a stack of its own. TimeoutError if not all of it ends; AssertionError if books are not right."""
    settings = {"LANDING_SETTLE_SECONDS": "1", "REFRESH_SCHEDULE": "*/30 * * * * *"}
    with Stack(settings=settings) as stack:
        hosts = [(stack.host_pid, stack.host_log), *(stack.add_host() for _ in range(load.hosts - 1))]
        stack.sendgrid.configure(
            job_seconds=0.5, rate_window=load.window, upsert_rate=load.upserts, other_rate=load.others
        )
        crowd = _Crowd(stack, load)
        began = time.monotonic()
        crowd.land(0)
        crowd.wait()
        crowd.land(1)
        crowd.ask(load.runs - load.exports)
        crowd.wait()
        seconds = time.monotonic() - began
        stats = stack.sendgrid.stats(log=True)
        lists = [(people, stack.sendgrid.addresses(list_id)) for list_id, people in crowd.expected(1).items()]
        refused: dict[str, list[float]] = {}
        for request in stats["log"]:
            if request["status"] == 429:
                refused.setdefault(request["request"], []).append(request["at"])
        return Outcome(
            runs=list(crowd.runs()),
            missing=sum(len(people - found) for people, found in lists),
            strangers=sum(len(found - people) for people, found in lists),
            requests=stats["requests"],
            refused_at=refused,
            held_back=sum(log.read_text(errors="replace").count(_HELD_BACK) for _, log in hosts),
            memory=[process.peak_memory(pid) for pid, _ in hosts],
            seconds=seconds,
        )


class _Crowd:
    """The exports, their segments and their lists."""

    def __init__(self, stack: Stack, load: Load) -> None:
        self._stack = stack
        self._load = load
        self._turns = Turns(stack.storage.state)
        self._asked: set[str] = set()
        self._wanted: dict[str, str] = {}  # export -> snapshot that it must have come to
        stack.put_connection("marketing")
        together = stack.sendgrid.create_list("Together")
        self._lists: dict[str, str] = {}
        for number in range(load.exports):
            export_id = f"export-{number}"
            self._lists[export_id] = together if number < load.shared else stack.sendgrid.create_list(export_id)
            stack.put_export(
                export_id,
                list_id=self._lists[export_id],
                segments=[f"Segment{number}"],
                mapping={"email": "EMail", "first_name": "FirstName"},
                max_shrink_percent=100,
            )

    def people(self, number: int, time: int) -> list[str]:
        """Who is in a segment: half of them also in the next one. From one time to the next, everybody moves one on."""
        step = self._load.people // 2
        first = (number + time) * step
        return [f"person{number}@example.com" for number in range(first, first + 2 * step)]

    def expected(self, time: int) -> dict[str, set[str]]:
        """Each list's people: the union of its exports' segments."""
        lists: dict[str, set[str]] = {}
        for number, list_id in enumerate(self._lists.values()):
            lists.setdefault(list_id, set()).update(self.people(number, time))
        return lists

    def land(self, time: int) -> None:
        for number in range(self._load.exports):
            rows = "".join(f"{person},Name{time}\n" for person in self.people(number, time))
            self._stack.land(f"Segment{number}.csv", f"EMail,FirstName\n{rows}".encode())
        for number, export_id in enumerate(self._lists):
            found = landing.latest(self._stack.segments, f"Segment{number}")
            assert isinstance(found, Snapshot)
            self._wanted[export_id] = found.id

    def ask(self, runs: int) -> None:
        """Ask for so many runs over HTTP. An export takes one of a kind while that waits, so it takes some rounds."""
        # None is like the run of a landing, which would be given in its place.
        kinds = [{"mode": "full"}, {"mode": "full", "force": True}, {"mode": "incremental", "force": True}]
        deadline = time.monotonic() + self._load.patience
        with ThreadPoolExecutor(_CLIENTS) as pool:
            for kind in itertools.cycle(kinds):
                before = len(self._asked)
                wanted = list(self._lists)[: runs - before]
                if not wanted:
                    return
                self._asked.update(pool.map(lambda export_id, kind=kind: self._ask(export_id, kind), wanted))
                if len(self._asked) == before:
                    assert time.monotonic() < deadline
                    time.sleep(_POLL)

    def _ask(self, export_id: str, kind: Document) -> str:
        answer = self._stack.http("POST", f"/api/exports/{export_id}/runs", json=kind)
        answer.raise_for_status()
        return str(answer.json()["run_id"])

    def wait(self) -> None:
        """Until every export has come to the snapshot that landed last, and has nothing more to do."""
        deadline = time.monotonic() + self._load.patience
        for export_id in self._lists:
            while not self._is_done(export_id):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{export_id} has not come to its end: {self._turns.load(export_id)}")
                time.sleep(_POLL)

    def _is_done(self, export_id: str) -> bool:
        turn = self._turns.load(export_id)
        done = turn.active is None and not turn.waiting
        return done and self._wanted[export_id] in turn.planned.values()

    def runs(self) -> Iterator[Document]:
        """All records, their books checked."""
        for item in self._stack.storage.runs.list():
            if item.name.endswith("/run.json"):
                run = json.loads(self._stack.storage.runs.read(item.name).content)
                assert_accounted(run)
                yield run


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.system.load", description=__doc__)
    parser.add_argument("--exports", type=int, default=100)
    parser.add_argument("--shared", type=int, help="exports that fill one list together (default: a fifth)")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--people", type=int, default=20, help="in each segment (default: %(default)s)")
    parser.add_argument("--window", type=float, default=60.0, help="of SendGrid's limits, seconds (default: 60)")
    given = parser.parse_args()
    shared = given.exports // 5 if given.shared is None else given.shared
    outcome = measure(
        Load(given.exports, shared, given.runs, hosts=given.hosts, people=given.people, window=given.window)
    )
    print(outcome)  # noqa: T201 - what it is for
    wrong = outcome.missing or outcome.strangers or set(outcome.states) - {"successful"}
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
