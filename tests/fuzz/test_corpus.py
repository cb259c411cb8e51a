"""Every file of the corpus, then accidents that are the same each time. `make fuzz` looks for new ones."""

import faulthandler
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fuzz.inputs import Input, corpus, inputs, read
from tests.fuzz.oracles import FORMATS, examine

HANGS = 300  # seconds; more than a loaded machine takes for all of this


@pytest.fixture(autouse=True)
def end_what_hangs() -> Iterator[None]:
    """With a traceback: DuckDB cannot be interrupted by a signal's handler."""
    faulthandler.dump_traceback_later(HANGS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.name)
def test_the_corpus_holds(path: Path) -> None:
    examine(read(path))


def test_the_corpus_has_every_kind_of_file() -> None:
    kinds = {read(path).kind for path in corpus()}
    assert kinds >= {*FORMATS, "model.json", "location.txt", "name.txt", "export.json", "connection.json"}


def test_accidents_end_in_a_plan_that_adds_up_or_in_a_sentence() -> None:
    examined: list[Input] = []

    @settings(
        max_examples=100,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs())
    def try_out(accident: Input) -> None:
        examine(accident)
        examined.append(accident)

    try_out()
    known = {read(path).content for path in corpus()}
    changed = {(each.kind, each.content) for each in examined if each.content not in known}
    assert len(examined) >= 100
    assert len(changed) > 60, "few of the accidents do anything"
    assert len({kind for kind, _ in changed}) >= 8, "few kinds of files have accidents"
