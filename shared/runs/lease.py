"""One instance at a time works on an export: a lease on a blob, renewed in the background."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from shared.cloud.storage import Container
from shared.errors import Conflict, LeaseLost

if TYPE_CHECKING:
    from azure.storage.blob import BlobLeaseClient

LEASE_SECONDS = 60  # the longest that ends by itself: how long a dead instance keeps others away
RENEW_SECONDS = 20


class Lease:
    """A held lease. `check` raises LeaseLost once it could not be renewed, or was not for as long as it lasts."""

    def __init__(self, client: "BlobLeaseClient", clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._renewed = clock()
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        # An instance that stood still for a while gets to its next step before it gets to renewing.
        if self._lost.is_set() or self._clock() - self._renewed >= LEASE_SECONDS:
            raise LeaseLost

    def _renew(self) -> None:
        from azure.core.exceptions import AzureError, ResourceExistsError

        misses = 0
        while not self._over.wait(RENEW_SECONDS):
            asked = self._clock()
            try:
                self._client.renew()
                self._renewed, misses = asked, 0
            except ResourceExistsError:  # 409: it ended, and may be somebody else's by now
                self._lost.set()
                return
            except AzureError:
                misses += 1
                # Two misses leave less time on the lease than a renewal may take.
                if misses * RENEW_SECONDS >= LEASE_SECONDS - RENEW_SECONDS:
                    self._lost.set()
                    return

    def release(self) -> None:
        from azure.core.exceptions import AzureError

        self._over.set()
        self._thread.join()
        with suppress(AzureError):  # it ends by itself
            self._client.release()


@contextmanager
def held(state: Container, export_id: str) -> Iterator[Lease]:
    """Hold the export's lease. Conflict if somebody else does."""
    name = f"{export_id}/lock"
    with suppress(Conflict):  # it is there since the export's first run
        state.write(name, b"", if_absent=True)
    lease = Lease(state.lease(name, LEASE_SECONDS))
    try:
        yield lease
    finally:
        lease.release()
