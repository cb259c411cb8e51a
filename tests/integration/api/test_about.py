"""The app's own routes: schedule, description, page, and what every answer has."""

import pytest

from local.stack import Stack
from shared.api.console import FOLDER
from shared.api.routes import ROUTES
from tests.integration.api.conftest import Api, assert_problem, principal
from tests.integration.functions.conftest import Runtime


def test_the_next_five_times_are_in_the_zone_that_was_asked_for(api: Api) -> None:
    found = api.get("/schedule?schedule=30+6+*+*+1-5&timezone=Europe/Athens")
    assert len(found["next"]) == 5
    assert all(time[11:16] == "06:30" for time in found["next"])
    assert found["next"] == sorted(found["next"])
    assert found["sentence"] == "Every weekday at 06:30, Europe/Athens"
    assert api.get("/schedule?schedule=off")["next"] == []
    assert api.get("/schedule?schedule=default")["sentence"] == "Every day at 05:00, UTC"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("schedule=often", "schedule"),
        ("schedule=0+0+30+2+*", "schedule"),
        ("schedule=default&timezone=Mars", "timezone"),
        ("", "schedule"),
    ],
)
def test_a_schedule_that_is_none_is_a_problem_that_names_the_part(api: Api, query: str, field: str) -> None:
    assert_problem(api("GET", f"/schedule?{query}"), 400, field=field)


def test_the_description_has_every_route_and_says_who_may_call_it(viewer: Api) -> None:
    described = viewer.get("/openapi.json")
    assert described["openapi"].startswith("3.1")
    operations = {
        operation["operationId"]: operation for path in described["paths"].values() for operation in path.values()
    }
    assert operations.keys() == {route.name for route in ROUTES}
    assert operations["check_connection"]["description"] == "Role: administrator."
    assert all(operation["summary"].endswith(".") for operation in operations.values())


def test_data_is_kept_in_no_cache_and_has_a_version(api: Api, stack: Stack) -> None:
    stack.put_connection("cached")
    for path in ("/me", "/connections", "/connections/cached", "/exports", "/runs", "/segments", "/openapi.json"):
        headers = api("GET", path).headers
        assert headers["cache-control"] == "no-store", path
        assert headers["etag"], path
        assert headers["x-content-type-options"] == "nosniff", path


def test_an_answer_tells_nothing_of_what_went_wrong_inside(stack: Stack) -> None:
    """The app's settings are broken here; the same goes for every error that nobody expects."""
    runtime = Runtime(stack, AUTH_MODE="entra", WEBSITE_AUTH_ENABLED="True", DATA_CONTAINER_PREFIX="no container/")
    try:
        answer = Api(runtime, principal("administrator"))("GET", "/exports")
    finally:
        runtime.close()
    assert answer.status >= 500
    assert_problem(answer, answer.status)
    assert "Traceback" not in answer.body


def test_the_page_is_served_as_what_it_is_with_a_policy_that_forbids_everything_else(api: Api) -> None:
    for path in ("/console", "/console/", "/console/index.html"):
        answer = api("GET", path)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml"), (".txt", "text/plain")],
)
def test_every_file_of_the_page_has_its_type(api: Api, suffix: str, kind: str) -> None:
    files = sorted(path for path in FOLDER.rglob(f"*{suffix}"))
    for path in files:
        answer = api("GET", f"/console/{path.relative_to(FOLDER).as_posix()}")
        assert (answer.status, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert answer.body == path.read_text(encoding="utf-8")


def test_a_file_that_the_browser_has_is_not_sent_again(api: Api) -> None:
    etag = api("GET", "/console").headers["etag"]
    again = api("GET", "/console", headers={"if-none-match": etag})
    assert (again.status, again.body) == (304, "")
    assert api("GET", "/console", headers={"if-none-match": '"other"'}).status == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "x%00.js", "x" * 5000 + ".js", ".", "..\\views.py", "/etc/passwd", "//etc/passwd"]
)
@pytest.mark.parametrize("prefix", ["", "../", "..%2F", "%2e%2e/"])
def test_nothing_else_is_served(api: Api, prefix: str, name: str) -> None:
    assert_problem(api("GET", f"/console/{prefix}{name}"), 404, code="not_found")
