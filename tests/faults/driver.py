"""Scenarios by the hundred, a few side by side, and the figures that come of them."""

import shutil
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
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


def play(seeds: Iterable[int], *, lanes: int, logs: Path | None = None) -> Iterator[Outcome]:
    """Play the scenarios of these seeds; `logs` is where those of failing ones are kept."""
    todo: SimpleQueue[int | None] = SimpleQueue()
    done: SimpleQueue[Outcome | BaseException] = SimpleQueue()
    count = 0
    for count, seed in enumerate(seeds, 1):  # noqa: B007 - the last value is wanted
        todo.put(seed)
    for _ in range(lanes):
        todo.put(None)

    def work() -> None:
        try:
            with Lane() as lane:
                while (seed := todo.get()) is not None:
                    done.put(_one(lane, seed, logs))
        except BaseException as error:
            done.put(error)
            raise

    with ThreadPoolExecutor(lanes, thread_name_prefix="lane") as pool:
        for _ in range(lanes):
            pool.submit(work)
        for _ in range(count):
            outcome = done.get()
            if isinstance(outcome, BaseException):
                raise outcome
            yield outcome


def _one(lane: Lane, seed: int, logs: Path | None) -> Outcome:
    try:
        outcome = Scenario(lane, seed).run()
    except Exception:  # noqa: BLE001 - a driver that fails has found something, too
        outcome = Outcome(seed, violations=[f"the driver failed: {traceback.format_exc()}"])
    if outcome.violations and logs:
        logs.mkdir(parents=True, exist_ok=True)
        shutil.copy(lane.log, logs / f"{seed}.log")
    shutil.rmtree(lane.temporary, ignore_errors=True)
    lane.log.unlink(missing_ok=True)
    return outcome
