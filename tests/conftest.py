"""What every suite may use: one storage emulator a test session, names of its own for every test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local.azurite import Azurite

# How fast a machine is, or how busy, decides no test. All else stays as it is: on CI the same examples each time.
settings.register_profile("untimed", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# What takes longest comes first, so that no process has a long file left when the others are done.
_LONGEST = (
    "integration/runs/test_crashes.py",
    "system/test_load.py",
    "integration/runs/test_reconcile.py",
    "faults/test_faults.py",
    "integration/local/test_stack.py",
    "system/test_host_life.py",
    "integration/local/test_host.py",
    "integration/api/test_contract.py",
    "faults/test_machine.py",
    "unit/contacts/test_against_model.py",
)
_ORDER = {Path(__file__).parent / name: place for place, name in enumerate(_LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _ORDER.get(item.path, len(_ORDER)))


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """The connection string of a storage emulator that all tests of this process share: use names of your own."""
    with Azurite(in_memory=True) as emulator:
        yield emulator.connection_string


@pytest.fixture
def container_prefix() -> str:
    """A prefix for container and queue names that no other test uses, e.g. for DATA_CONTAINER_PREFIX."""
    return f"t{uuid.uuid4().hex[:12]}-"
