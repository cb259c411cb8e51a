"""A fresh world for every test; afterwards nothing that it tells, and no record, may name anybody."""

from collections.abc import Iterator

import pytest

from local.sendgrid.control import SimulatedSendGrid
from shared.cloud.storage import Storage
from shared.settings import Settings
from tests.integration.runs.world import KEY, World
from tests.telling import Telling

NAMES = ("Ada", "Grace", "@")  # of the people in these tests; every address has the last


@pytest.fixture(scope="session")
def _simulation() -> Iterator[SimulatedSendGrid]:
    with SimulatedSendGrid() as simulation:
        yield simulation


@pytest.fixture
def sim(_simulation: SimulatedSendGrid) -> SimulatedSendGrid:
    _simulation.reset()
    _simulation.add_key(KEY)
    _simulation.configure(job_seconds=0.0, rate_limited=False)
    return _simulation


@pytest.fixture
def settings(azurite: str, container_prefix: str) -> Settings:
    return Settings.from_environment(
        {
            "AzureWebJobsStorage": azurite,
            "SegmentStorage": azurite,
            "SEGMENTS_CONTAINER": f"{container_prefix}segments",
            "DATA_CONTAINER_PREFIX": container_prefix,
            "KEY_VAULT_URL": "https://vault.example",
            "LANDING_SETTLE_SECONDS": "0",
        }
    )


@pytest.fixture
def storage(settings: Settings) -> Storage:
    storage = Storage(settings)
    storage.ensure()
    return storage


@pytest.fixture
def world(storage: Storage, settings: Settings, sim: SimulatedSendGrid) -> World:
    return World(storage, settings, sim)


@pytest.fixture
def telling() -> Iterator[Telling]:
    """The spans and metrics of the test."""
    with Telling() as telling:
        yield telling


@pytest.fixture(autouse=True)
def _privacy(world: World, telling: Telling, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No address, name or key in a log, a span, a metric or a run record."""
    caplog.set_level("INFO")  # as the Functions worker sets it
    yield
    written = [caplog.text, telling.text(), *(content.decode() for content in world.records())]
    for text in written:
        found = [secret for secret in (*NAMES, KEY) if secret in text]
        assert not found, text
