"""Measure, print the goals, write results.json, figures.json and the charts: `python -m bench [--quick] [--full]`."""

import argparse
import os
import platform
import sys
import time
from functools import partial
from pathlib import Path

from bench import charts, goals, measure
from bench.book import Book
from bench.generator import Segment
from bench.goals import HUGE, LARGE, SMALL
from bench.world import World
from local.process import end_on_sigterm

TINY = 10_000  # rows of the exports that bench.scaleout lets loose
RECORDED_LIMIT, WINDOW = 200, 60  # requests a minute on PUT /marketing/contacts, recorded in 2021


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{SMALL:,} rows only, under 90 seconds")
    parser.add_argument("--full", action="store_true", help=f"{HUGE:,} rows as well: 10 GB of disk, half an hour")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, help="the exports of so many rows, and nothing else; nothing is written")
    parser.add_argument("--deliveries", action="store_true", help="with --rows: upserts against imports instead")
    parser.add_argument("--profile", type=Path, help="with --rows: a cProfile of the slices goes here")
    options = parser.parse_args()
    end_on_sigterm()
    book = Book()
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:7.1f}  {what}", flush=True)

    machine = _machine()
    say(machine)
    with World() as world:
        if options.rows and options.deliveries:
            measure.deliveries(world, book, options.rows, options.repeats, say)
        elif options.rows:
            measure.exports(world, book, options.rows, options.repeats, say, profile=options.profile)
        elif options.quick:
            quick(world, book, options.repeats, say)
        else:
            thorough(world, book, options.repeats, say)
            if options.full:
                huge(world, book, say)
            else:  # a tenth of ten million rows under a tenth of the rate: as many windows to wait for
                measure.paced(world, book, LARGE, say, limit=RECORDED_LIMIT // 10, window=WINDOW)
    lines = goals.results(book)
    print()
    print("\n".join(goals.table([*lines, *goals.besides(book)])))
    if not options.rows:
        figures = book.write()
        goals.write(lines)
        charts.write(figures, book, machine)
    for failure in book.failures:
        print(f"FAILED  {failure}")
    return 1 if book.failures else 0


def quick(world: World, book: Book, repeats: int, say: measure.Say) -> None:
    measure.cold_imports(book, repeats, say)
    measure.exports(world, book, SMALL, repeats, say)
    measure.first_export(world, book, Segment(TINY), "export")
    measure.formats(world, book, SMALL, 1, say)
    measure.deliveries(world, book, SMALL, 1, say)
    measure.peers(world, book, SMALL, 1, say)


def thorough(world: World, book: Book, repeats: int, say: measure.Say) -> None:
    few = max(1, repeats // 2 + 1)
    measure.cold_imports(book, repeats, say)
    for _ in range(few):
        measure.first_export(world, book, Segment(TINY), "export")
    measure.exports(world, book, SMALL, repeats, say)
    measure.peers(world, book, SMALL, few, say)
    measure.exports(world, book, LARGE, repeats, say)
    measure.peers(world, book, LARGE, few, say)
    measure.formats(world, book, LARGE, repeats, say)
    measure.deliveries(world, book, LARGE, few, say)


def huge(world: World, book: Book, say: measure.Say) -> None:
    for measurement in (
        partial(measure.exports, world, book, HUGE, 1, say),
        partial(measure.formats, world, book, HUGE, 3, say, names=("csv", "parts")),
        partial(measure.paced, world, book, HUGE, say, limit=RECORDED_LIMIT, window=WINDOW),
    ):
        try:
            measurement()
        except measure.Wrong as error:  # an hour's other figures are worth having
            book.failures.append(f"{HUGE:,} rows: {error}")
            say(book.failures[-1])


def _machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    load = os.getloadavg()[0]
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}, {os.cpu_count()} x {model}, Python {platform.python_version()}, load {load:.1f} at the start"


if __name__ == "__main__":
    sys.exit(main())
