"""Names that the template and the triggers in function_app.py must agree on."""

from typing import Any

from tests.unit.infra.functions import triggers
from tests.unit.infra.templates import evaluate, load, modules, scope
from tests.unit.infra.test_settings import deployed


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: trigger for name, trigger in triggers().items() if trigger["type"] == kind}


def test_the_event_subscription_calls_the_function_that_is_bound_to_blobs() -> None:
    assert [load("app/subscription.bicep")["parameters"]["functionName"]["default"]] == list(of_type("blobTrigger"))


def test_every_queue_that_is_waited_on_exists_with_its_poison_queue() -> None:
    queues = evaluate(modules("main.bicep")["hostStorage"]["config"]["params"]["queues"], scope("main.bicep"))
    waited_on = {trigger["queueName"] for trigger in of_type("queueTrigger").values()}
    assert waited_on | {f"{name}-poison" for name in waited_on} == set(queues)


def test_every_connection_of_a_trigger_has_its_endpoints_and_identity() -> None:
    connections = {trigger["connection"] for trigger in triggers().values() if trigger.get("connection")}
    assert connections == {"AzureWebJobsStorage", "SegmentStorage"}
    parts = ("blobServiceUri", "queueServiceUri", "credential", "clientId")
    assert {f"{name}__{part}" for name in connections for part in parts} <= set(deployed())


def test_blobs_are_awaited_in_the_container_that_is_made() -> None:
    (trigger,) = of_type("blobTrigger").values()
    assert trigger["path"].split("/")[0] == "%SEGMENTS_CONTAINER%"
    data = evaluate(modules("main.bicep")["dataStorage"]["config"]["params"], scope("main.bicep"))
    assert deployed()["SEGMENTS_CONTAINER"] == data["containers"][0]
