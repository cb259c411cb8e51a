"""Accounts, containers and queues of the template against the names the code uses."""

from typing import Any

import pytest

from shared.cloud.storage import BLOB_POISON, RUN_POISON, RUN_QUEUE, Storage
from shared.settings import Settings
from tests.unit.infra.templates import condition, evaluate, load, modules, passed, resources, scope

AZURITE = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/devstoreaccount1;QueueEndpoint=http://127.0.0.1:1/devstoreaccount1"


def account(symbol: str, **given: Any) -> dict[str, Any]:
    assert modules("main.bicep")[symbol]["detail"]["path"] == "app/storage.bicep"
    return passed(symbol, **given)


def storage(prefix: str) -> Storage:
    """The app's own idea of its storage."""
    environment = {
        "AzureWebJobsStorage": AZURITE,
        "SegmentStorage": AZURITE,
        "KEY_VAULT_URL": "https://kv.example",
        "DATA_CONTAINER_PREFIX": prefix,
    }
    return Storage(Settings.from_environment(environment))


@pytest.mark.parametrize("prefix", ["", "team-a-"])
def test_the_data_account_has_the_containers_that_the_code_uses(prefix: str) -> None:
    own = storage(prefix)
    names = [container.name for container in (own.segments, own.config, own.runs, own.state)]
    assert account("dataStorage", dataContainerPrefix=prefix)["containers"] == names


def test_the_host_account_has_the_run_queue_and_its_poison_queue() -> None:
    assert account("hostStorage")["queues"] == [RUN_QUEUE, RUN_POISON]


def test_failed_blob_events_have_their_queue_on_the_data_account() -> None:
    assert account("dataStorage")["queues"] == [BLOB_POISON]


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


@pytest.mark.parametrize("symbol", ["hostStorage", "dataStorage"])
def test_soft_delete_is_off_as_customer_insights_needs_it_unless_asked_for(symbol: str) -> None:
    def retention(**given: Any) -> Any:
        names = scope("app/storage.bicep", **account(symbol, **given))
        properties = evaluate(resources("app/storage.bicep")["blobs"]["config"]["properties"], names)
        assert properties["isVersioningEnabled"] is False
        assert properties["deleteRetentionPolicy"] == properties["containerDeleteRetentionPolicy"]
        return properties["deleteRetentionPolicy"]

    assert retention() == {"enabled": False}
    asked = retention(segmentAccountSoftDeleteDays=7)
    assert asked == ({"enabled": True, "days": 7} if symbol == "dataStorage" else {"enabled": False})


@pytest.mark.parametrize("prefix", ["", "team-a-"])
def test_runs_are_deleted_after_a_while_and_nothing_else_is(prefix: str) -> None:
    names = scope("app/storage.bicep", **account("dataStorage", dataContainerPrefix=prefix, runRetentionDays=30))
    (rule,) = evaluate(resources("app/storage.bicep")["lifecycle"]["config"]["properties"]["policy"]["rules"], names)
    (deleted,) = rule["definition"]["filters"]["prefixMatch"]
    own = storage(prefix)
    assert deleted == f"{own.runs.name}/"
    assert not any(f"{kept.name}/".startswith(deleted) for kept in (own.segments, own.config, own.state))
    assert rule["definition"]["filters"]["blobTypes"] == ["blockBlob"]
    assert rule["definition"]["actions"] == {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 30}}}


def test_the_hosts_account_deletes_nothing_by_age() -> None:
    assert "expiries" not in account("hostStorage")
    assert condition("app/storage.bicep", "lifecycle") is False


def test_storage_names_of_the_code_are_the_defaults_of_the_template() -> None:
    assert load("main.bicep")["parameters"]["segmentsContainer"]["default"] == "segments"
    assert load("main.bicep")["parameters"]["dataContainerPrefix"]["default"] == ""
