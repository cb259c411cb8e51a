"""Documents are changed by people, through the API: checked first, and only on top of the version they have seen.

An export's document that is its connection too (see `documents`) stays so: each half is changed in its place.
"""

import json
from typing import Any

from shared.cloud.storage import Blob, Container
from shared.destinations.authors import noted
from shared.destinations.documents import (
    CONNECTION_ONLY,
    OWN_NAME,
    Destination,
    connection_name,
    export_name,
    is_both,
    is_id,
    read_connection,
    read_destination,
)
from shared.destinations.models import Connection
from shared.errors import InvalidDocument, NotFound

Given = dict[str, Any]


def find_connection(config: Container, connection_id: str) -> tuple[str, Blob | None]:
    """The name of the document that holds the connection, or would; and what is there. InvalidDocument: no id."""
    name = connection_name(_checked(connection_name(connection_id), connection_id))
    blob = _read(config, name)
    if blob is None:
        export = _read(config, export_name(connection_id))
        if export and is_both(_given(export.content)):
            return export_name(connection_id), export
    return name, blob


def find_export(config: Container, export_id: str) -> Blob | None:
    """The export's document as it stands, readable or not. InvalidDocument: no id."""
    return _read(config, export_name(_checked(export_name(export_id), export_id)))


def connection_content(connection_id: str, content: bytes, found: tuple[str, Blob | None]) -> tuple[Connection, bytes]:
    """What a document would say, and what has to be stored in the place that was found. InvalidDocument."""
    connection = read_connection(connection_id, content)
    given = _given(content)
    name, blob = found
    if blob and name == export_name(connection_id):
        given = _joined(_given(blob.content), given)
        read_destination(connection_id, _stored(given))
    return connection, _stored(given)


def export_content(export_id: str, content: bytes, found: Blob | None) -> tuple[Destination, bytes]:
    """What a document would say, and what has to be stored. InvalidDocument."""
    destination = read_destination(export_id, content)
    given = _given(content)
    before = _given(found.content) if found else {}
    if is_both(before) and destination.export.connection == export_id and not is_both(given):
        given = _joined(given, before)
        destination = read_destination(export_id, _stored(given))
    return destination, _stored(given)


def write(config: Container, name: str, content: bytes, *, over: str | None, by: str) -> None:
    """Store a document in place of the version `over`, None to create it, and note who did. Conflict."""
    config.write(name, content, if_match=over, if_absent=over is None, metadata=noted(by))


def with_consent(content: bytes, consent: Given | None) -> bytes:
    """The same document, or export and connection in one, with this consent."""
    return _stored(_given(content) | {"consent": consent})


def consent_in(content: bytes) -> Any:
    """The consent as it stands in the document; Ellipsis if it says nothing of it."""
    return _given(content).get("consent", ...)


def _joined(export: Given, connection: Given) -> Given:
    """Export and connection in one document; the connection's name is given only if it is another than the export's."""
    rest = {key: value for key, value in export.items() if key not in CONNECTION_ONLY | {OWN_NAME, "connection"}}
    own = {key: value for key, value in connection.items() if key in CONNECTION_ONLY}
    name = connection.get(OWN_NAME, connection.get("display_name"))
    return rest | own | ({} if name == rest.get("display_name") else {OWN_NAME: name})


def _given(content: bytes) -> Given:
    try:
        given = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return {}  # it is replaced as a whole
    return given if isinstance(given, dict) else {}


def _stored(given: Given) -> bytes:
    return (json.dumps({k: v for k, v in given.items() if k != "id"}, indent=2, ensure_ascii=False) + "\n").encode()


def _read(config: Container, name: str) -> Blob | None:
    try:
        return config.read(name)
    except NotFound:
        return None


def _checked(name: str, document_id: str) -> str:
    if not is_id(document_id):
        raise InvalidDocument(name[:100], ["cannot be an id; give 1 to 63 of a-z, 0-9 and -, no hyphen first"])
    return document_id
