"""Where the app runs, and on what."""

import json
import re
from datetime import timedelta
from typing import Any

from shared.contacts import engine
from shared.runs import sweep
from tests.unit.infra.templates import ROOT, load, modules, resources
from tests.unit.infra.test_settings import deployed

SITE = resources("app/function.bicep")["app"]["config"]["properties"]["functionAppConfig"]


def test_the_plan_is_flex_consumption_on_linux() -> None:
    plan = resources("app/function.bicep")["plan"]["config"]
    assert plan["sku"] == {"tier": "FlexConsumption", "name": "FC1"}
    assert plan["properties"] == {"reserved": True}


def test_the_python_that_is_deployed_is_the_one_that_is_tested_first() -> None:
    setup = re.search(r"for version in (\S+)", (ROOT / "local/setup.sh").read_text())
    assert setup
    assert SITE["runtime"] == {"name": "python", "version": setup[1]}


def instance_sizes() -> list[int]:
    decorators = load("main.bicep")["parameters"]["instanceMemoryMB"]["decorators"]
    sizes: list[int] = next(decorator["argument"] for decorator in decorators if decorator["type"] == "allowed")
    return sizes


def test_memory_and_instances_can_be_chosen_within_what_flex_offers() -> None:
    parameters = load("main.bicep")["parameters"]
    limits = {
        name: {decorator["type"]: decorator["argument"] for decorator in parameters[name]["decorators"]}
        for name in ("instanceMemoryMB", "maximumInstanceCount")
    }
    assert limits["instanceMemoryMB"]["allowed"] == [512, 2048, 4096]
    assert parameters["instanceMemoryMB"]["default"] in limits["instanceMemoryMB"]["allowed"]
    assert (limits["maximumInstanceCount"]["min_value"], limits["maximumInstanceCount"]["max_value"]) == (1, 1000)
    given = modules("main.bicep")["app"]["config"]["params"]
    assert {name: given[name] for name in limits} == {name: name for name in limits}
    assert SITE["scaleAndConcurrency"] == {name: name for name in limits}


def test_the_package_is_fetched_with_the_apps_identity() -> None:
    storage = SITE["deployment"]["storage"]
    assert storage["type"] == "blobContainer"
    assert storage["value"] == "${hostStorage.properties.primaryEndpoints.blob}${packageContainer}"
    assert storage["authentication"]["type"] == "UserAssignedIdentity"


HOST = json.loads((ROOT / "host.json").read_text())


def seconds(text: str) -> float:
    hours, minutes, rest = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=rest).total_seconds()


def test_an_instance_works_on_one_run_at_a_time() -> None:
    """Its memory and disk are for one plan; more runs make more instances."""
    queues: dict[str, Any] = HOST["extensions"]["queues"]
    assert (queues["batchSize"], queues["newBatchThreshold"]) == (1, 0)


def test_a_slice_is_over_long_before_the_host_stops_it() -> None:
    limit = seconds(HOST["functionTimeout"])
    assert int(deployed()["RUN_SLICE_SECONDS"]) * 2 <= limit
    assert limit <= 10 * 60  # the longest that the Consumption plan allows; Flex and Premium would take any


def test_a_message_whose_instance_died_comes_back_before_the_run_counts_as_stuck() -> None:
    """The host renews what it hides; this is what is left to wait for when it cannot."""
    assert seconds(HOST["extensions"]["queues"]["visibilityTimeout"]) < sweep.ORPHAN_AFTER.total_seconds()


def test_the_worker_takes_no_more_than_half_of_the_smallest_instance() -> None:
    """The other half is the Functions host's. What the worker takes besides: shared/contacts/engine.py."""
    smallest = min(instance_sizes())
    interpreter, beside_the_limit, in_flight = 80, 40, 20
    assert engine.MEMORY_LIMIT // engine.MIB + interpreter + beside_the_limit + in_flight <= smallest // 2


def test_log_lines_that_alerts_wait_for_are_not_sampled_away() -> None:
    sampling = HOST["logging"]["applicationInsights"]["samplingSettings"]
    assert {"Trace", "Request", "Exception"} <= set(sampling["excludedTypes"].split(";"))
    assert HOST["logging"]["logLevel"]["default"] == "Information"


def test_the_bundle_knows_event_grid_blobs_and_queues() -> None:
    assert HOST["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.0.0, 5.0.0)",
    }
