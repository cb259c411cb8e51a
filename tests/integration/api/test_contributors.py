"""What is shared with contributors, and what is not."""

import pytest

from local.stack import Stack
from tests.integration.api.conftest import ANY, NEW, Api, assert_problem, export_of


@pytest.fixture(scope="module")
def list_id(stack: Stack) -> str:
    stack.put_connection("shared-one", allowed_roles=["admin", "contributor"])
    stack.put_connection("closed-one")
    list_id = stack.sendgrid.create_list("Shared")
    for connection in ("shared-one", "closed-one"):
        document = export_of(connection, list_id)
        stack.put_config(f"exports/over-{connection}.json", document)
    return list_id


@pytest.mark.usefixtures("list_id")
def test_they_see_names_of_connections_only(contributor: Api, viewer: Api) -> None:
    for caller, permissions in ((contributor, ["none", "use"]), (viewer, ["none", "none"])):
        listed = {each["id"]: each for each in caller.get("/connections")["connections"]}
        for connection_id, permission in zip(("closed-one", "shared-one"), permissions, strict=True):
            assert listed[connection_id] == {
                "id": connection_id,
                "display_name": connection_id.title(),
                "type": "SendGrid",
                "permission": permission,
            }
            assert caller.get(f"/connections/{connection_id}") == listed[connection_id]


@pytest.mark.usefixtures("list_id")
def test_they_look_only_into_accounts_that_are_shared(contributor: Api) -> None:
    for part in ("lists", "fields"):
        assert contributor("GET", f"/connections/shared-one/{part}").status == 200
        assert_problem(contributor("GET", f"/connections/closed-one/{part}"), 403, code="not_shared")


def test_they_put_exports_over_shared_connections_only(contributor: Api, list_id: str, fresh: str) -> None:
    mine = f"/exports/mine-{fresh}"
    assert contributor("PUT", mine, export_of("shared-one", list_id), NEW).status == 201
    assert_problem(contributor("PUT", mine, export_of("closed-one", list_id), ANY), 403, code="not_shared")
    assert contributor("PUT", mine, export_of(None, list_id), ANY).status == 200
    assert contributor("PUT", mine, export_of("shared-one", list_id), ANY).status == 200
    assert contributor("DELETE", mine, headers=ANY).status == 204


def test_they_change_run_and_stop_only_what_is_shared(contributor: Api, administrator: Api, list_id: str) -> None:
    run = administrator("POST", "/exports/over-closed-one/runs").json()["run_id"]
    refused = [
        contributor("PUT", "/exports/over-closed-one", export_of("shared-one", list_id), ANY),
        contributor("DELETE", "/exports/over-closed-one", headers=ANY),
        contributor("DELETE", "/exports/over-closed-one?members=remove", headers=ANY),
        contributor("POST", "/exports/over-closed-one/runs"),
        contributor("POST", f"/runs/{run}/cancel"),
        contributor("GET", f"/runs/{run}/report"),
    ]
    for answer in refused:
        assert_problem(answer, 403, code="not_shared")
    started = contributor("POST", "/exports/over-shared-one/runs")
    assert started.status == 202
    assert started.json()["submitted_by"] == "contributor@contoso.example"
    assert contributor("POST", f"/runs/{started.json()['run_id']}/cancel").status == 202


@pytest.mark.usefixtures("list_id")
def test_exports_say_what_each_may_do_with_them(contributor: Api, viewer: Api, administrator: Api) -> None:
    for caller, closed, shared in (
        (viewer, "view", "view"),
        (contributor, "view", "edit"),
        (administrator,) + ("edit",) * 2,
    ):
        permissions = {each["id"]: each["permission"] for each in caller.get("/exports")["exports"]}
        assert (permissions["over-closed-one"], permissions["over-shared-one"]) == (closed, shared)


def test_they_make_no_connection_of_an_export(contributor: Api, list_id: str, fresh: str) -> None:
    both = export_of(None, list_id) | {"api_key_secret": "sendgrid-any"}
    del both["connection"]
    assert_problem(contributor("PUT", f"/exports/both-{fresh}", both, NEW), 403, code="role_too_small")
