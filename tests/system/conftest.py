"""One stack for all tests that do not end it: each has an export of its own on it (`scene`)."""

from collections.abc import Iterator

import pytest

from local.stack import Stack
from tests.system.scene import Scene


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Landings count at once and jobs end at once, so that no test waits for time to pass."""
    with Stack(settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        yield stack


@pytest.fixture
def scene(stack: Stack) -> Scene:
    return Scene(stack)
