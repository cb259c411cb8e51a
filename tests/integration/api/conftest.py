"""The API by method and path, as the host would route it, in both of its ways to know who calls."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.host.routes import Router
from local.host.worker import Function
from local.stack import Stack
from tests.integration.functions.conftest import Answer, Runtime

Document = dict[str, Any]

ANY = {"if-match": "*"}
NEW = {"if-none-match": "*"}


class Api:
    """One process of the app. `headers` go with every request, and those of a call come on top of them."""

    def __init__(self, runtime: Runtime, headers: Mapping[str, str] | None = None) -> None:
        self.runtime = runtime
        self.headers = dict(headers or {})
        self.triggers = {n: each for n, each in runtime.functions().items() if each["type"] == "httpTrigger"}
        self._router = Router([Function(name, name, trigger) for name, trigger in self.triggers.items()], "api")

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **changes: Any
    ) -> Answer:
        """`path` begins with a slash, without /api. `body` becomes JSON unless it is bytes."""
        found = self._router.find(method, urlsplit(f"/api{path}").path)
        assert found, f"no route for {method} {path}"
        function, params = found
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.runtime.http(
            function.name,
            method,
            f"/api{path}",
            params=params,
            body=content,
            headers=self.headers | dict(headers or {}),
            **changes,
        )

    def get(self, path: str) -> Document:
        answer = self("GET", path)
        assert answer.status == 200, answer.body
        return answer.json()


def principal(*roles: str, name: str = "somebody@contoso.example", provider: str = "aad") -> dict[str, str]:
    """The header that App Service sets for somebody who has signed in."""
    claims = [{"typ": "preferred_username", "val": name}, *({"typ": "roles", "val": role} for role in roles)]
    told = {"auth_typ": provider, "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return {"x-ms-client-principal": base64.b64encode(json.dumps(told).encode()).decode()}


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    with Stack(start_host=False, settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        yield stack


@pytest.fixture(scope="package")
def key_runtime(stack: Stack) -> Iterator[Runtime]:
    runtime = Runtime(stack)
    yield runtime
    runtime.close()


@pytest.fixture(scope="package")
def entra_runtime(stack: Stack) -> Iterator[Runtime]:
    runtime = Runtime(stack, AUTH_MODE="entra", WEBSITE_AUTH_ENABLED="True")
    yield runtime
    runtime.close()


@pytest.fixture(scope="package")
def api(key_runtime: Runtime) -> Api:
    """Called with a function key."""
    return Api(key_runtime)


@pytest.fixture(scope="package")
def administrator(entra_runtime: Runtime) -> Api:
    return Api(entra_runtime, principal("administrator", name="admin@contoso.example"))


@pytest.fixture(scope="package")
def contributor(entra_runtime: Runtime) -> Api:
    return Api(entra_runtime, principal("contributor", name="contributor@contoso.example"))


@pytest.fixture(scope="package")
def viewer(entra_runtime: Runtime) -> Api:
    return Api(entra_runtime, principal("viewer", name="viewer@contoso.example"))


@pytest.fixture
def fresh() -> str:
    """A word that no other test uses, with a letter first: a file whose name is a number is a part of something."""
    return f"t{uuid.uuid4().hex[:8]}"


def export_of(connection: str | None, list_id: str, **more: Any) -> Document:
    """An export's document."""
    return {
        "display_name": "Newsletter",
        "connection": connection,
        "list_id": list_id,
        "segments": ["People"],
        "mapping": {"email": "EMail"},
        "schedule": "off",
        **more,
    }


def assert_problem(answer: Answer, status: int, **members: Any) -> None:
    """RFC 9457, with the members given."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert {name: problem.get(name) for name in members} == members
