"""openapi.json: OpenAPI 3.1, made from the declarations beside the routes and from the models they name."""

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from shared import __version__
from shared.api.endpoint import ROUTES, VIEWS, Parameter, Route, find
from shared.api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from pydantic import BaseModel

Schema = dict[str, Any]
_Key: TypeAlias = "tuple[type[BaseModel], Literal['validation', 'serialization']]"

_PARAMETER = re.compile(r"\{\*?([a-z_]+)\}")
_PATH_WORDS = {
    "connection_id": "the id of a connection",
    "export_id": "the id of an export",
    "run_id": "the id of a run",
    "erasure_id": "the id of an erasure",
    "name": "the name of a segment",
    "file": "the name of a file",
}
_HEADER_WORDS = {
    "ETag": "the version of what is given",
    "Location": "where to look at what was begun",
    "Retry-After": "seconds after which to look",
}
_REF = "#/components/schemas/"


def document() -> Schema:
    """The whole description, as JSON has it."""
    from pydantic.json_schema import models_json_schema

    taken = sorted({route.body for route in ROUTES if route.body})
    given = sorted({answer for route in ROUTES for answer in route.answers.values() if ":" in answer})
    inputs: list[_Key] = [(model, "validation") for model in find(taken)]
    outputs: list[_Key] = [(model, "serialization") for model in find([*given, f"{VIEWS}:Problem"])]
    references, schemas = models_json_schema([*inputs, *outputs], ref_template=f"{_REF}{{model}}")
    components = schemas.get("$defs", {})
    bodies = dict(zip(taken, (references[key] for key in inputs), strict=True))
    answers = dict(zip(given, (references[key] for key in outputs[:-1]), strict=True))
    for schema in bodies.values():
        _name_in_path(components[schema["$ref"].removeprefix(_REF)])
    paths: dict[str, Schema] = {}
    for route in ROUTES:
        path = "/" + route.path.replace("{*", "{")
        problem = {"$ref": references[outputs[-1]]["$ref"]}
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, bodies, answers, problem)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Segments to SendGrid",
            "version": __version__,
            "description": "Keeps SendGrid lists equal to segments that land in Azure Blob Storage.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"key": []}, {"signed_in": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "signed_in": {
                    "type": "openIdConnect",
                    "openIdConnectUrl": "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
                },
            },
        },
    }


def statuses(route: Route) -> list[int]:
    """Every status that the route's own code answers with."""
    own = {*route.answers, *route.problems}  # 500 is never meant
    if route.role is not None:
        own |= {401, 403, 503}
    if route.role is not None and route.path not in {"me", "consent-text", "openapi.json"}:
        own |= {502}  # storage, the vault or SendGrid refuses
    if route.method != "GET":
        own |= {403}
    if route.body:
        own |= {400, 415}
    if route.query:
        own |= {400}
    if route.condition:
        own |= {412, 428}
    return sorted(own)


def _operation(route: Route, bodies: dict[str, Schema], answers: dict[str, Schema], problem: Schema) -> Schema:
    operation: Schema = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"Role: {route.role.word if route.role else 'anybody'}.",
        "parameters": _parameters(route),
        "responses": {str(status): _response(route, status, answers, problem) for status in statuses(route)},
    }
    if route.role is None:
        operation["security"] = []
    if route.body:
        content = {"application/json": {"schema": bodies[route.body]}}
        operation["requestBody"] = {"required": not route.body_optional, "content": content}
    return operation


def _parameters(route: Route) -> list[Schema]:
    text: Schema = {"type": "string", "minLength": 1}
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "description": _PATH_WORDS[name], "schema": text}
        for name in _PARAMETER.findall(route.path)
    ]
    found += [_query(parameter) for parameter in route.query]
    if route.condition:
        words = "the ETag that the change is based on, or * for any; without it 428"
        found.append({"name": "If-Match", "in": "header", "description": words, "schema": {"type": "string"}})
    if route.condition == "either":
        words = "* to create, in place of If-Match"
        found.append({"name": "If-None-Match", "in": "header", "description": words, "schema": {"type": "string"}})
    return found


def _query(parameter: Parameter) -> Schema:
    schema: Schema = {"type": "string"}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.number:
        schema = {"type": "integer", "minimum": parameter.number[0], "maximum": parameter.number[1]}
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema,
    }


def _response(route: Route, status: int, answers: dict[str, Schema], problem: Schema) -> Schema:
    phrase = HTTPStatus(status).phrase
    if status == HTTPStatus.UNAUTHORIZED:  # without a key the host itself answers, with no body
        return {
            "description": "Nobody has signed in, or the key is missing.",
            "content": {MEDIA_TYPE: {"schema": problem}},
        }
    if status not in route.answers:
        return {"description": phrase, "content": {MEDIA_TYPE: {"schema": problem}}}
    headers = [name for name in ("ETag", *route.headers) if status < HTTPStatus.BAD_REQUEST]
    response: Schema = {
        "description": phrase,
        "headers": {name: {"description": _HEADER_WORDS[name], "schema": {"type": "string"}} for name in headers},
    }
    answer = route.answers[status]
    if ":" in answer:
        response["content"] = {"application/json": {"schema": answers[answer]}}
    elif answer:
        response["content"] = {answer: {}}
    return response


def _name_in_path(schema: Schema) -> None:
    """A document in a body need not say its id."""
    if "id" in schema.get("required", ()):
        schema["required"].remove("id")
