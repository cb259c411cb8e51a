"""Accounts, containers and queues of the template against the names the code uses."""

from typing import Any

import pytest

from shared.cloud.storage import RUN_QUEUE, Storage
from shared.settings import Settings
from tests.unit.infra.templates import evaluate, load, modules, resources, scope

AZURITE = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/devstoreaccount1;QueueEndpoint=http://127.0.0.1:1/devstoreaccount1"


def account(symbol: str, **given: Any) -> dict[str, Any]:
    call = modules("main.bicep")[symbol]
    assert call["detail"]["path"] == "app/storage.bicep"
    params: dict[str, Any] = evaluate(call["config"]["params"], scope("main.bicep", **given))
    return params


@pytest.mark.parametrize("prefix", ["", "team-a-"])
def test_the_data_account_has_the_containers_that_the_code_uses(prefix: str) -> None:
    storage = Storage(
        Settings.from_environment(
            {
                "AzureWebJobsStorage": AZURITE,
                "SegmentStorage": AZURITE,
                "KEY_VAULT_URL": "https://kv.example",
                "DATA_CONTAINER_PREFIX": prefix,
            }
        )
    )
    names = [container.name for container in (storage.segments, storage.config, storage.runs, storage.state)]
    assert account("dataStorage", dataContainerPrefix=prefix)["containers"] == names


def test_the_host_account_has_the_run_queue_and_its_poison_queue() -> None:
    assert account("hostStorage")["queues"] == [RUN_QUEUE, f"{RUN_QUEUE}-poison"]


def test_failed_blob_events_have_their_queue_on_the_data_account() -> None:
    assert account("dataStorage")["queues"] == ["webjobs-blobtrigger-poison"]


def test_profiles_and_host_are_in_different_accounts() -> None:
    host, data = account("hostStorage", token="t" * 13), account("dataStorage", token="t" * 13)
    assert host["name"] != data["name"]
    assert max(len(host["name"]), len(data["name"])) <= 24
    assert set(host["containers"]) & set(data["containers"]) == set()


def test_the_package_is_deployed_to_the_container_that_is_made_for_it() -> None:
    params = modules("main.bicep")["app"]["config"]["params"]
    assert account("hostStorage")["containers"] == [evaluate(params["packageContainer"], scope("main.bicep"))]


def test_accounts_are_closed_to_keys_anonymous_readers_and_old_tls() -> None:
    properties = evaluate(resources("app/storage.bicep")["account"]["config"]["properties"], scope("app/storage.bicep"))
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["minimumTlsVersion"] == "TLS1_2"
    assert properties["supportsHttpsTrafficOnly"] is True
    containers = resources("app/storage.bicep")["blobContainers"]["config"]
    assert containers["properties"] == {"publicAccess": "None"}


def test_only_the_data_account_can_be_opened_to_its_key_and_only_on_request() -> None:
    assert "allowSharedKeyAccess" not in account("hostStorage")
    assert account("dataStorage")["allowSharedKeyAccess"] is False
    assert account("dataStorage", allowSegmentAccountKey=True)["allowSharedKeyAccess"] is True


def test_soft_delete_is_off_as_customer_insights_needs_it() -> None:
    properties = resources("app/storage.bicep")["blobs"]["config"]["properties"]
    assert properties["deleteRetentionPolicy"] == properties["containerDeleteRetentionPolicy"] == {"enabled": False}
    assert properties["isVersioningEnabled"] is False


def test_storage_names_of_the_code_are_the_defaults_of_the_template() -> None:
    assert load("main.bicep")["parameters"]["segmentsContainer"]["default"] == "segments"
    assert load("main.bicep")["parameters"]["dataContainerPrefix"]["default"] == ""
