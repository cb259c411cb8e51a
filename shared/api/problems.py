"""Errors as RFC 9457 problems: `application/problem+json`."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

import azure.functions as func

from shared.errors import Conflict, ExportError, InvalidDocument, NotFound, RetryLater, RunFailed

log = logging.getLogger(__name__)

Handler = Callable[[func.HttpRequest], func.HttpResponse]

_STATUS: dict[type[ExportError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InvalidDocument: HTTPStatus.CONFLICT,  # the request is right, what it is about is not
    RetryLater: HTTPStatus.SERVICE_UNAVAILABLE,
    RunFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class BadRequest(ExportError):
    """The request cannot be carried out as it stands; `field` names the part of it that is wrong."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, code="bad_request")
        self.field = field


def problem(status: HTTPStatus, error: ExportError) -> func.HttpResponse:
    """An error as a response."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": error.message}
    body |= {"code": error.code} | ({"advice": error.advice} if error.advice else {})
    if isinstance(error, BadRequest):
        body["field"] = error.field
    headers = {"Retry-After": str(round(error.retry_after))} if isinstance(error, RetryLater) else {}
    return func.HttpResponse(
        json.dumps(body), status_code=status.value, mimetype="application/problem+json", headers=headers
    )


def answered(handler: Handler) -> Handler:
    """Let a handler raise: what it raises on purpose becomes a problem, anything else a 500 that tells nothing."""

    @wraps(handler)
    def answer(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return handler(req)
        except BadRequest as error:
            return problem(HTTPStatus.BAD_REQUEST, error)
        except ExportError as error:
            status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
            if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.error("%s: %s", error.code, error.message)
            return problem(status or HTTPStatus.INTERNAL_SERVER_ERROR, error)

    return answer
