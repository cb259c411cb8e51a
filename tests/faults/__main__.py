"""`python -m tests.faults N SEED`: play N scenarios from SEED on; one line of figures at the end, or at Ctrl-C."""

import logging
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.faults.driver import Figures, play
from tests.faults.scenario import Outcome

LANES = 5  # a lane waits more than it works: two cores carry five


def main(count: int, seed: int) -> int:
    logging.getLogger().addHandler(logging.NullHandler())  # triggers run in this process, and warn of what is meant
    logs = Path(tempfile.gettempdir()) / "faults-logs"
    figures, began = Figures(), time.monotonic()
    with (
        suppress(KeyboardInterrupt),
        closing(play(range(seed, seed + count), lanes=min(LANES, count), logs=logs)) as played,
    ):
        for outcome in played:
            figures.add(outcome)
            _tell(outcome, logs)
            if figures.scenarios % 20 == 0:
                _say(f"{figures.scenarios} of {count}, {time.monotonic() - began:.0f} s")
    _say(f"{figures} ({time.monotonic() - began:.0f} s)")
    return 1 if figures.failed else 0


def _tell(outcome: Outcome, logs: Path) -> None:
    """What a person needs who looks into a scenario that failed."""
    for violation in outcome.violations:
        _say(f"seed {outcome.seed}: {violation}")
    if outcome.violations:
        _say(f"  what happened: {'; '.join(outcome.story)}")
        _say(f"  the instances' log: {logs / f'{outcome.seed}.log'}")
        _say(f"  again: make faults N=1 SEED={outcome.seed}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
