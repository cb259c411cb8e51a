"""The connections and exports in the `config` container. A document that cannot be read never hides another."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from shared.cloud.storage import Blob, BlobItem, Container
from shared.destinations.authors import author_of
from shared.destinations.documents import (
    CONNECTIONS,
    EXPORTS,
    MAX_BYTES,
    SUFFIX,
    TOO_LARGE,
    Destination,
    connection_name,
    export_name,
    is_id,
    read_connection,
    read_destination,
)
from shared.destinations.models import Connection, Export
from shared.errors import InvalidDocument, NotFound

Read = TypeVar("Read", Connection, Destination)


@dataclass(frozen=True, slots=True)
class Stored(Generic[Read]):
    """What a document says, the ETag of the document that says it, and who wrote that when."""

    value: Read
    etag: str
    updated_at: datetime
    updated_by: str | None


class Destinations:
    """Looks at the documents anew at every call, so that a change counts from the next look on.

    Only those whose ETag is another than last time are read: every landing and every run looks at all exports.
    Storage's own errors (ServiceUnavailable, RunFailed for a missing role) pass through.
    """

    def __init__(self, config: Container) -> None:
        self._config = config
        self._read: dict[str, Blob] = {}  # by name, each as it was last read

    def connection(self, connection_id: str) -> Connection:
        """The connection of that id, a document of its own or half of an export's. NotFound, InvalidDocument."""
        return self.stored_connection(connection_id).value

    def stored_connection(self, connection_id: str) -> Stored[Connection]:
        """The same, with its document's ETag."""
        try:
            return self._connection(self._item(connection_name(connection_id), connection_id))
        except NotFound as missing:
            try:
                own = _half(self._destination(self._item(export_name(connection_id), connection_id)))
            except NotFound:
                own = None
            if own is None:
                raise missing from None
            return own

    def export(self, export_id: str) -> Export:
        """The export of that id. NotFound, InvalidDocument."""
        return self.stored_export(export_id).value.export

    def stored_export(self, export_id: str) -> Stored[Destination]:
        """The export of that id, its connection too if the document is both. NotFound, InvalidDocument."""
        return self._destination(self._item(export_name(export_id), export_id))

    def exports(self) -> tuple[list[Export], list[InvalidDocument]]:
        """All exports by id, and what is wrong with the documents that cannot be read."""
        found, invalid = self.stored_exports()
        return [each.value.export for each in found], invalid

    def stored_exports(self) -> tuple[list[Stored[Destination]], list[InvalidDocument]]:
        """The same, with the documents' ETags."""
        found, invalid = self._all(EXPORTS, self._destination)
        return sorted(found, key=lambda each: each.value.export.id), invalid

    def connections(self) -> tuple[list[Connection], list[InvalidDocument]]:
        """All connections by id, halves of exports among them, and what is wrong with the unreadable documents."""
        found, invalid = self.stored_connections()
        return [each.value for each in found], invalid

    def stored_connections(self) -> tuple[list[Stored[Connection]], list[InvalidDocument]]:
        """The same, with the documents' ETags."""
        found, invalid = self._all(CONNECTIONS, self._connection)
        destinations, _ = self._all(EXPORTS, self._destination)
        own = [half for each in destinations if (half := _half(each))]
        return sorted(found + own, key=lambda each: each.value.id), invalid

    def exports_of(self, *segments: str) -> list[Export]:
        """The readable exports that use any of the segments, resting ones included."""
        return [export for export in self.exports()[0] if not set(segments).isdisjoint(export.segments)]

    def _all(
        self, folder: str, read: Callable[[BlobItem], Stored[Read]]
    ) -> tuple[list[Stored[Read]], list[InvalidDocument]]:
        found: list[Stored[Read]] = []
        invalid: list[InvalidDocument] = []
        for item in self._config.list(folder):
            try:
                if item.name.endswith(SUFFIX):
                    found.append(read(item))
            except NotFound:
                continue  # deleted since it was listed
            except InvalidDocument as error:
                invalid.append(error)
        return found, invalid

    def _connection(self, item: BlobItem) -> Stored[Connection]:
        blob = self._content(item)
        return _stored(read_connection(_id(item, CONNECTIONS), blob.content), blob)

    def _destination(self, item: BlobItem) -> Stored[Destination]:
        blob = self._content(item)
        destination = read_destination(_id(item, EXPORTS), blob.content)
        if destination.connection and self._exists(connection_name(destination.connection.id)):
            # Which of two accounts gets the data must never be a matter of precedence.
            problem = (
                "api_key_secret: makes this document a connection too, and one of the same id exists; rename this "
                f"document, or give connection {destination.connection.id!r} instead of the connection's own keys"
            )
            raise InvalidDocument(item.name, [problem])
        return _stored(destination, blob)

    def _item(self, name: str, document_id: str) -> BlobItem:
        if not is_id(document_id):  # would reach outside the folder with ../
            raise NotFound(f"there is no document {document_id[:100]!r}", code="not_found")
        return self._config.properties(name)

    def _content(self, item: BlobItem) -> Blob:
        if item.size > MAX_BYTES:  # known before it is in memory
            raise InvalidDocument(item.name, [TOO_LARGE])
        blob = self._read.get(item.name)
        if blob is None or blob.etag != item.etag:
            blob = self._read[item.name] = self._config.read(item.name)
        return blob

    def _exists(self, name: str) -> bool:
        try:
            self._config.properties(name)
        except NotFound:
            return False
        return True


def _stored(value: Read, blob: Blob) -> Stored[Read]:
    return Stored(value, blob.etag, blob.last_modified, author_of(blob))


def _half(destination: Stored[Destination]) -> Stored[Connection] | None:
    """The connection in an export's document, if it is both."""
    own = destination.value.connection
    return Stored(own, destination.etag, destination.updated_at, destination.updated_by) if own else None


def _id(item: BlobItem, folder: str) -> str:
    return item.name.removeprefix(folder).removesuffix(SUFFIX)
