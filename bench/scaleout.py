"""How it scales out: a simulation of the queue when many exports are due at once, and what holds them up.

`python -m bench.scaleout [--rows 10000] [--instances 40]`. Nothing is measured here: what one export costs comes from
figures.json, the limits are those of the platform and of SendGrid, each a parameter. See docs/performance.md.
"""

import argparse
import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.book import FIGURES, read_lines

CONTACT_BYTES, BODY_BYTES = 277, 3_900_000  # of a contact of the generator's; of a request's body at most
JOB_SECONDS = 30.0  # SendGrid's jobs take about as long
_FIRST, _SENDING, _LAST = range(3)  # slices: that prepares, that comes back for the rate, that settles
LONGEST_WAIT = 5.0  # seconds that a slice waits for the rate before it ends and its message comes back later


@dataclass(frozen=True, slots=True)
class Platform:
    """What there is at most, and how fast it comes.

    instances     function processes, one run at a time each (host.json, batchSize 1)
    start         seconds until a new one takes its first message
    growth        new ones a second, as long as messages wait
    upserts       requests a minute on PUT /marketing/contacts, each account (recorded in 2021)
    storage       requests a second of one storage account (Azure's published target)
    messages      messages a second of one queue (Azure's published target)
    """

    instances: int = 40
    start: float = 5.0
    growth: float = 4.0
    upserts: int = 200
    storage: int = 20_000
    messages: int = 2_000


PLATFORM = Platform()


@dataclass(frozen=True, slots=True)
class Work:
    """One export: seconds of a process before its jobs and after them, upserts, storage requests, messages."""

    before: float
    after: float
    upserts: int
    storage: int
    messages: int = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` until the last run has ended; `bounds`: how long each resource alone would have taken."""

    seconds: float
    instances: int
    bounds: dict[str, float]

    @property
    def ceiling(self) -> str:
        return max(self.bounds, key=lambda name: self.bounds[name])


def bounds(exports: int, accounts: int, work: Work, platform: Platform) -> dict[str, float]:
    """Seconds that each resource needs for its share if nothing else ever held it up."""
    fullest = math.ceil(exports / accounts) * work.upserts
    return {
        "instances": exports * (work.before + work.after) / platform.instances,
        "SendGrid's rate": (math.ceil(fullest / platform.upserts) - 1) * 60.0,
        "storage": exports * work.storage / platform.storage,
        "queue": exports * work.messages * 2 / platform.messages,  # put and taken
        "SendGrid's jobs": JOB_SECONDS,
    }


def simulate(exports: int, accounts: int, work: Work, platform: Platform) -> Outcome:
    """Let `exports` exports be due at second 0, spread evenly over `accounts` accounts."""
    rates = [_Rate(platform.upserts) for _ in range(accounts)]
    pool = _Pool(platform)
    # When its message can be seen, a number that keeps the order, the account, the upserts left, and the slice's kind.
    waiting = [(0.0, number, number % accounts, work.upserts, _FIRST) for number in range(exports)]
    end, numbers = 0.0, exports
    while waiting:
        seen, _, account, left, kind = heapq.heappop(waiting)
        now = pool.take(seen)
        if kind == _LAST:
            end = max(end, now + work.after)
            pool.give_back(now + work.after)
            continue
        sent, now, free = rates[account].send(left, now + (work.before if kind == _FIRST else 0.0))
        pool.give_back(now)
        numbers += 1
        if sent < left:
            heapq.heappush(waiting, (free, numbers, account, left - sent, _SENDING))
        else:
            heapq.heappush(waiting, (now + JOB_SECONDS, numbers, account, 0, _LAST))
    return Outcome(end, pool.started, bounds(exports, accounts, work, platform))


class _Pool:
    """Function processes: a new one is started while messages wait and there may be more."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._free: list[float] = []
        self.started = 0

    def take(self, seen: float) -> float:
        """When a message that can be seen at `seen` is begun with; somebody is busy until it is given back."""
        born = max(seen, self.started / self._platform.growth) + self._platform.start
        if self._free and (self._free[0] <= born or self.started >= self._platform.instances):
            return max(seen, heapq.heappop(self._free))
        self.started += 1
        return born

    def give_back(self, when: float) -> None:
        heapq.heappush(self._free, when)


class _Rate:
    """So many requests each minute of the clock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used: dict[int, int] = {}

    def send(self, wanted: int, now: float) -> tuple[int, float, float]:
        """How many could be sent, when the slice ends, and when there is room again."""
        sent = 0
        while True:
            window = int(now // 60)
            room = min(wanted - sent, self._limit - self._used.get(window, 0))
            self._used[window] = self._used.get(window, 0) + room
            sent += room
            following = (window + 1) * 60.0
            if sent == wanted or following - now > LONGEST_WAIT:
                return sent, now, following
            now = following


def work_of(rows: int) -> Work:
    """What an export of so many rows costs, by the figures of full exports: a share for each run, one for each row."""
    figures: dict[tuple[str, int], float] = {
        (line["name"], line["rows"]): float(line["median"]) for line in read_lines(FIGURES)
    }

    def cost(name: str) -> float:
        known = sorted((size, value) for (figure, size), value in figures.items() if figure == f"export.{name}")
        if not known:
            raise SystemExit(f"{FIGURES.name} has no export.{name}: run make bench first")
        (small, least), (large, most) = known[0], known[min(1, len(known) - 1)]
        each = (most - least) / (large - small) if large > small else least / small
        return max(0.0, least + (rows - small) * each)

    last, end = cost("last s"), cost("end s")
    kinds = ("write", "list", "read", "queue")
    return Work(
        before=max(last, 0.2),
        after=max(end - last, 0.2),
        upserts=math.ceil(rows * CONTACT_BYTES / BODY_BYTES),
        storage=round(sum(cost(f"storage {kind}") for kind in kinds)),
    )


def table(work: Work, platform: Platform) -> Iterator[str]:
    """10, 1,000 and 100,000 exports, on one account and on one for every hundred, as a Markdown table."""
    yield "| exports | accounts | instances | done after | held up by | alone: instances | rate | storage | queue |"
    yield "| ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |"
    for exports in (10, 1_000, 100_000):
        for accounts in sorted({1, max(1, exports // 100)}):
            found = simulate(exports, accounts, work, platform)
            alone = [found.bounds[name] for name in ("instances", "SendGrid's rate", "storage", "queue")]
            cells = [f"{exports:,}", f"{accounts:,}", f"{found.instances:,}", _time(found.seconds), found.ceiling]
            yield f"| {' | '.join([*cells, *map(_time, alone)])} |"


def _time(seconds: float) -> str:
    if seconds < 90:  # noqa: PLR2004 - read better in seconds
        return f"{seconds:.3g} s"
    return f"{seconds / 60:,.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:,.1f} h"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaleout", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="of each export")
    parser.add_argument("--instances", type=int, default=PLATFORM.instances, help="function processes at most")
    options = parser.parse_args()
    work = work_of(options.rows)
    print(
        f"{options.rows:,} rows an export: {work.before:.2f} s before its jobs and {work.after:.2f} s after them, "
        f"{work.upserts} upserts, {work.storage} storage requests\n"
    )
    print("\n".join(table(work, replace(PLATFORM, instances=options.instances))))


if __name__ == "__main__":
    main()
