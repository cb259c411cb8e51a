"""The way to storage itself: the API's own functions, called in this process instead of over HTTP.

Who may read and write the storage account decides what can be done; nobody signs in to the app.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import azure.functions as func

from shared.api import problems, routes
from shared.api.endpoint import Answer, Call, Route
from shared.api.roles import Principal, Role
from shared.app import App, install
from shared.cli.service import Reply
from shared.errors import ExportError
from shared.settings import Settings

_HERE = Principal("command line", Role.ADMINISTRATOR)
_MODULES = (routes.connections, routes.exports, routes.runs)


def way(environment: Mapping[str, str]) -> "_InProcess":
    """ExportError with code `invalid_setting` if the environment lacks the app's settings."""
    # In documents that come from a folder, consent is whoever's it was: there is no caller to compare it with.
    install(App(dataclasses.replace(Settings.from_environment(environment), auth_mode="key")))
    return _InProcess()


class _InProcess:
    def __call__(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        parts = urlsplit(path)
        route, values = _find(method, parts.path)
        request = func.HttpRequest(
            method=method,
            url=f"https://localhost/api/{path}",
            headers=dict(headers),
            params=dict(parse_qsl(parts.query)),
            route_params=values,
            body=body,
        )
        try:
            return _reply(_handler(route)(Call(request, route, _HERE)))
        except ExportError as error:
            told = problems.response(error)
            return Reply(told.status_code, told.get_body())


def _find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    for route in routes.ROUTES:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)
        found = re.fullmatch(pattern, path) if route.method == method else None
        if found:
            return route, {name: unquote(value) for name, value in found.groupdict().items()}
    raise LookupError(f"{method} {path} is no route")  # a fault of ours


def _handler(route: Route) -> Any:
    return next(getattr(module, route.name) for module in _MODULES if hasattr(module, route.name))


def _reply(answer: Answer) -> Reply:
    content = answer.content
    if hasattr(content, "model_dump_json"):
        content = content.model_dump_json().encode()
    elif not isinstance(content, bytes):
        content = json.dumps(content).encode()
    return Reply(answer.status.value, content)
