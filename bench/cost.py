"""What it costs in Azure: GB-seconds, executions and storage requests of a month, from figures.json.

`python -m bench.cost [--slower 2] [--gb-second PRICE] …`. A day is one landing of the segment: a first full export if
everything changes every day, a refresh if one per cent does. docs/performance.md says what is assumed.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

from bench.book import FIGURES, read_lines

DAYS = 30
CONTACTS = (100_000, 1_000_000, 10_000_000)
KINDS = {"export": "all of them change", "changed": "1 % changed, new, gone"}
SWEEPS = 288  # a day: the timer's schedule is every five minutes
LEAST_SECONDS = 1.0  # of an execution, as it is billed (Azure: 1,000 ms, then steps of 100 ms)
STEP = 0.1
JOB_SLICES = 2  # more than measured here, where jobs end at once: each looks for the jobs and finds them pending


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars. A GB-second on demand in East US as modal.com/blog/azure-function-pricing-guide had it in May 2025.

    What has no default that can be told from a source is 0: nothing is reckoned for it. `free_…`: a month's grant.
    """

    gb_second: float = 0.000026
    million_executions: float = 0.0
    free_gb_seconds: float = 0.0
    free_executions: float = 0.0


PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Month:
    """What Azure counts in a month of one export. `measured`: at this very size, not drawn out from a smaller one."""

    gb_seconds: float
    executions: int
    blob_writes: int
    blob_reads: int
    queue: int
    sendgrid: int
    measured: bool

    def dollars(self, prices: Prices) -> float:
        """Functions alone, the grant taken off: a subscription has it once, not once an export."""
        seconds = max(0.0, self.gb_seconds - prices.free_gb_seconds) * prices.gb_second
        return seconds + max(0.0, self.executions - prices.free_executions) * prices.million_executions / 1e6


def month(kind: str, contacts: int, *, memory: float, slower: float) -> Month:
    """A month with one run a day. `memory`: GB of an instance; `slower`: how much slower it is than this machine."""
    figures: dict[tuple[str, int], float] = {
        (line["name"], line["rows"]): float(line["median"]) for line in read_lines(FIGURES)
    }
    sizes = sorted(size for name, size in figures if name == f"{kind}.end s")
    if not sizes:
        raise SystemExit(f"{FIGURES.name} has no figures of {kind}: run make bench first")
    size = max((known for known in sizes if known <= contacts), default=sizes[0])
    times = contacts / size

    def daily(name: str) -> float:
        return figures.get((f"{kind}.{name}", size), 0.0) * times

    seconds = daily("end s") * slower
    slices = 1 + math.ceil(seconds / 240) + JOB_SLICES  # the event's execution, the run's slices, those that wait
    busy = billed(seconds) + (slices - 1) * LEAST_SECONDS + SWEEPS * LEAST_SECONDS
    return Month(
        gb_seconds=busy * memory * DAYS,
        executions=(slices + SWEEPS) * DAYS,
        blob_writes=round((daily("storage write") + daily("storage list")) * DAYS),
        blob_reads=round(daily("storage read") * DAYS),
        queue=round(daily("storage queue") + 3 * slices) * DAYS,
        sendgrid=round(daily("requests") * DAYS),
        measured=size == contacts,
    )


def billed(seconds: float) -> float:
    """What an execution of so many seconds counts as."""
    return max(LEAST_SECONDS, math.ceil(round(seconds / STEP, 6)) * STEP)


def table(prices: Prices, *, memory: float, slower: float) -> Iterator[str]:
    yield "| contacts a day | | GB-s a month | executions | blob writes, lists | blob reads | queue | SendGrid | US$ |"
    yield "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for contacts in CONTACTS:
        for kind, words in KINDS.items():
            found = month(kind, contacts, memory=memory, slower=slower)
            about = "" if found.measured else "about "
            counts = (found.executions, found.blob_writes, found.blob_reads, found.queue, found.sendgrid)
            cells = [f"{contacts:,}", words, f"{about}{found.gb_seconds:,.0f}", *(f"{count:,}" for count in counts)]
            yield f"| {' | '.join(cells)} | {found.dollars(prices):,.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--memory", type=float, default=2.0, help="GB of an instance")
    parser.add_argument("--slower", type=float, default=2.0, help="how much slower than here an instance is")
    for name, words in (
        ("gb-second", "US dollars"),
        ("million-executions", "US dollars"),
        ("free-gb-seconds", "a month, in the subscription's grant"),
        ("free-executions", "a month, in the subscription's grant"),
    ):
        default = getattr(PRICES, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=float, default=default, help=f"{words} (default: {default:g})")
    options = parser.parse_args()
    prices = Prices(options.gb_second, options.million_executions, options.free_gb_seconds, options.free_executions)
    print("\n".join(table(prices, memory=options.memory, slower=options.slower)))


if __name__ == "__main__":
    main()
