"""The tiny app (tests/data/tiny_app) in a host process of its own, on the shared storage emulator."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from local import process

ROOT = Path(__file__).parents[3]
TINY_APP = ROOT / "tests" / "data" / "tiny_app"


class TinyHost:
    """Starts and stops hosts of the tiny app that share containers, queue and journal."""

    def __init__(self, connection_string: str, prefix: str, folder: Path, parts: ExitStack) -> None:
        self._folder = folder
        self.journal = folder / "journal"
        self.journal.touch()
        self.log = folder / "host.log"
        self.settings = {
            "AzureWebJobsStorage": connection_string,
            "TinyStorage": connection_string,
            "TINY_CONTAINER": f"{prefix}landing",
            "TINY_QUEUE": f"{prefix}work",
            "TINY_SCHEDULE": "0 0 0 1 1 *",
            "TINY_JOURNAL": str(self.journal),
            "AzureFunctionsWebHost__hostid": prefix.strip("-"),
        }
        self.container = parts.enter_context(
            ContainerClient.from_connection_string(connection_string, f"{prefix}landing")
        )
        self.queue = self._queue(parts, f"{prefix}work")
        self.poison = self._queue(parts, f"{prefix}work-poison")
        self.blob_poison = self._queue(parts, "webjobs-blobtrigger-poison")
        self._processes: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def _queue(self, parts: ExitStack, name: str) -> QueueClient:
        connection = self.settings["AzureWebJobsStorage"]
        policy = TextBase64EncodePolicy()
        return parts.enter_context(QueueClient.from_connection_string(connection, name, message_encode_policy=policy))

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        [port] = process.free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        started = self.launch("--port", str(port), "--function-key", "fkey", "--master-key", "mkey", *options)
        process.wait_until(self._serves, started, what="the host", log=self.log)
        return started

    def launch(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "local.host", str(TINY_APP), *options]
        env = {"PATH": os.environ["PATH"], **self.settings}
        self._processes.append(process.start(command, log=self.log, env=env, cwd=ROOT))
        return self._processes[-1]

    def stop(self) -> None:
        for each in self._processes:
            process.stop(each)

    def _serves(self) -> bool:
        try:
            return requests.get(f"{self.url}/admin/host/ping", timeout=5).ok
        except requests.RequestException:
            return False

    def notes(self, function: str) -> list[dict[str, Any]]:
        """What the function wrote to the journal."""
        lines = map(json.loads, self.journal.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if line["function"] == function]

    def wait(self, condition: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text(encoding="utf-8")
            time.sleep(0.05)


@pytest.fixture(scope="module")
def serving(azurite: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyHost]:
    """A host that has been started, for tests that only call its HTTP functions."""
    with ExitStack() as parts:
        host = TinyHost(azurite, "serving-", tmp_path_factory.mktemp("serving"), parts)
        parts.callback(host.stop)
        host.start()
        yield host


@pytest.fixture
def tiny(azurite: str, container_prefix: str, tmp_path: Path) -> Iterator[TinyHost]:
    with ExitStack() as parts:
        host = TinyHost(azurite, container_prefix, tmp_path, parts)
        parts.callback(host.stop)
        yield host
