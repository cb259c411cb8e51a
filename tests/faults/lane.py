"""What scenarios run on, one after another: storage, vault, identity, a simulated SendGrid, and instances to order."""

import multiprocessing
import secrets
import shutil
import tempfile
import time
import uuid
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobLeaseClient

from local.azurite import Azurite
from local.identity import LocalIdentity
from local.sendgrid.control import SimulatedSendGrid
from local.vault import LocalVault
from shared.runs.services import Services
from shared.settings import Settings
from tests.faults import hurry
from tests.faults.instance import Death, Orders, main

SECRET = "sendgrid"
_IMPORTED = [
    "__main__",
    "tests.faults.instance",
    "duckdb",
    "azure.core.pipeline.transport",
    "azure.identity",
    "azure.keyvault.secrets",
    "azure.storage.blob",
    "azure.storage.queue",
    "shared.contacts.engine",
]


def forkserver() -> ForkServerContext:
    """Instances begin as copies of a process that has imported everything: in a moment, not in a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


@dataclass(slots=True)
class Instance:
    process: ForkServerProcess
    lease_id: str

    @property
    def alive(self) -> bool:
        return self.process.is_alive()


class Lane:
    """The services as a context, and `begin` for a fresh world on them."""

    def __init__(self) -> None:
        self._context = forkserver()
        self.instances: list[Instance] = []

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            self.folder = Path(tempfile.mkdtemp(prefix="faults-"))
            parts.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.azurite = parts.enter_context(Azurite(self.folder / "storage"))
            self.vault = parts.enter_context(LocalVault())
            self.identity = parts.enter_context(LocalIdentity())
            self.sim = parts.enter_context(SimulatedSendGrid())
            parts.callback(self.kill_all)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def begin(self, batch: int) -> Services:
        """Empty containers, an empty account with a new key; gives the parts that triggers use."""
        self._batch = batch
        self._prefix = f"s{uuid.uuid4().hex[:12]}-"
        self.began = time.time()
        self.clock = hurry.Clock(self.began)
        self.temporary = Path(tempfile.mkdtemp(prefix="temporary-", dir=self.folder))
        self.log = self.temporary.with_suffix(".log")
        self.log.touch()
        self.sim.reset()
        self.sim.configure(rate_limited=False, job_seconds=0.05)
        self.key = ""
        self.rotate_key()
        self.services = hurry.hurried_services(Settings.from_environment(self._environment()), self.clock)
        self.services.storage.ensure()
        self.services.storage.export_runs.client.clear_messages()
        return self.services

    def clear(self) -> None:
        """Nothing of the last world is left on this machine."""
        self.kill_all()
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def rotate_key(self) -> None:
        """A new key in the vault; the old one ends."""
        old, self.key = self.key, f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"
        self.sim.add_key(self.key)
        self.vault.set(SECRET, self.key)
        if old:
            self.sim.revoke_key(old)

    def _environment(self) -> dict[str, str]:
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "SegmentStorage": self.azurite.connection_string,
            "SEGMENTS_CONTAINER": f"{self._prefix}segments",
            "DATA_CONTAINER_PREFIX": self._prefix,
            "KEY_VAULT_URL": self.vault.url,
            "SENDGRID_BASE_URL": self.sim.url,
            "LANDING_SETTLE_SECONDS": "0",
            "RUN_SLICE_SECONDS": "1",
            **self.identity.environment,
        }

    # Instances

    def start_instance(self, *, offset: float = 0.0, death: Death | None = None) -> None:
        orders = Orders(
            environment=self._environment(),
            certificate=self.vault.certificate,
            folder=self.temporary,
            log=self.log,
            began=self.began,
            offset=offset,
            batch=self._batch,
            lease_id=str(uuid.uuid4()),
            death=death,
        )
        process = self._context.Process(target=main, args=(orders,))
        process.start()
        self.instances.append(Instance(process, orders.lease_id))

    def end_instance(self, instance: Instance, *, kill: bool) -> None:
        """SIGKILL, or SIGTERM and some patience."""
        if not kill:
            instance.process.terminate()
            instance.process.join(30)
        instance.process.kill()
        self._bury(instance)

    def bury_the_dead(self) -> int:
        """Clear up after instances that died of themselves; gives how many there were."""
        dead = [instance for instance in self.instances if not instance.alive]
        for instance in dead:
            self._bury(instance)
        return len(dead)

    def kill_all(self) -> None:
        for instance in self.instances:
            instance.process.kill()
            instance.process.join()
            instance.process.close()
        self.instances = []

    def _bury(self, instance: Instance) -> None:
        """Its leases end, as they do by themselves; nobody else's do."""
        instance.process.join()
        instance.process.close()
        self.instances.remove(instance)
        for name in self.locks():
            blob = self.services.storage.state.client.get_blob_client(name)
            with suppress(ResourceExistsError, ResourceNotFoundError):
                BlobLeaseClient(blob, lease_id=instance.lease_id).release()

    def locks(self) -> list[str]:
        return [item.name for item in self.services.storage.state.list() if item.name.endswith("/lock")]

    def break_lease(self, export_id: str) -> None:
        """Whoever holds it has lost it."""
        blob = self.services.storage.state.client.get_blob_client(f"{export_id}/lock")
        with suppress(ResourceExistsError, ResourceNotFoundError):
            BlobLeaseClient(blob).break_lease(0)

    def outage(self, seconds: float) -> None:
        """Storage is gone for a while."""
        self.azurite.stop()
        time.sleep(seconds)
        self.azurite.start()
