"""One HTTP route as one declaration: its path, who may call it, what it takes and what it answers.

`endpoint` registers the function with the host and keeps the declaration, which `openapi` describes. The answer's
schema and the body's are named as text, `module:Model`, because models cost pydantic, which a cold start can do
without. Around every handler: who calls and with what role, whether another site's page sends this, the media type of
the body, and errors as problems.
"""

import hashlib
import json
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

import azure.functions as func

from shared.api import problems
from shared.api.problems import BadRequest, CrossSite, NotJson
from shared.api.roles import Principal, Role, need, principal_of
from shared.app import app
from shared.errors import ExportError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shared.runs.services import Services

    Model = TypeVar("Model", bound=BaseModel)

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]

Method = Literal["GET", "PUT", "POST", "DELETE"]
VIEWS = "shared.api.views"
LARGEST_BODY = 1024 * 1024  # bytes; documents end at a quarter of that


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query. `choices`: the only values that it may have."""

    name: str
    description: str
    choices: tuple[str, ...] = ()
    required: bool = False
    number: tuple[int, int] | None = None  # a whole number from … to …


@dataclass(frozen=True, slots=True)
class Route:
    """What is said of a route beside its code.

    role        the least that may call it; None: anybody, without a key too
    body        `module:Model` of the JSON that it takes
    answers     status -> `module:Model` of the JSON that it gives, or a media type, or "" for no body
    problems    statuses of problems besides those that every route may have
    condition   the write needs If-Match: `existing`; or If-Match or If-None-Match: `either`
    """

    name: str
    method: Method
    path: str
    role: Role | None
    summary: str
    body: str | None = None
    body_optional: bool = False
    query: tuple[Parameter, ...] = ()
    answers: Mapping[int, str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()
    condition: Literal["existing", "either"] | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler gives back: JSON of `content` unless that is bytes already."""

    content: Any = b""
    status: HTTPStatus = HTTPStatus.OK
    etag: str | None = None  # of what is stored; without one it is made from the content
    headers: Mapping[str, str] = field(default_factory=dict)
    mimetype: str = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, by somebody who may make it."""

    request: func.HttpRequest
    route: Route
    principal: Principal

    @property
    def services(self) -> "Services":
        return app().services

    @property
    def headers(self) -> Mapping[str, str]:
        return cast("Mapping[str, str]", self.request.headers)

    def path(self, name: str) -> str:
        """A parameter of the route."""
        return str(self.request.route_params.get(name, ""))

    def query(self, name: str) -> str | None:
        """A parameter of the query; BadRequest if it is not one of its choices."""
        given = self.request.params.get(name)
        parameter = next(each for each in self.route.query if each.name == name)
        if given is None and parameter.required:
            raise BadRequest.of(name, "is missing")
        if given is not None and parameter.choices and given not in parameter.choices:
            raise BadRequest.of(name, f"is {given[:50]!r}; give {' or '.join(parameter.choices)}")
        return None if given is None else str(given)

    def number(self, name: str, default: int) -> int:
        """A whole number of the query; BadRequest if it is none or out of its range."""
        text = self.request.params.get(name, str(default))
        least, most = next(each.number for each in self.route.query if each.name == name) or (0, 0)
        if not (text.isascii() and text.isdecimal()) or not least <= int(text[:12]) <= most:
            raise BadRequest.of(name, f"is {text[:20]!r}; give a number from {least} to {most}")
        return int(text)

    def json(self) -> bytes:
        """The body as it came."""
        return bytes(self.request.get_body())

    def body(self, model: "type[Model]") -> "Model":
        """The body as a model. BadRequest names every field that is wrong."""
        from pydantic import ValidationError
        from pydantic_core import from_json

        from shared.destinations import sentences
        from shared.destinations.redaction import path_text

        try:
            given = from_json(self.json().strip() or b"{}")
        except ValueError as error:
            raise BadRequest.of("body", "is not JSON") from error
        if not isinstance(given, dict):
            raise BadRequest.of("body", "is not a JSON object")
        try:
            return model.model_validate_json(json.dumps(given))
        except ValidationError as error:
            found = [
                problems.FieldError(path_text(path), sentence.removeprefix(f"{path_text(path)}: "))
                for path, sentence in sentences.about(model, error)
            ]
            raise BadRequest(found or [problems.FieldError("body", "is not what is expected")]) from None


Handler = Callable[[Call], Answer]

ROUTES: list[Route] = []

# Decided when the functions are indexed: with Entra ID it is App Service that looks at who comes.
_LEVEL = func.AuthLevel.ANONYMOUS if os.environ.get("AUTH_MODE") == "entra" else func.AuthLevel.FUNCTION


def endpoint(
    name: str,
    method: Method,
    path: str,
    *,
    role: Role | None,
    answers: Mapping[int, str],
    **more: Any,
) -> Callable[[Handler], Handler]:
    """Register a handler as the function `name`. Its docstring's first line is the route's summary."""

    def register(handler: Handler) -> Handler:
        summary = (handler.__doc__ or "").strip().split("\n")[0]
        route = Route(name=name, method=method, path=path, role=role, summary=summary, answers=answers, **more)
        ROUTES.append(route)

        def function(req: func.HttpRequest) -> func.HttpResponse:
            return _answer(route, handler, req)

        function.__name__ = name
        function.__doc__ = handler.__doc__
        level = func.AuthLevel.ANONYMOUS if role is None else _LEVEL
        with_route = blueprint.route(path, methods=[method], auth_level=level)
        blueprint.function_name(name)(with_route(function))
        return handler

    return register


def _answer(route: Route, handler: Handler, req: func.HttpRequest) -> func.HttpResponse:
    """Let a handler raise: what it raises on purpose becomes a problem, anything else a 500 that tells nothing."""
    try:
        principal = _admitted(route, req)
        if route.method != "GET":
            _refuse_other_sites(req)
        if route.body:
            _check_body(req)
        return _response(handler(Call(req, route, principal)))
    except ExportError as error:
        return problems.response(error)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the answer must not tell it
        place = traceback.extract_tb(error.__traceback__)[-1]
        return problems.internal(f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}")


def _admitted(route: Route, req: func.HttpRequest) -> Principal:
    if route.role is None:
        return Principal("anybody", Role.NONE)
    principal = principal_of(app().settings.auth_mode, cast("Mapping[str, str]", req.headers), os.environ)
    need(principal, route.role)
    return principal


def _refuse_other_sites(req: func.HttpRequest) -> None:
    """A browser says where a request comes from, and a page cannot make it say otherwise."""
    site, origin = req.headers.get("sec-fetch-site"), req.headers.get("origin")
    host = req.headers.get("host") or urlsplit(req.url).netloc
    foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    if foreign or site not in {None, "same-origin", "none"}:
        raise CrossSite(
            "another site's page asks for this",
            code="cross_site",
            advice="Use the console of this app, or a program that is no browser.",
        )


def _check_body(req: func.HttpRequest) -> None:
    body = req.get_body()
    if len(body) > LARGEST_BODY:
        raise BadRequest.of("body", f"is larger than {LARGEST_BODY // 1024} KiB")
    if not body.strip():
        return
    media_type = (req.headers.get("content-type") or "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise NotJson("the body's Content-Type is not application/json", code="not_json")


def _response(answer: Answer) -> func.HttpResponse:
    content = answer.content
    body = content if isinstance(content, bytes) else _json(content)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **answer.headers}
    if answer.etag is not None:
        headers["ETag"] = f'"{answer.etag}"'
    elif body:
        headers.setdefault("ETag", f'W/"{hashlib.sha256(body).hexdigest()[:16]}"')
    return func.HttpResponse(body, status_code=answer.status.value, mimetype=answer.mimetype, headers=headers)


def _json(content: Any) -> bytes:
    if hasattr(content, "model_dump_json"):
        return bytes(content.model_dump_json().encode())
    return json.dumps(content, ensure_ascii=False).encode()


def location(path: str, *, seconds: int | None = None) -> dict[str, str]:
    """Headers that say where to look, and after how many seconds."""
    return {"Location": f"/api/{path}"} | ({"Retry-After": str(seconds)} if seconds else {})


def find(models: Sequence[str]) -> "list[type[BaseModel]]":
    """Models by their `module:Name`."""
    from importlib import import_module

    return [getattr(import_module(module), name) for module, name in (each.split(":") for each in models)]
