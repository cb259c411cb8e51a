"""The storage emulator's life: it starts by itself, keeps what it should keep, and leaves nothing behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite

ROOT = Path(__file__).parents[3]


def test_an_outage_keeps_ports_and_data() -> None:
    with Azurite() as azurite:
        before = azurite.connection_string
        with BlobServiceClient.from_connection_string(before) as service:
            service.create_container("kept").upload_blob("blob", b"content")
            azurite.stop()
            azurite.start()
            assert azurite.connection_string == before
            assert service.get_blob_client("kept", "blob").download_blob().readall() == b"content"
        location = azurite.location
    assert not location.exists()


def test_a_given_location_outlives_the_process(tmp_path: Path) -> None:
    with (
        Azurite(tmp_path) as azurite,
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
    ):
        service.create_container("kept")
    with (
        Azurite(tmp_path) as azurite,
        BlobServiceClient.from_connection_string(azurite.connection_string) as service,
    ):
        assert [container.name for container in service.list_containers()] == ["kept"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import time; from local.azurite import Azurite\n"
        "with Azurite(in_memory=True) as a: print(a.pid, flush=True); time.sleep(60)"
    )
    env = {**os.environ, "TMPDIR": str(tmp_path)}  # what a killed process leaves is pytest's to clear away
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    with parent.stdout:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 60
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    """A zombie, which an init without manners may leave, is not alive."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
