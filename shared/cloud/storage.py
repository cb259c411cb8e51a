"""Blob containers and the run queue, in the few verbs that the app needs.

Names, ETags and errors are Azure's own; every SDK error that a caller can act on becomes one of `shared.errors`. The
SDKs are imported when the first client is made, so that indexing the functions stays cheap.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from shared import telemetry
from shared.errors import Conflict, NotFound, RunFailed, ServiceUnavailable
from shared.settings import Settings, StorageAccount

if TYPE_CHECKING:
    from azure.storage.blob import BlobLeaseClient, BlobServiceClient, ContainerClient
    from azure.storage.queue import QueueClient

CHUNK = 8 * 1024 * 1024  # bytes a ranged read or a block: memory use is about twice this, whatever the blob's size
RUN_QUEUE = "export-runs"
# Where the Functions host puts messages, and events of blobs, whose function has failed as often as host.json allows.
RUN_POISON = f"{RUN_QUEUE}-poison"
BLOB_POISON = "webjobs-blobtrigger-poison"
PEEKED = 32  # messages that one look into a queue can show


@dataclass(frozen=True, slots=True)
class BlobItem:
    """One line of a listing. `etag` is without quotes; `last_modified` is UTC, whole seconds."""

    name: str
    etag: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Blob:
    """A small blob, read whole. `last_modified` is UTC, `metadata` what was noted beside the content."""

    content: bytes
    etag: str
    last_modified: datetime
    metadata: Mapping[str, str]


class Container:
    """One blob container. Names are paths inside it."""

    def __init__(self, make_client: Callable[[], "ContainerClient"]) -> None:
        self._make_client = make_client

    @cached_property
    def client(self) -> "ContainerClient":
        return self._make_client()

    @property
    def name(self) -> str:
        return str(self.client.container_name)

    @property
    def account(self) -> str:
        """The storage account's name, as it stands in blob URLs."""
        return str(self.client.account_name)

    def ensure(self) -> None:
        """Create the container if it does not exist yet."""
        try:
            with _azure_errors(self.name):
                self.client.create_container()
        except Conflict:
            pass

    def list(self, prefix: str = "") -> Iterator[BlobItem]:
        """Every blob under `prefix`, in name order, fetched page by page."""
        with _azure_errors(prefix):
            for item in self.client.list_blobs(name_starts_with=prefix or None):
                yield BlobItem(item.name, _bare(item.etag), item.size, item.last_modified)

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right below `prefix`, a slash at the end of each."""
        with _azure_errors(prefix):
            for item in self.client.walk_blobs(name_starts_with=prefix, delimiter="/"):
                if item.name.endswith("/"):
                    yield item.name

    def properties(self, name: str) -> BlobItem:
        with _azure_errors(name):
            found = self.client.get_blob_client(name).get_blob_properties()
            return BlobItem(name, _bare(found.etag), found.size, found.last_modified)

    def read(self, name: str, *, etag: str | None = None) -> Blob:
        """The whole blob, in memory. NotFound if there is none, Conflict if it is no longer the version `etag`."""
        with _azure_errors(name):
            stream = self.client.download_blob(name, **_only_if(etag))
            found = stream.properties
            return Blob(stream.readall(), _bare(found.etag), found.last_modified, dict(found.metadata or {}))

    def read_part(self, name: str, start: int, length: int, *, etag: str) -> bytes:
        """So many bytes from `start` on, fewer where the blob ends. Conflict if it is not the version `etag`."""
        with _azure_errors(name):
            return bytes(self.client.download_blob(name, offset=start, length=length, **_only_if(etag)).readall())

    def metadata(self, name: str) -> dict[str, str]:
        """What `upload` was told to note beside the content. NotFound."""
        with _azure_errors(name):
            return dict(self.client.get_blob_client(name).get_blob_properties().metadata or {})

    def stream(self, name: str, *, etag: str | None = None) -> Iterator[bytes]:
        """The blob, some MiB at a time. Conflict if it is not, or in the middle ceases to be, the version `etag`."""
        with _azure_errors(name):
            yield from self.client.download_blob(name, **_only_if(etag)).chunks()

    def download(self, name: str, path: Path, *, etag: str | None = None) -> None:
        """Stream the blob into a file."""
        with path.open("wb") as file:
            file.writelines(self.stream(name, etag=etag))

    def write(
        self,
        name: str,
        content: bytes,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
        metadata: dict[str, str] | None = None,
    ) -> str:
        """Write the whole blob and give its new ETag. Conflict if the condition does not hold."""
        return self._upload(name, content, overwrite=not if_absent, metadata=metadata, **_only_if(if_match))

    def upload(
        self, name: str, path: Path, *, metadata: dict[str, str] | None = None, if_match: str | None = None
    ) -> str:
        """Stream a file into a blob and give its new ETag. Conflict if the condition does not hold."""
        with path.open("rb") as file:
            return self._upload(name, file, overwrite=True, metadata=metadata, **_only_if(if_match))

    def _upload(self, name: str, content: bytes | IO[bytes], **options: Any) -> str:
        with _azure_errors(name):
            return _bare(self.client.get_blob_client(name).upload_blob(content, **options)["etag"])

    def delete(self, name: str, *, if_match: str | None = None) -> None:
        """Delete a blob; one that is already gone is fine. Conflict if it is another version than `if_match`."""
        try:
            with _azure_errors(name):
                self.client.delete_blob(name, **_only_if(if_match))
        except NotFound:
            pass

    def delete_all(self, prefix: str) -> None:
        """Delete every blob under `prefix`."""
        for item in self.list(prefix):
            self.delete(item.name)

    def lease(self, name: str, seconds: int) -> "BlobLeaseClient":
        """Take the lease on an existing blob for 15 to 60 seconds. Conflict if another holds it."""
        with _azure_errors(name):
            return self.client.get_blob_client(name).acquire_lease(lease_duration=seconds)


class RunQueue:
    """The queue whose messages are slices of runs. Text is base64-encoded, as host.json tells the trigger to expect."""

    def __init__(self, make_client: Callable[[], "QueueClient"]) -> None:
        self._make_client = make_client

    @cached_property
    def client(self) -> "QueueClient":
        return self._make_client()

    def ensure(self) -> None:
        """Create the queue if it does not exist yet."""
        try:
            with _azure_errors(RUN_QUEUE):
                self.client.create_queue()
        except Conflict:
            pass

    def send(self, text: str, *, delay: float = 0) -> None:
        """Put a message that becomes visible after `delay` seconds (Azure: at most 7 days) and never expires."""
        with _azure_errors(RUN_QUEUE):
            self.client.send_message(text, visibility_timeout=max(0, round(delay)), time_to_live=-1)


class Storage:
    """All containers and the queue, by the names that docs/configuration.md gives them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        prefix = settings.data_container_prefix
        self.segments = self._container(settings.segments_container)
        self.config = self._container(f"{prefix}config")
        self.runs = self._container(f"{prefix}runs")
        self.state = self._container(f"{prefix}state")
        self.export_runs = RunQueue(lambda: _queue(settings.host_storage, settings, RUN_QUEUE))

    def ensure(self) -> None:
        """Create what is missing: for a local stack; a deployment's template creates them."""
        for container in (self.segments, self.config, self.runs, self.state):
            container.ensure()
        self.export_runs.ensure()

    def poisoned(self, queue: str) -> int:
        """How many messages are in RUN_POISON or BLOB_POISON, up to PEEKED. They are left as they are."""
        account = self._settings.host_storage if queue == RUN_POISON else self._settings.segment_storage
        try:
            with _azure_errors(queue), _queue(account, self._settings, queue) as client:
                return len(client.peek_messages(max_messages=PEEKED))
        except NotFound:  # the host makes them when it first needs them
            return 0

    def _container(self, name: str) -> Container:
        return Container(lambda: self._service.get_container_client(name))

    @cached_property
    def _service(self) -> "BlobServiceClient":
        from azure.storage.blob import BlobServiceClient

        telemetry.quiet()
        account = self._settings.segment_storage
        sizes = ("max_chunk_get_size", "max_single_get_size", "max_block_size", "max_single_put_size")
        options: dict[str, Any] = dict.fromkeys(sizes, CHUNK)
        if account.connection_string:
            return BlobServiceClient.from_connection_string(account.connection_string, **options)
        return BlobServiceClient(str(account.blob_uri), credential=credential(self._settings), **options)


def credential(settings: Settings) -> Any:
    """Managed identity when the platform offers one, else what a developer is signed in with."""
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if "IDENTITY_ENDPOINT" in os.environ:
        # Named outright: the chain would try others first, which costs time and hides the error that matters.
        return ManagedIdentityCredential(client_id=settings.identity_client_id)
    # Without a platform's identity there is none to look for, which would cost a second: a name in AZURE_CLIENT_ID
    # would lead to it, too.
    return DefaultAzureCredential(exclude_interactive_browser_credential=True, exclude_managed_identity_credential=True)


def cannot_sign_in(service: str) -> ServiceUnavailable:
    """No token was to be had. On Azure this passes; elsewhere somebody has to sign in."""
    return ServiceUnavailable(
        f"the app could not sign in to {service}",
        code="sign_in_failed",
        retry_after=30,
        advice="Assign the managed identity that AZURE_CLIENT_ID names to the app; on a laptop, sign in with az login.",
    )


def _queue(account: StorageAccount, settings: Settings, name: str) -> "QueueClient":
    from azure.storage.queue import QueueClient, TextBase64EncodePolicy

    telemetry.quiet()
    policy = TextBase64EncodePolicy()
    if account.connection_string:
        return QueueClient.from_connection_string(account.connection_string, name, message_encode_policy=policy)
    if not account.queue_uri:
        raise RunFailed(
            f"the queue {name} has no address: a setting that ends in __queueServiceUri is missing",
            code="invalid_setting",
            advice="Set AzureWebJobsStorage__queueServiceUri and SegmentStorage__queueServiceUri.",
        )
    return QueueClient(account.queue_uri, name, credential=credential(settings), message_encode_policy=policy)


def _bare(etag: object) -> str:
    return str(etag).strip('"')


def _only_if(etag: str | None) -> dict[str, Any]:
    if etag is None:
        return {}
    from azure.core import MatchConditions

    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


@contextmanager
def _azure_errors(name: str) -> Iterator[None]:
    """Turn the SDK's errors into ours. Their texts hold URLs and request ids, not content; only the code is kept."""
    from azure.core import exceptions as azure

    try:
        yield
    except azure.ResourceNotFoundError as error:
        raise NotFound(f"{name or 'the container'} does not exist in storage", code="not_found") from error
    except (azure.ResourceModifiedError, azure.ResourceExistsError) as error:
        raise Conflict(f"{name} was changed or taken by somebody else", code="conflict") from error
    except azure.HttpResponseError as error:
        if error.status_code in {401, 403}:
            raise RunFailed(
                f"storage refused access to {name} ({getattr(error, 'error_code', None) or error.status_code})",
                code="storage_forbidden",
                advice="Give the app's identity its roles on the storage account (infra/ lists them).",
            ) from error
        if error.status_code is None:  # of azure.identity: nothing has been asked of storage yet
            raise cannot_sign_in("storage") from error
        raise ServiceUnavailable(
            f"storage answered {error.status_code} for {name}", code="storage_unavailable", retry_after=30
        ) from error
    except azure.AzureError as error:
        raise ServiceUnavailable(
            f"storage could not be reached ({type(error).__name__})", code="storage_unavailable", retry_after=30
        ) from error
