from collections.abc import Callable

import pytest

from shared.cloud.storage import Container, Storage
from shared.settings import Settings

Land = Callable[..., None]


@pytest.fixture
def container(azurite: str, container_prefix: str) -> Container:
    """An empty segments container on the emulator."""
    settings = Settings.from_environment(
        {
            "AzureWebJobsStorage": azurite,
            "SegmentStorage": azurite,
            "SEGMENTS_CONTAINER": f"{container_prefix}segments",
            "KEY_VAULT_URL": "https://vault.example",
        }
    )
    segments = Storage(settings).segments
    segments.ensure()
    return segments


@pytest.fixture
def land(container: Container) -> Land:
    """`land("a.csv", "b.csv", …)` writes those blobs; `after="a.csv"` waits until storage's clock has gone on."""

    def write(*names: str, content: bytes = b"Id,EMail\n", after: str | None = None) -> None:
        then = container.properties(after).last_modified if after else None
        for name in names:
            container.write(name, content)
            while then and container.properties(name).last_modified <= then:  # whole seconds
                container.write(name, content)

    return write
