"""From a document's bytes to its model, or to an InvalidDocument that has one sentence for each thing to mend.

Messages name the field, the value given and what is expected; never a key or an address. `$schema` is allowed and
ignored, and so is `version` if this app knows it; `id` may stand there if it is the document's own name. An export
document that has the connection's keys (`api_key_secret`, …) instead of `connection` is a Customer Insights "export
destination" of the first generation: connection and export in one, both with the document's id, and both with its name
unless it gives the connection's own.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.destinations import sentences
from shared.destinations.forms import Slug
from shared.destinations.models import Connection, Document, Export
from shared.destinations.redaction import MAX_DEPTH, keys_in, path_text, shown, walk
from shared.errors import InvalidDocument

CONNECTIONS, EXPORTS, SUFFIX = "connections/", "exports/", ".json"
VERSION = 1  # of both documents
MAX_BYTES = 256 * 1024
TOO_LARGE = f"is larger than {MAX_BYTES // 1024} KiB"
CONNECTION_ONLY = frozenset(Connection.model_fields) - frozenset(Export.model_fields)
SHARED_KEYS = frozenset(Connection.model_fields) & frozenset(Export.model_fields)
OWN_NAME = "connection_display_name"  # the connection's display_name, in a document that is its export, too

Model = TypeVar("Model", bound=Document)

_SLUG = TypeAdapter[str](Slug)


@dataclass(frozen=True, slots=True)
class Destination:
    """What an export document holds: the export, and its connection too if the document is both."""

    export: Export
    connection: Connection | None = None


def connection_name(connection_id: str) -> str:
    return f"{CONNECTIONS}{connection_id}{SUFFIX}"


def export_name(export_id: str) -> str:
    return f"{EXPORTS}{export_id}{SUFFIX}"


def is_id(text: str) -> bool:
    """Whether a text can be the id of a connection or an export."""
    try:
        _SLUG.validate_python(text)
    except ValidationError:
        return False
    return True


def is_both(given: Mapping[str, Any]) -> bool:
    """Whether an export's document is its connection, too."""
    return "connection" not in given and not CONNECTION_ONLY.isdisjoint(given)


def read_connection(connection_id: str, content: bytes) -> Connection:
    """The connection that a document describes. InvalidDocument if it does not."""
    name = connection_name(connection_id)
    given = _object(name, connection_id, content)
    problems: list[str] = []
    connection = _model(Connection, connection_id, given, problems)
    return _sound(name, connection, problems)


def read_destination(export_id: str, content: bytes) -> Destination:
    """The export that a document describes, and its connection if it has one of its own. InvalidDocument if not."""
    name = export_name(export_id)
    given = _object(name, export_id, content)
    problems: list[str] = []
    if not is_both(given):
        return Destination(_sound(name, _model(Export, export_id, given, problems), problems))
    own = {key: value for key, value in given.items() if key in CONNECTION_ONLY | SHARED_KEYS}
    rest = {key: value for key, value in given.items() if key not in CONNECTION_ONLY | {OWN_NAME}}
    export = _model(Export, export_id, rest | {"connection": export_id}, problems)
    named = {"display_name": given[OWN_NAME]} if OWN_NAME in given else {}
    found: list[str] = []
    connection = _model(Connection, export_id, own | named, found)
    problems += [re.sub("^display_name(?=:)", OWN_NAME, sentence) if named else sentence for sentence in found]
    return Destination(_sound(name, export, problems), _sound(name, connection, problems))


def _sound(name: str, model: Model | None, problems: list[str]) -> Model:
    if model is None or problems:
        raise InvalidDocument(name, list(dict.fromkeys(problems)))  # halves of a destination share keys
    return model


def _model(model: type[Model], document_id: str, given: dict[str, Any], problems: list[str]) -> Model | None:
    """The model, or None and what is wrong added to `problems`."""
    keys = keys_in(given)
    problems += [
        f"{path_text(path)}: holds an API key; store it in Key Vault and give the secret's name in api_key_secret"
        for path in keys
    ]
    if given.get("id", document_id) != document_id:
        problems.append(f"id: {shown(given['id'])} is not the document's name, {document_id!r}; leave the key out")
    try:
        # As JSON, because strictness then knows that JSON has no tuples and no dates.
        return model.model_validate_json(json.dumps(given | {"id": document_id}))
    except ValidationError as error:
        problems += [
            sentence
            for path, sentence in sentences.about(model, error)
            if not any(path == key[: len(path)] or key == path[: len(key)] for key in keys)
        ]
        return None


def _object(name: str, document_id: str, content: bytes) -> dict[str, Any]:
    """The JSON object in the document, without `$schema` and `version`."""
    if not is_id(document_id):
        raise InvalidDocument(
            name, [f"{shown(document_id)} cannot be an id; rename it with 1 to 63 of a-z, 0-9 and -, no hyphen first"]
        )
    repeated: list[str] = []

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                repeated.append(f"{path_text((key,))}: stands twice in the same object; keep one")
            found[key] = value
        return found

    given = _parsed(name, content, as_object)
    if not isinstance(given, dict):
        raise InvalidDocument(name, [f"holds {shown(given)}, not an object; begin with {{ and end with }}"])
    if repeated:
        raise InvalidDocument(name, repeated)
    if any(len(path) > MAX_DEPTH for path, _ in walk(given)):
        raise InvalidDocument(name, [f"is nested more than {MAX_DEPTH} levels deep"])
    given.pop("$schema", None)
    version = given.pop("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise InvalidDocument(
            name,
            [f"version: {shown(version)} is not a version that this app knows; give {VERSION}, or leave the key out"],
        )
    return given


def _parsed(name: str, content: bytes, as_object: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> Any:
    if len(content) > MAX_BYTES:
        raise InvalidDocument(name, [TOO_LARGE])
    try:
        given = json.loads(content.decode("utf-8-sig"), object_pairs_hook=as_object)
        json.dumps(given, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
    except UnicodeEncodeError:
        problem = r"holds half of a character, an escape such as \ud83d without its other half"
    except json.JSONDecodeError as error:
        problem = f"is not JSON ({error.msg.lower()} at line {error.lineno}, column {error.colno})"
    except ValueError:
        problem = "holds a number that is too long"
    except RecursionError:
        problem = "is nested too deeply"
    else:
        return given
    raise InvalidDocument(name, [problem])
