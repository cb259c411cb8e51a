"""What every suite may use: one storage emulator a test session, names of its own for every test."""

import uuid
from collections.abc import Iterator

import pytest

from local.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of a storage emulator that all tests of this process share: use names of your own."""
    with Azurite(in_memory=True) as emulator:
        yield emulator.connection_string


@pytest.fixture
def container_prefix() -> str:
    """A prefix for container and queue names that no other test uses, e.g. for DATA_CONTAINER_PREFIX."""
    return f"t{uuid.uuid4().hex[:12]}-"
