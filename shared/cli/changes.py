"""What would have to be written so that what is stored equals the folder, and how that looks to people."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Literal

from shared.cli.folder import Kept, dumped
from shared.cli.service import Document, Stored
from shared.destinations.documents import connection_name, export_name
from shared.destinations.models import Connection, Export
from shared.destinations.redaction import looks_like_key

Action = Literal["create", "replace", "delete"]
Halves = dict[str, Document]  # `connection` and `export`, those that a document has

_HIDDEN = "(not shown)"


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `etag` names the version it is based on; `diff` is what people are asked about."""

    name: str
    action: Action
    diff: str
    etag: str | None = None
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Left:
    """A document that is not touched, and why. `blocks`: the folder has it, so it cannot be applied."""

    name: str
    reason: str
    blocks: bool = False


def compare(documents: Iterable[Kept], stored: Stored, *, prune: bool) -> tuple[list[Change], list[Left]]:
    """The writes in their order: connections, exports, then removals with exports before connections."""
    documents = list(documents)
    changes: list[Change] = []
    left: list[Left] = []
    for document in documents:
        if document.name in stored.unreadable:
            reason = "what is stored cannot be read, so it cannot be shown; mend or remove it in the config container"
            left.append(Left(document.name, reason, blocks=True))
        elif document.export is None and document.connection and document.connection.id in stored.hidden:
            reason = "only its name is shown to you; ask an administrator to apply it"
            left.append(Left(document.name, reason, blocks=True))
        elif change := _written(document, stored):
            changes.append(change)
    if prune:
        removed, kept = _pruned(documents, stored)
        changes += removed
        left += kept
    return changes, left


def _written(document: Kept, stored: Stored) -> Change | None:
    before, etag = _stored_halves(document, stored)
    after = _halves(document)
    if "connection" in before and document.export is None and document.says_nothing_of_consent:
        after["connection"]["consent"] = before["connection"]["consent"]  # as the API does
    if before == after:
        return None
    action: Action = "replace" if etag else "create"
    return Change(document.name, action, _diff(document.name, before, after), etag, document.content)


def _halves(document: Kept) -> Halves:
    found = {"connection": document.connection, "export": document.export}
    return {half: dumped(model) for half, model in found.items() if model}


def _stored_halves(document: Kept, stored: Stored) -> tuple[Halves, str | None]:
    """The halves that the document would replace, and the ETag of the document that they are in."""
    found: Halves = {}
    etag = None
    if document.connection and (view := stored.connections.get(document.connection.id)):
        found["connection"], etag = _said(Connection, view), view["etag"]
    if document.export:
        export = stored.exports.get(document.export.id)
        etag = export["etag"] if export else None
        if export:
            found["export"] = _said(Export, export)
    return found, etag


def _said(model: type[Connection | Export], view: Document) -> Document:
    """The document in a view of it."""
    known = {name: value for name, value in view.items() if name in model.model_fields}
    return dumped(model.model_validate_json(json.dumps(known)))


def _pruned(documents: list[Kept], stored: Stored) -> tuple[list[Change], list[Left]]:
    exports = {document.export.id: document.export.connection for document in documents if document.export}
    connections = {document.connection.id for document in documents if document.connection}
    changes: list[Change] = []
    for export_id, view in stored.exports.items():
        if export_id not in exports:
            name = export_name(export_id)
            changes.append(Change(name, "delete", _diff(name, {"export": _said(Export, view)}, {}), view["etag"]))
    left = [
        Left(name, "it cannot be read, and is not removed unseen")
        for name in stored.unreadable
        if name not in {document.name for document in documents}
    ]
    gone_with_exports = {change.etag for change in changes}  # halves of documents that are both
    for connection_id, view in stored.connections.items():
        name = connection_name(connection_id)
        users = sorted(export_id for export_id, connection in exports.items() if connection == connection_id)
        if connection_id in connections or view["etag"] in gone_with_exports:
            continue
        if users:
            left.append(Left(name, f"it is used by {', '.join(users)}"))
        else:
            before = {"connection": _said(Connection, view)}
            changes.append(Change(name, "delete", _diff(name, before, {}), view["etag"]))
    return changes, left


def _diff(name: str, before: Halves, after: Halves) -> str:
    """A unified diff of JSON in which nothing personal stands; a hidden value that differs says so."""
    old, new = _lines(_masked(before, before)), _lines(_masked(after, before))
    return "\n".join(
        unified_diff(
            old,
            new,
            fromfile=f"stored/{name}" if before else "/dev/null",
            tofile=f"folder/{name}" if after else "/dev/null",
            lineterm="",
        )
    )


def _lines(halves: Halves) -> list[str]:
    if not halves:
        return []
    document = halves if len(halves) > 1 else next(iter(halves.values()))
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


def _masked(value: Any, other: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        others = other if isinstance(other, dict) else {}
        return {
            _HIDDEN if _is_private(key) else key: _masked(inner, others.get(key), key) for key, inner in value.items()
        }
    if isinstance(value, list):
        known = other if isinstance(other, list) else []
        return [_masked(inner, inner if inner in known else None) for inner in value]
    if isinstance(value, str) and (name == "agreed_by" or _is_private(value)):
        return _HIDDEN if value == other else f"{_HIDDEN} (another)"
    return value


def _is_private(text: str) -> bool:
    return "@" in text or looks_like_key(text)
