"""`python -m tests.fuzz.worker FOLDER SECONDS SEED`: fuzz in this process until the time is up or something is found.

FOLDER/input holds what is being examined, so that whoever waits knows what killed or hung the process; FOLDER/counts
holds how many inputs were examined, and how each ended.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.inputs import Input, inputs
from tests.fuzz.oracles import examine

_ROUND = 500  # inputs of one seed; then Hypothesis begins anew


class _TimeIsUp(BaseException):
    pass


def main(folder: Path, seconds: float, number: int) -> None:
    """Round after round. A finding is left in FOLDER/input, as small as Hypothesis could make it, and raised."""
    until = time.monotonic() + seconds
    ends: Counter[str] = Counter()

    def check(each: Input) -> None:
        if time.monotonic() > until:
            raise _TimeIsUp
        (folder / "input").write_bytes(each.kind.encode() + b"\n" + each.content)
        ends[examine(each)] += 1
        (folder / "counts").write_text(json.dumps(ends))

    try:
        while True:
            fuzz = settings(
                max_examples=_ROUND,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            )(given(inputs())(check))
            seed(number)(fuzz)()
            number += 1
    except _TimeIsUp:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
