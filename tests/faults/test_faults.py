"""A few scenarios of the driver, the same ones always; `make faults` plays as many as wanted."""

from pathlib import Path

from tests.faults.driver import Figures, play

SEEDS = range(1, 7)


def test_whatever_dies_or_misbehaves_the_lists_are_the_segments(tmp_path: Path) -> None:
    figures = Figures()
    for outcome in play(SEEDS, lanes=3, logs=tmp_path):
        figures.add(outcome)
    assert not figures.failed, "\n".join(
        f"seed {outcome.seed}: {violation}" for outcome in figures.failed for violation in outcome.violations
    )
    assert figures.scenarios == len(SEEDS)
    assert figures.tally["kills"]
    assert figures.tally["deliveries again"]
