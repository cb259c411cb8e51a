"""Segments that have landed: what there is, which columns they have, and what contacts their rows would become."""

from typing import TYPE_CHECKING, Any

from shared.api.endpoint import VIEWS, Answer, Call, endpoint
from shared.api.roles import Role, need_permission
from shared.errors import Conflict, NotFound

if TYPE_CHECKING:
    from shared.segments.snapshot import Incomplete, Snapshot


@endpoint("list_segments", "GET", "segments", role=Role.VIEWER, answers={200: f"{VIEWS}:Segments"})
def list_segments(call: Call) -> Answer:
    """List the segments that have landed, or begun to, with their rows, size and age."""
    from shared.api.counting import count_rows
    from shared.segments.landing import known_segments
    from shared.segments.snapshot import Snapshot

    services = call.services
    exports = services.destinations.exports()[0]
    found = known_segments(services.storage.segments)
    counts = count_rows(services.storage.segments, [each for each in found if isinstance(each, Snapshot)])
    segments = [
        _view(each, counts.get(each.segment), [export.id for export in exports if each.segment in export.segments])
        for each in found
    ]
    return Answer({"segments": segments})


@endpoint(
    "get_columns",
    "GET",
    "segments/{name}/columns",
    role=Role.CONTRIBUTOR,
    answers={200: f"{VIEWS}:Columns"},
    problems=(404, 409),
)
def get_columns(call: Call) -> Answer:
    """List a segment's columns with masked values, and suggest which to map."""
    from shared.api.preview import columns
    from shared.api.suggestions import suggest

    found = columns(call.services.storage.segments, _snapshot(call))
    types = {column.name: column.type for column in found if column.type}
    listed = [{"name": column.name, "type": column.type or "text", "sample": column.sample} for column in found]
    return Answer({"columns": listed, "suggestions": suggest([column.name for column in found], types)})


@endpoint(
    "preview_segment",
    "POST",
    "segments/{name}/preview",
    role=Role.CONTRIBUTOR,
    body=f"{VIEWS}:PreviewWish",
    answers={200: f"{VIEWS}:Preview"},
    problems=(404, 409, 502),
)
def preview_segment(call: Call) -> Answer:
    """Show five masked contacts as SendGrid would get them, by the mapping in the body. Sends nothing."""
    from shared.api.preview import preview
    from shared.api.views import PreviewWish
    from shared.contacts.mapping import CustomField, FieldType

    wish = call.body(PreviewWish)
    snapshot = _snapshot(call)
    defined: list[CustomField] = []
    if wish.connection and wish.mapping.custom_fields:
        connection = call.services.destinations.connection(wish.connection)
        need_permission(call.principal.may_use(connection), f"connection {connection.id}")
        fields = call.services.sendgrid(connection, lambda: None).field_definitions()
        defined = [CustomField(e.id, e.name, FieldType(e.field_type)) for e in fields if not e.reserved]
    shown = preview(call.services.storage.segments, snapshot, wish, defined)
    return Answer({"contacts": shown.contacts, "rows_looked_at": shown.rows_looked_at, "problems": shown.problems})


def _snapshot(call: Call) -> "Snapshot":
    """The segment's newest complete snapshot. NotFound, Conflict, UnreadableSegment."""
    from shared.segments import landing
    from shared.segments.snapshot import Incomplete

    name = call.path("name")
    found = landing.latest(call.services.storage.segments, name)
    if found is None:
        raise NotFound(f"segment {name[:100]!r} has not landed", code="not_found")
    if isinstance(found, Incomplete):
        raise Conflict(
            f"segment {name} has not landed completely: {found.reason}",
            code="segment_incomplete",
            advice="Look again when the rest has arrived.",
        )
    return found


def _view(found: "Snapshot | Incomplete", rows: "tuple[int, bool] | None", used_by: list[str]) -> dict[str, Any]:
    from shared.segments import beginning
    from shared.segments.snapshot import Incomplete

    facts: dict[str, Any] = {"name": found.segment, "landed_at": found.landed_at.isoformat(), "used_by": used_by}
    if isinstance(found, Incomplete):
        nothing: dict[str, Any] = dict.fromkeys(("rows", "rows_are", "produced_at", "format"))
        return facts | nothing | {"state": "incomplete", "reason": found.reason, "bytes": 0, "files": 0}
    return facts | {
        "state": "complete",
        "reason": found.newer_incomplete.reason if found.newer_incomplete else None,
        "rows": rows[0] if rows else None,
        "rows_are": ("counted" if rows[1] else "estimated") if rows else None,
        "bytes": sum(file.size for file in found.files),
        "files": len(found.files),
        "produced_at": found.produced_at.isoformat(),
        "format": beginning.word(found.files[0].format) if found.files else None,
    }
