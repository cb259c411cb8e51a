"""Scenarios by the hundred, a few side by side, and the figures that come of them."""

import shutil
import traceback
from collections import Counter
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from tests.faults.lane import Lane
from tests.faults.scenario import Outcome, Scenario


@dataclass(slots=True)
class Figures:
    """What all scenarios come to."""

    scenarios: int = 0
    tally: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.scenarios += 1
        self.tally += outcome.tally
        if outcome.violations:
            self.failed.append(outcome)

    def __str__(self) -> str:
        runs = {name.removeprefix("runs "): n for name, n in self.tally.items() if name.startswith("runs ")}
        others = {name: n for name, n in self.tally.items() if not name.startswith("runs ")}
        states = ", ".join(f"{n} {name}" for name, n in sorted(runs.items()))
        trouble = ", ".join(f"{name} {n}" for name, n in sorted(others.items()))
        return (
            f"{self.scenarios} scenarios, {sum(runs.values())} runs ({states}); {trouble}; "
            f"violations {sum(len(outcome.violations) for outcome in self.failed)}"
        )


def play(seeds: Iterable[int], *, lanes: int, logs: Path | None = None) -> Generator[Outcome, None, None]:
    """Play the scenarios of these seeds; `logs` is where those of failing ones are kept. Closing it ends it soon."""
    free: SimpleQueue[Lane] = SimpleQueue()
    with ExitStack() as parts:
        for _ in range(lanes):
            free.put(parts.enter_context(Lane()))
        pool = parts.enter_context(ThreadPoolExecutor(lanes, thread_name_prefix="lane"))
        parts.callback(pool.shutdown, cancel_futures=True)
        for future in as_completed([pool.submit(_one, free, seed, logs) for seed in seeds]):
            yield future.result()


def _one(free: "SimpleQueue[Lane]", seed: int, logs: Path | None) -> Outcome:
    lane = free.get()
    try:
        outcome = Scenario(lane, seed).run()
    except Exception:  # noqa: BLE001 - a driver that fails has found something, too
        outcome = Outcome(seed, violations=[f"the driver failed: {traceback.format_exc()}"])
    if outcome.violations and logs:
        logs.mkdir(parents=True, exist_ok=True)
        shutil.copy(lane.log, logs / f"{seed}.log")
    lane.clear()
    free.put(lane)
    return outcome
