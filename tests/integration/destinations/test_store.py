from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from shared.cloud.storage import Blob, Container
from shared.destinations.documents import MAX_BYTES
from shared.destinations.store import Destinations
from shared.errors import InvalidDocument, NotFound
from tests.unit.destinations import build


@pytest.fixture
def config(azurite: str, container_prefix: str) -> Container:
    container = Container(
        lambda: BlobServiceClient.from_connection_string(azurite).get_container_client(f"{container_prefix}config")
    )
    container.ensure()
    return container


def put(config: Container, **documents: Any) -> None:
    """`connections__marketing={…}`; bytes as they are."""
    for name, document in documents.items():
        raw = document if isinstance(document, bytes) else build.content(document)
        config.write(f"{name.replace('__', '/').replace('_', '-')}.json", raw)


def test_an_export_and_its_connection_are_read_by_their_ids(config: Container) -> None:
    put(config, exports__newsletter=build.EXPORT, connections__marketing=build.CONNECTION)
    destinations = Destinations(config)
    assert destinations.export("newsletter") == build.export()
    assert destinations.connection("marketing") == build.connection()


def test_a_change_is_seen_at_the_next_look(config: Container) -> None:
    destinations = Destinations(config)
    put(config, exports__newsletter=build.EXPORT)
    assert destinations.export("newsletter").enabled
    put(config, exports__newsletter=build.EXPORT | {"enabled": False})
    assert not destinations.export("newsletter").enabled


class Watched(Container):
    """Knows which blobs were read."""

    reads: list[str]

    def read(self, name: str, *, etag: str | None = None) -> Blob:
        self.reads.append(name)
        return super().read(name, etag=etag)


def test_only_documents_that_changed_are_read_again(config: Container) -> None:
    watched = Watched(lambda: config.client)
    watched.reads = []
    destinations = Destinations(watched)
    put(config, exports__one=build.EXPORT, exports__two=build.EXPORT)
    destinations.exports()
    assert watched.reads == ["exports/one.json", "exports/two.json"]
    put(config, exports__two=build.EXPORT | {"enabled": False})
    found, _ = destinations.exports()
    assert [(export.id, export.enabled) for export in found] == [("one", True), ("two", False)]
    assert watched.reads[2:] == ["exports/two.json"]


@pytest.mark.parametrize("document_id", ["none", "../exports/newsletter", "News", "", "x" * 64])
def test_what_is_not_there_is_not_found(config: Container, document_id: str) -> None:
    put(config, exports__newsletter=build.EXPORT)
    destinations = Destinations(config)
    with pytest.raises(NotFound):
        destinations.export(document_id)
    with pytest.raises(NotFound):
        destinations.connection(document_id)


def test_an_export_alone_is_no_connection(config: Container) -> None:
    put(config, exports__newsletter=build.EXPORT)
    with pytest.raises(NotFound, match=r"connections/newsletter\.json"):
        Destinations(config).connection("newsletter")


def test_an_empty_container_holds_nothing(config: Container) -> None:
    destinations = Destinations(config)
    assert destinations.exports() == ([], [])
    assert destinations.connections() == ([], [])
    assert destinations.exports_of("HighValueCustomers") == []


def test_bad_documents_hide_no_good_ones_and_are_told(config: Container) -> None:
    put(
        config,
        exports__a=build.EXPORT,
        exports__a_b=build.EXPORT,
        exports__c=b"{",
        exports__d=build.EXPORT | {"list_id": "abc"},
        exports__e=b" " * (MAX_BYTES + 1),
        exports__f=build.EXPORT,
        exports__sub__g=build.EXPORT,
        connections__x=b"[]",
        connections__y=build.CONNECTION,
    )
    config.write("exports/readme.md", b"notes of the team")
    destinations = Destinations(config)
    exports, invalid = destinations.exports()
    assert [export.id for export in exports] == ["a", "a-b", "f"]
    names = ["exports/c.json", "exports/d.json", "exports/e.json", "exports/sub/g.json"]
    assert [error.name for error in invalid] == names
    assert invalid[2].problems == ("is larger than 256 KiB",)
    connections, invalid = destinations.connections()
    assert [connection.id for connection in connections] == ["y"]
    assert [error.name for error in invalid] == ["connections/x.json"]


def test_a_document_that_is_asked_for_says_what_is_wrong(config: Container) -> None:
    put(config, exports__newsletter=build.EXPORT | {"segments": []}, connections__marketing=b"")
    with pytest.raises(InvalidDocument, match="segments: is empty"):
        Destinations(config).export("newsletter")
    with pytest.raises(InvalidDocument, match="is not JSON"):
        Destinations(config).connection("marketing")


def test_the_exports_of_a_segment(config: Container) -> None:
    put(
        config,
        exports__one=build.EXPORT | {"segments": ["A", "B"]},
        exports__two=build.EXPORT | {"segments": ["B"], "enabled": False},
        exports__three=build.EXPORT | {"segments": ["AB"]},
        exports__bad=b"",
    )
    destinations = Destinations(config)
    assert [export.id for export in destinations.exports_of("B")] == ["one", "two"]
    assert [export.id for export in destinations.exports_of("A")] == ["one"]
    assert [export.id for export in destinations.exports_of("AB", "A")] == ["one", "three"]


def test_a_destination_in_one_document_is_found_as_both(config: Container) -> None:
    put(config, exports__spring=build.DESTINATION, connections__zoo=build.CONNECTION)
    destinations = Destinations(config)
    assert destinations.export("spring").connection == "spring"
    assert destinations.connection("spring").api_key_secret == "sendgrid-marketing"
    assert [connection.id for connection in destinations.connections()[0]] == ["spring", "zoo"]


def test_a_destination_whose_connection_exists_already_is_refused(config: Container) -> None:
    other = build.CONNECTION | {"api_key_secret": "another-account"}
    put(config, exports__spring=build.DESTINATION, connections__spring=other)
    destinations = Destinations(config)
    with pytest.raises(InvalidDocument, match="one of the same id exists; rename"):
        destinations.export("spring")
    assert destinations.connection("spring").api_key_secret == "another-account"
    assert destinations.exports()[0] == []
    assert [connection.id for connection in destinations.connections()[0]] == ["spring"]
