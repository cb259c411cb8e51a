"""Where the app runs, and on what."""

import re

from tests.unit.infra.templates import ROOT, load, modules, resources

SITE = resources("app/function.bicep")["app"]["config"]["properties"]["functionAppConfig"]


def test_the_plan_is_flex_consumption_on_linux() -> None:
    plan = resources("app/function.bicep")["plan"]["config"]
    assert plan["sku"] == {"tier": "FlexConsumption", "name": "FC1"}
    assert plan["properties"] == {"reserved": True}


def test_the_python_that_is_deployed_is_the_one_that_is_tested_first() -> None:
    setup = re.search(r"for version in (\S+)", (ROOT / "local/setup.sh").read_text())
    assert setup
    assert SITE["runtime"] == {"name": "python", "version": setup[1]}


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
