"""A folder of documents, as somebody keeps it in a repository: `connections/*.json` and `exports/*.json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.destinations.documents import (
    CONNECTIONS,
    EXPORTS,
    MAX_BYTES,
    SUFFIX,
    TOO_LARGE,
    connection_name,
    read_connection,
    read_destination,
)
from shared.destinations.editing import consent_in
from shared.destinations.models import Connection, Export
from shared.errors import InvalidDocument


@dataclass(frozen=True, slots=True)
class Kept:
    """One document: its name such as `exports/newsletter.json`, its bytes, and what they say, defaults included.

    An export that is its own connection has both halves.
    """

    name: str
    content: bytes
    export: Export | None = None
    connection: Connection | None = None

    @property
    def says_nothing_of_consent(self) -> bool:
        return consent_in(self.content) is ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is to be mended in a file, as a sentence that begins with the field if it is about one."""

    file: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Folder:
    """Connections first. Nothing may be written from a folder that has troubles."""

    documents: list[Kept]
    troubles: list[Trouble]


def read(folder: Path) -> Folder:
    """Every document of the folder, and everything that is wrong. Other files are left alone."""
    documents: list[Kept] = []
    troubles: list[Trouble] = []
    for place in (CONNECTIONS, EXPORTS):
        for path in sorted((folder / place).glob(f"*{SUFFIX}")):
            name = f"{place}{path.name}"
            try:
                documents.append(_document(place, path))
            except InvalidDocument as error:
                troubles += [Trouble(name, sentence) for sentence in error.problems]
            except OSError as error:
                troubles.append(Trouble(name, f"cannot be read ({error.strerror})"))
    if not documents and not troubles:  # a mistyped folder must not count as one from which all was removed
        troubles.append(Trouble("", f"the folder has no document: none in {CONNECTIONS} and none in {EXPORTS}"))
    return Folder(documents, troubles + _twins(documents))


def _document(place: str, path: Path) -> Kept:
    name = f"{place}{path.name}"
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InvalidDocument(name, [TOO_LARGE])
    document_id = path.name.removesuffix(SUFFIX)
    if place == CONNECTIONS:
        return Kept(name, content, connection=read_connection(document_id, content))
    destination = read_destination(document_id, content)
    return Kept(name, content, destination.export, destination.connection)


def _twins(documents: list[Kept]) -> list[Trouble]:
    """Exports that are connections too, beside a connection of the same id."""
    names = {document.name for document in documents}
    return [
        Trouble(document.name, f"api_key_secret: makes this a connection too, and {other} exists; keep one of them")
        for document in documents
        if document.export and document.connection and (other := connection_name(document.connection.id)) in names
    ]


def dumped(model: Connection | Export) -> dict[str, Any]:
    """A document with every default, so that leaving a default out is no difference."""
    return model.model_dump(mode="json", exclude={"id"})
