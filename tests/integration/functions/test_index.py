"""What the runtime library finds in function_app.py, and announces to the host: the contract of names and bindings."""

from tests.integration.functions.conftest import Runtime


def test_the_runtime_finds_exactly_the_functions_of_the_contract(runtime: Runtime) -> None:
    others = {name: each["type"] for name, each in runtime.functions().items() if each["type"] != "httpTrigger"}
    assert others == {
        "segment_landed": "blobTrigger",
        "scheduled_refresh": "timerTrigger",
        "process_run": "queueTrigger",
    }


def test_segment_landed_is_bound_to_a_blob_client_of_the_segments_container(runtime: Runtime) -> None:
    trigger = runtime.functions()["segment_landed"]
    assert trigger["path"] == "%SEGMENTS_CONTAINER%/{name}"
    assert trigger["connection"] == "SegmentStorage"
    assert trigger["source"] == "LogsAndContainerScan"  # BLOB_TRIGGER_SOURCE of the test's settings
    assert str(trigger["properties"]["SupportsDeferredBinding"]) == "True"  # the host sends no content


def test_scheduled_refresh_keeps_the_clock_of_its_setting(runtime: Runtime) -> None:
    trigger = runtime.functions()["scheduled_refresh"]
    assert trigger["schedule"] == "%REFRESH_SCHEDULE%"
    assert trigger["runOnStartup"] is False
    assert trigger["useMonitor"] is True


def test_process_run_reads_the_queue_of_the_contract(runtime: Runtime) -> None:
    trigger = runtime.functions()["process_run"]
    assert (trigger["queueName"], trigger["connection"]) == ("export-runs", "AzureWebJobsStorage")


def test_routes_methods_and_keys_of_the_http_functions(runtime: Runtime) -> None:
    http = {name: each for name, each in runtime.functions().items() if each["type"] == "httpTrigger"}
    assert {(*each["methods"], each["route"]): name for name, each in http.items()} == {
        ("GET", "health"): "health",
        ("GET", "me"): "get_me",
        ("GET", "schedule"): "get_schedule",
        ("GET", "openapi.json"): "get_openapi",
        ("GET", "console/{*file}"): "console",
        ("GET", "consent-text"): "get_consent_text",
        ("GET", "connections"): "list_connections",
        ("GET", "connections/{connection_id}"): "get_connection",
        ("PUT", "connections/{connection_id}"): "put_connection",
        ("DELETE", "connections/{connection_id}"): "delete_connection",
        ("POST", "connections/{connection_id}/check"): "check_connection",
        ("POST", "connections/{connection_id}/consent"): "give_consent",
        ("DELETE", "connections/{connection_id}/consent"): "withdraw_consent",
        ("GET", "connections/{connection_id}/lists"): "list_lists",
        ("GET", "connections/{connection_id}/fields"): "list_fields",
        ("POST", "erasures"): "start_erasure",
        ("GET", "erasures"): "list_erasures",
        ("GET", "erasures/{erasure_id}"): "get_erasure",
        ("GET", "exports"): "list_exports",
        ("GET", "exports/{export_id}"): "get_export",
        ("PUT", "exports/{export_id}"): "put_export",
        ("DELETE", "exports/{export_id}"): "delete_export",
        ("POST", "exports/{export_id}/runs"): "start_run",
        ("GET", "exports/{export_id}/runs"): "list_runs",
        ("GET", "runs"): "list_all_runs",
        ("POST", "runs"): "start_all_runs",
        ("GET", "runs/{run_id}"): "get_run",
        ("POST", "runs/{run_id}/cancel"): "cancel_run",
        ("GET", "runs/{run_id}/report"): "get_report",
        ("GET", "runs/{run_id}/reasons"): "get_reasons",
        ("GET", "segments"): "list_segments",
        ("GET", "segments/{name}/columns"): "get_columns",
        ("POST", "segments/{name}/preview"): "preview_segment",
    }
    anonymous = {name for name, each in http.items() if each["authLevel"].lower() == "anonymous"}
    assert anonymous == {"health", "console"}
    assert {each["authLevel"].lower() for each in http.values()} == {"anonymous", "function"}
