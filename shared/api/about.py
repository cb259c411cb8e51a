"""The app itself: whether it is up, who calls, when a schedule comes, and what the API is."""

import json
from typing import TYPE_CHECKING

from shared import __version__
from shared.api.endpoint import VIEWS, Answer, Call, Parameter, endpoint
from shared.api.problems import BadRequest
from shared.api.roles import Role
from shared.app import app

if TYPE_CHECKING:
    from shared.destinations.models import Export

TIMES = 5


@endpoint("health", "GET", "health", role=None, answers={200: f"{VIEWS}:Health"})
def health(call: Call) -> Answer:  # noqa: ARG001 -- every handler is given the call
    """Say that the app is up and its settings can be read. Touches no other service."""
    app()
    return Answer({"status": "ok", "version": __version__})


@endpoint("get_me", "GET", "me", role=Role.VIEWER, answers={200: f"{VIEWS}:Me"})
def get_me(call: Call) -> Answer:
    """Say who calls, with which role, and what the app's defaults are."""
    settings = app().settings
    return Answer(
        {
            "name": call.principal.name,
            "role": call.principal.role.word,
            "auth_mode": settings.auth_mode,
            "app": {"version": __version__},
            "defaults": {"schedule": settings.default_schedule, "timezone": settings.default_timezone},
        }
    )


@endpoint(
    "get_schedule",
    "GET",
    "schedule",
    role=Role.VIEWER,
    query=(
        Parameter("schedule", "default, off, or a cron expression of five fields", required=True),
        Parameter("timezone", "an IANA time zone such as Europe/Athens; the app's if not given"),
    ),
    answers={200: f"{VIEWS}:ScheduleView"},
    problems=(400,),
)
def get_schedule(call: Call) -> Answer:
    """Give the next five times of a schedule."""
    from shared.api.sentence import sentence
    from shared.destinations.schedule import next_times

    settings = app().settings
    export = _scheduled(str(call.query("schedule")), call.query("timezone") or None)
    cron = settings.default_schedule if export.schedule == "default" else export.schedule
    times = next_times(
        export,
        after=call.services.now(),
        count=TIMES,
        default_schedule=settings.default_schedule,
        default_timezone=settings.default_timezone,
    )
    said = sentence(cron, export.timezone or settings.default_timezone)
    return Answer({"next": [time.isoformat() for time in times], "sentence": said})


@endpoint("get_openapi", "GET", "openapi.json", role=Role.VIEWER, answers={200: "application/json"})
def get_openapi(call: Call) -> Answer:  # noqa: ARG001 -- every handler is given the call
    """Describe this API: OpenAPI 3.1."""
    from shared.api.openapi import document

    return Answer(json.dumps(document(), ensure_ascii=False).encode())


def _scheduled(schedule: str, timezone: str | None) -> "Export":
    """An export that has nothing but a schedule. BadRequest names the part of it that is wrong."""
    from shared.api import problems
    from shared.destinations.documents import read_destination
    from shared.errors import InvalidDocument

    document = {
        "display_name": "schedule",
        "connection": "any",
        "list_id": "00000000-0000-0000-0000-000000000000",
        "segments": ["any"],
        "mapping": {"email": "any"},
        "schedule": schedule,
        "timezone": timezone,
    }
    try:
        return read_destination("any", json.dumps(document).encode()).export
    except InvalidDocument as error:
        errors = problems.by_field(error.problems)
        raise BadRequest(errors, code="invalid_schedule") from error
