"""Routes, keys, settings and host.json, as the real host reads them."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.host.config import HostError, HostJson, QueueSettings, connection_string, read_settings, resolve, time_span
from local.host.routes import Keys, Route, Router
from local.host.worker import Function

ROOT = Path(__file__).parents[3]


def function(name: str, route: str | None = None, **trigger: Any) -> Function:
    return Function(name, name, {"type": "httpTrigger", "route": route, **trigger})


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("runs/{id}", "/api/runs/x", {"id": "x"}),
        ("runs/{id}", "/api/runs/a%2Fb%20c", {"id": "a/b c"}),
        ("runs/{id}", "/api/runs", None),
        ("runs/{id}", "/api/runs/x/y", None),
        ("runs/{id?}", "/api/runs", {}),
        ("runs/{id:guid}", "/api/runs/x", {"id": "x"}),
        ("files/{*path}", "/api/files/a/b.csv", {"path": "a/b.csv"}),
        ("Runs", "/API/runs/", {}),
        (None, "/api/fn", {}),
        ("runs", "/runs", None),
    ],
)
def test_a_route_template(route: str | None, path: str, expected: dict[str, str] | None) -> None:
    assert Route.of(function("fn", route), "api").match("GET", path) == expected


def test_fixed_text_comes_before_a_parameter_and_that_before_a_catch_all() -> None:
    router = Router([function("all", "{*rest}"), function("one", "runs/{id}"), function("fixed", "runs/new")], "api")
    found = [router.find("GET", path) for path in ("/api/runs/new", "/api/runs/7", "/api/other/7")]
    assert [each and each[0].name for each in found] == ["fixed", "one", "all"]


def test_the_same_route_may_have_a_function_per_method() -> None:
    router = Router([function("get", "x", methods=["GET"]), function("put", "x", methods=["PUT"])], "api")
    found = [router.find(method, "/api/x") for method in ("GET", "PUT", "POST")]
    assert [each and each[0].name for each in found] == ["get", "put", None]


def test_a_route_that_the_host_does_not_know_is_refused() -> None:
    with pytest.raises(HostError, match="fn: this host does not know the route part"):
        Route.of(function("fn", "runs/{id}.json"), "api")


@pytest.mark.parametrize(
    ("level", "key", "admitted"),
    [
        ("ANONYMOUS", None, True),
        ("FUNCTION", None, False),
        ("FUNCTION", "default", True),
        ("FUNCTION", "master", True),
        ("FUNCTION", "", False),
        ("ADMIN", "default", False),
        ("ADMIN", "master", True),
        (None, None, False),
    ],
)
def test_which_key_opens_which_level(level: str | None, key: str | None, admitted: bool) -> None:
    given = {} if key is None else {"code": key}
    assert Keys("default", "master").admit(function("fn", authLevel=level), {}, given) is admitted


def test_settings_in_binding_expressions_are_resolved() -> None:
    assert resolve("%A%/{name}-%B%", {"A": "x", "B": "y"}, where="fn.path") == "x/{name}-y"


def test_a_setting_that_is_not_there_is_named() -> None:
    with pytest.raises(HostError, match=r"fn\.path: '%A%' does not resolve to a value"):
        resolve("%A%/{name}", {}, where="fn.path")


def test_development_storage_is_azurite_on_its_own_ports() -> None:
    text = connection_string("S", {"S": "UseDevelopmentStorage=true"}, where="fn")
    assert "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;" in text
    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;" in text


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"Values": {"A": 1}}', '{"Values": []}'])
def test_a_settings_file_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "local.settings.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(HostError, match=r"local\.settings\.json"):
        read_settings(path)


def test_host_json_defaults_are_the_real_hosts(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}', encoding="utf-8")
    assert HostJson.read(tmp_path / "host.json") == HostJson(route_prefix="api", queues=QueueSettings())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": "1.0"}', '{"version": "2.0", "extensions": 1}'])
def test_a_host_json_that_cannot_be_used_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "host.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(HostError, match=r"host\.json"):
        HostJson.read(path)


def test_a_new_batch_threshold_that_is_not_given_is_half_the_batch() -> None:
    assert QueueSettings.read({"batchSize": 10}).new_batch_threshold == 5


def test_a_time_span_is_seconds() -> None:
    assert time_span("01:02:03.5") == 3723.5


def test_the_apps_own_host_json_takes_one_run_at_a_time_and_speaks_base64() -> None:
    queues = HostJson.read(ROOT / "host.json").queues
    assert (queues.batch_size, queues.new_batch_threshold, queues.base64) == (1, 0, True)
    assert queues.visibility_timeout >= 60  # or five failures in a row would poison a message within a second


def test_the_sample_settings_are_enough_for_the_app() -> None:
    from shared.settings import Settings

    sample = read_settings(ROOT / "local.settings.sample.json")
    settings = Settings.from_environment({**sample, "KEY_VAULT_URL": "https://contoso.vault.azure.net"})
    assert settings.segments_container == "segments"
    assert json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["IsEncrypted"] is False
