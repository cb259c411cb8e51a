"""Errors as RFC 9457 problems: `application/problem+json`."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import azure.functions as func

from shared import telemetry
from shared.api.roles import AuthNotConfigured, NotAllowed, NotSignedIn
from shared.errors import (
    Conflict,
    ExportError,
    InvalidDocument,
    NotFound,
    RetryLater,
    RunFailed,
    RunSkipped,
    UnreadableSegment,
)
from shared.telemetry import Event

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a body, or one parameter, as a sentence."""

    field: str
    detail: str


class BadRequest(ExportError):
    """The request cannot be carried out as it stands; `errors` name each part of it that is wrong."""

    def __init__(self, errors: Sequence[FieldError], *, code: str = "bad_request", advice: str = "") -> None:
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in errors), code=code, advice=advice)
        self.errors = tuple(errors)

    @classmethod
    def of(cls, field: str, detail: str) -> "BadRequest":
        return cls([FieldError(field, detail)])


class CrossSite(ExportError):
    """Another site's page makes somebody's browser send this."""


class NotJson(ExportError):
    """The body's media type is not JSON."""


class ConditionMissing(ExportError):
    """A write that does not say which version it is based on."""


class ConditionFailed(ExportError):
    """A write that is based on another version than the current one, which somebody else has written."""

    def __init__(self, message: str, *, updated_at: datetime | None, updated_by: str | None) -> None:
        advice = "Read it again, and make your change to that version."
        super().__init__(message, code="condition_failed", advice=advice)
        self.updated_at, self.updated_by = updated_at, updated_by


class InUse(ExportError):
    """What is to be removed is still used, by those named."""

    def __init__(self, message: str, *, used_by: Sequence[str], advice: str) -> None:
        super().__init__(message, code="in_use", advice=advice)
        self.used_by = tuple(used_by)


_STATUS: dict[type[ExportError], HTTPStatus] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    NotSignedIn: HTTPStatus.UNAUTHORIZED,
    NotAllowed: HTTPStatus.FORBIDDEN,
    CrossSite: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InUse: HTTPStatus.CONFLICT,
    InvalidDocument: HTTPStatus.CONFLICT,  # the request is right, what it is about is not
    UnreadableSegment: HTTPStatus.CONFLICT,
    RunSkipped: HTTPStatus.CONFLICT,
    ConditionFailed: HTTPStatus.PRECONDITION_FAILED,
    NotJson: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ConditionMissing: HTTPStatus.PRECONDITION_REQUIRED,
    AuthNotConfigured: HTTPStatus.SERVICE_UNAVAILABLE,
    RetryLater: HTTPStatus.SERVICE_UNAVAILABLE,
    RunFailed: HTTPStatus.BAD_GATEWAY,  # storage, vault or SendGrid said no
}


def response(error: ExportError) -> func.HttpResponse:
    """An error that was raised on purpose, as a response."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
    if status is None or error.code == "invalid_setting":
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        telemetry.error(Event.CALL_FAILED, code=error.code, message=error.message, status=status.value)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": error.message,
    }
    body |= {"code": error.code} | ({"advice": error.advice} if error.advice else {})
    if isinstance(error, BadRequest):
        body["field"] = error.errors[0].field
        body["errors"] = [{"field": each.field, "detail": each.detail} for each in error.errors]
    if isinstance(error, InUse):
        body["used_by"] = list(error.used_by)
    if isinstance(error, ConditionFailed) and error.updated_at:
        body |= {"updated_at": error.updated_at.isoformat(), "updated_by": error.updated_by}
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if isinstance(error, RetryLater):
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    return func.HttpResponse(json.dumps(body), status_code=status.value, mimetype=MEDIA_TYPE, headers=headers)


def internal(place: str) -> func.HttpResponse:
    """A fault of ours, which tells nothing but where: texts of exceptions may quote rows."""
    telemetry.error(Event.INTERNAL_ERROR, place=place)
    advice = "This is a fault of the app. Look at its log around this time, and report it."
    return response(ExportError("the app failed to answer", code="internal_error", advice=advice))


def refused(document: InvalidDocument) -> BadRequest:
    """A document that somebody sends and that cannot be stored, with its sentences by field."""
    return BadRequest(by_field(document.problems), code="invalid_document")


def by_field(sentences: Iterable[str]) -> list[FieldError]:
    """`mapping.email: is missing; …` as field and detail. What is about the whole document has the field `body`."""
    return [_field_error(sentence) for sentence in sentences]


_SENTENCE = re.compile(r"(?P<field>(?!(?:holds|is) )[^'\"]{1,300}?): (?P<detail>.+)", re.DOTALL)


def _field_error(sentence: str) -> FieldError:
    found = _SENTENCE.fullmatch(sentence)
    return FieldError(found["field"], found["detail"]) if found else FieldError("body", sentence)
