"""Blob triggers by polling: every blob that is new or changed since its last receipt, those found at start included.

A receipt (function, ETag, name) in the host's own container says that a version has been dealt with, as with the real
host. A function that fails is called five times; then the blob goes to `webjobs-blobtrigger-poison`.
"""

import base64
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient
from azure.storage.queue import QueueClient

from local.host.config import HostError
from local.host.listener import Listener
from local.host.worker import Function, Worker

_log = logging.getLogger("local.host")

POISON_QUEUE = "webjobs-blobtrigger-poison"
POLL_SECONDS = 1.0
_TRIES = 5
_AT_A_TIME = 4


class BlobListener(Listener):
    """One function's container. `path` is the trigger's, resolved: `container/pattern-with-{name}`."""

    def __init__(
        self,
        worker: Worker,
        function: Function,
        path: str,
        *,
        source: ContainerClient,
        store: ContainerClient,
        poison: QueueClient,
        host_id: str,
    ) -> None:
        super().__init__(function.name)
        if not function.trigger.get("properties", {}).get("SupportsDeferredBinding"):
            raise HostError(f"{function.name}: bind the blob as blob.BlobClient; this host passes no content")
        if str(function.trigger.get("source", "")).lower() == "eventgrid":
            raise HostError(f"{function.name}: source EventGrid has no sender here; use LogsAndContainerScan")
        self._worker, self._function, self._source, self._store, self._poison = worker, function, source, store, poison
        self._pattern, self._prefix = _pattern(path.partition("/")[2])
        self._receipts = f"blobreceipts/{host_id}/Host.Functions.{function.name}/"
        self._done: set[tuple[str, str]] | None = None  # (etag, name)

    def listen(self) -> float:
        if self._done is None:
            self._done = self._recall()
        try:
            listing = list(self._source.list_blobs(name_starts_with=self._prefix or None))
        except ResourceNotFoundError:
            return POLL_SECONDS
        fresh = [
            blob
            for blob in listing
            if (_bare(blob), blob.name) not in self._done and self._pattern.fullmatch(blob.name)
        ]
        with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix=self._function.name) as pool:
            for blob, ended in zip(fresh, pool.map(self._process, fresh), strict=True):
                if ended:
                    self._done.add((_bare(blob), blob.name))
        return POLL_SECONDS

    def _process(self, blob: BlobProperties) -> bool:
        """Whether the blob has been dealt with: False only if the host stops first."""
        for _ in range(_TRIES):
            if self.stopping:
                return False
            if self._worker.blob(self._function, self._source.container_name, blob.name).ok:
                break
        else:
            self._give_up(blob)
        name = f"{self._receipts}{_bare(blob)}/{self._source.container_name}/{blob.name}"
        self._store.upload_blob(name, b"", overwrite=True)
        return True

    def _recall(self) -> set[tuple[str, str]]:
        with suppress(ResourceExistsError):
            self._store.create_container()
        done = set()
        for name in self._store.list_blob_names(name_starts_with=self._receipts):
            etag, container, blob = name.removeprefix(self._receipts).split("/", 2)
            if container == self._source.container_name:
                done.add((etag, blob))
        return done

    def _give_up(self, blob: BlobProperties) -> None:
        message = {
            "FunctionId": f"Host.Functions.{self._function.name}",
            "BlobType": "BlockBlob",
            "ContainerName": self._source.container_name,
            "BlobName": blob.name,
            "ETag": _bare(blob),
        }
        with suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(base64.b64encode(json.dumps(message).encode()).decode(), time_to_live=-1)
        _log.warning("%s: %s moved to %s after %d tries", self._function.name, blob.name, POISON_QUEUE, _TRIES)


def _pattern(path: str) -> tuple[re.Pattern[str], str]:
    """A blob path such as `{name}` or `in/{name}.csv` as an expression, and the fixed text it begins with."""
    parts = re.split(r"\{[^}]+\}", path)
    return re.compile(".+".join(re.escape(part) for part in parts), re.DOTALL), parts[0]


def _bare(blob: BlobProperties) -> str:
    return str(blob.etag).strip('"')
