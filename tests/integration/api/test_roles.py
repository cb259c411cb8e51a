"""Who may call what: every route that is registered, with every role, and with headers that anybody can forge."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack import Stack
from shared.api.roles import Role
from shared.api.routes import ROUTES
from tests.integration.api.conftest import NEW, Api, assert_problem, principal
from tests.integration.functions.conftest import Runtime

Document = dict[str, Any]
OPEN = {"health", "console"}
BY_ROLE = {
    Role.NONE: (),
    Role.VIEWER: ("viewer",),
    Role.CONTRIBUTOR: ("contributor",),
    Role.ADMINISTRATOR: ("administrator",),
}


@pytest.fixture(scope="module")
def entra(entra_runtime: Runtime) -> Api:
    return Api(entra_runtime)


@pytest.fixture(scope="module")
def unguarded(stack: Stack) -> Iterator[Api]:
    """The app with AUTH_MODE=entra where nobody has turned App Service authentication on."""
    runtime = Runtime(stack, AUTH_MODE="entra")
    yield Api(runtime)
    runtime.close()


def path_of(route: str) -> str:
    return "/" + route.replace("{*file}", "index.html").replace("{", "no-such-").replace("}", "")


def test_every_route_that_is_registered_is_declared_with_a_role(api: Api) -> None:
    assert {route.name for route in ROUTES} == api.triggers.keys()
    assert {route.name for route in ROUTES if route.role is None} == OPEN


def test_with_keys_the_host_asks_for_one_everywhere_but_at_what_is_open(api: Api) -> None:
    levels = {name: trigger["authLevel"].lower() for name, trigger in api.triggers.items()}
    assert levels == {name: "anonymous" if name in OPEN else "function" for name in levels}


def test_with_entra_the_host_leaves_it_to_the_app(entra: Api) -> None:
    assert {trigger["authLevel"].lower() for trigger in entra.triggers.values()} == {"anonymous"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_is_closed_to_smaller_roles_and_open_to_its_own(entra: Api, route: Any) -> None:
    for role, claims in BY_ROLE.items():
        answer = entra(route.method, path_of(route.path), headers=principal(*claims))
        refused = answer.status == 403 and answer.json()["code"] in {"no_role", "role_too_small"}
        assert refused == (route.role is not None and role < route.role), (role, answer.body)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.role is not None], ids=lambda route: route.name)
def test_nobody_in_particular_is_asked_to_sign_in(entra: Api, route: Any) -> None:
    assert_problem(entra(route.method, path_of(route.path)), 401, code="not_signed_in")


@pytest.mark.parametrize("route", [each for each in ROUTES if each.role is not None], ids=lambda route: route.name)
def test_a_forged_principal_counts_for_nothing_while_the_platform_does_not_check(unguarded: Api, route: Any) -> None:
    answer = unguarded(route.method, path_of(route.path), headers=principal("administrator"))
    assert_problem(answer, 503, code="auth_not_configured")


def test_health_and_the_page_answer_whatever_the_platform_does(unguarded: Api) -> None:
    assert unguarded("GET", "/health").status == 200
    assert unguarded("GET", "/console/icon.svg").status == 200


def test_with_a_key_a_forged_principal_changes_nothing(api: Api) -> None:
    answer = api("GET", "/me", headers=principal("viewer", name="mallory@evil.example"))
    assert (answer.json()["name"], answer.json()["role"]) == ("function key", "administrator")


def test_me_says_who_calls_and_the_greatest_of_several_roles(entra: Api) -> None:
    me = entra("GET", "/me", headers=principal("viewer", "contributor", name="ada@contoso.example")).json()
    assert (me["name"], me["role"], me["auth_mode"]) == ("ada@contoso.example", "contributor", "entra")


@pytest.mark.parametrize(
    "header",
    [
        "no base64!",
        base64.b64encode(b"no json").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(json.dumps({"auth_typ": "aad", "claims": "administrator"}).encode()).decode(),
        base64.b64encode(json.dumps({"claims": [{"typ": "roles", "val": "administrator"}]}).encode()).decode(),
        principal("administrator", provider="github")["x-ms-client-principal"],
    ],
)
def test_a_principal_that_is_none_of_microsofts_is_nobody(entra: Api, header: str) -> None:
    assert_problem(entra("GET", "/me", headers={"x-ms-client-principal": header}), 401, code="not_signed_in")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://app.example.evil.example", "sec-fetch-site": "same-origin"},
    ],
)
@pytest.mark.parametrize("method_and_path", [("POST", "/runs"), ("DELETE", "/exports/any"), ("PUT", "/exports/any")])
def test_another_sites_page_changes_nothing(
    administrator: Api, headers: dict[str, str], method_and_path: tuple[str, str]
) -> None:
    assert_problem(administrator(*method_and_path, headers=headers), 403, code="cross_site")


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "same-origin", "origin": "https://app.example"}, {"sec-fetch-site": "none"}, {}]
)
def test_the_apps_own_page_and_programs_may(administrator: Api, headers: dict[str, str]) -> None:
    assert administrator("POST", "/runs", headers=headers).status == 202


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_that_a_form_could_send_is_refused(administrator: Api, media_type: str) -> None:
    answer = administrator("PUT", "/exports/any", b"{}", {**NEW, "content-type": media_type})
    assert_problem(answer, 415, code="not_json")
