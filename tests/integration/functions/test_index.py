"""What the runtime library finds in function_app.py, and announces to the host: the contract of names and bindings."""

from tests.integration.functions.conftest import Runtime


def test_the_runtime_finds_exactly_the_functions_of_the_contract(runtime: Runtime) -> None:
    assert {name: trigger["type"] for name, trigger in runtime.functions().items()} == {
        "segment_landed": "blobTrigger",
        "scheduled_refresh": "timerTrigger",
        "process_run": "queueTrigger",
        "start_run": "httpTrigger",
        "list_runs": "httpTrigger",
        "get_run": "httpTrigger",
        "cancel_run": "httpTrigger",
        "health": "httpTrigger",
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
    assert {name: (each["route"], each["methods"], each["authLevel"].lower()) for name, each in http.items()} == {
        "start_run": ("exports/{export_id}/runs", ["POST"], "function"),
        "list_runs": ("exports/{export_id}/runs", ["GET"], "function"),
        "get_run": ("runs/{run_id}", ["GET"], "function"),
        "cancel_run": ("runs/{run_id}/cancel", ["POST"], "function"),
        "health": ("health", ["GET"], "anonymous"),
    }
