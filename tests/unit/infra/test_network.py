"""The optional private network: nothing that the app calls is left outside, and only then is anything closed."""

import re

from tests.unit.infra.templates import condition, evaluate, load, modules, passed, resources, scope
from tests.unit.infra.test_settings import deployed

ENDPOINTS = evaluate(load("app/network.bicep")["variables"]["services"]["value"], {})
ZONES = load("app/network.bicep")["variables"]["zones"]["value"]


def test_it_is_there_only_on_request() -> None:
    assert condition("main.bicep", "network") is False
    assert condition("main.bicep", "network", privateNetwork=True) is True


def test_every_service_that_the_settings_name_has_its_private_endpoint() -> None:
    accounts = {"AzureWebJobsStorage": "host", "SegmentStorage": "data"}
    named = {
        f"{accounts[setting.partition('__')[0]]}-{service}"
        for setting in deployed()
        for service in re.findall(r"__(blob|queue|table)ServiceUri$", setting)
    }
    assert {endpoint["name"] for endpoint in ENDPOINTS} == named | {"vault"}
    owners = {"host": "hostStorageResourceId", "data": "dataStorageResourceId", "vault": "vaultResourceId"}
    for endpoint in ENDPOINTS:
        owner, _, kind = endpoint["name"].partition("-")
        assert endpoint["resourceId"] == owners[owner]
        assert endpoint["kind"] == (kind or "vault")


def test_names_resolve_to_the_private_addresses() -> None:
    # https://learn.microsoft.com/azure/private-link/private-endpoint-dns
    for kind, zone in ZONES.items():
        suffix = "vaultcore.azure.net" if kind == "vault" else f"{kind}.${{environment().suffixes.storage}}"
        assert zone == f"privatelink.{suffix}"
    assert {endpoint["kind"] for endpoint in ENDPOINTS} == set(ZONES)
    endpoint = modules("app/network.bicep")["privateEndpoints"]["config"]
    assert endpoint["dependsOn"] == ["dnsZones"]


def test_the_app_comes_through_a_subnet_that_flex_consumption_takes_and_leaves_by_one_address() -> None:
    app, endpoints = modules("app/network.bicep")["network"]["config"]["params"]["subnets"]
    assert app["delegation"] == "Microsoft.App/environments"
    assert app["natGatewayResourceId"]["operator"]["operands"] == {"operand_1": "gateway", "operand_2": "id"}
    assert endpoints["privateEndpointNetworkPolicies"] == "Disabled"
    assert resources("app/network.bicep")["address"]["config"]["properties"]["publicIPAllocationMethod"] == "Static"
    site = resources("app/function.bicep")["app"]["config"]["properties"]
    assert evaluate(site["virtualNetworkSubnetId"], {"subnetResourceId": "", "null": None}) in {None, "null"}
    assert evaluate(site["virtualNetworkSubnetId"], {"subnetResourceId": "/a/subnet"}) == "/a/subnet"


def access(file: str, symbol: str, **given: object) -> tuple[str, str, list[str]]:
    """Public access, what happens to who is not named, and who is."""
    (body,) = (entry["config"] for entry in resources(file).values() if "publicNetworkAccess" in str(entry))
    properties = evaluate(body["properties"], scope(file, **passed(symbol, **given)))
    rules = properties["networkAcls"]
    return properties["publicNetworkAccess"], rules["defaultAction"], [rule["value"] for rule in rules["ipRules"]]


def test_without_it_identities_and_roles_are_the_door() -> None:
    for file, symbol in (
        ("app/storage.bicep", "hostStorage"),
        ("app/storage.bicep", "dataStorage"),
        ("app/vault.bicep", "vault"),
    ):
        assert access(file, symbol) == ("Enabled", "Allow", [])


def test_with_it_storage_and_vault_are_closed() -> None:
    for file, symbol in (
        ("app/storage.bicep", "hostStorage"),
        ("app/storage.bicep", "dataStorage"),
        ("app/vault.bicep", "vault"),
    ):
        assert access(file, symbol, privateNetwork=True) == ("Disabled", "Deny", [])


def test_who_delivers_segments_or_keys_can_be_let_in_and_nobody_to_the_hosts_account() -> None:
    given = {"privateNetwork": True, "allowedAddresses": "203.0.113.7,198.51.100.0/24"}
    named = ["203.0.113.7", "198.51.100.0/24"]
    assert access("app/storage.bicep", "dataStorage", **given) == ("Enabled", "Deny", named)
    assert access("app/vault.bicep", "vault", **given) == ("Enabled", "Deny", named)
    assert access("app/storage.bicep", "hostStorage", **given) == ("Disabled", "Deny", [])


def test_event_grid_may_still_read_the_account_it_tells_of() -> None:
    account = resources("app/storage.bicep")["account"]["config"]["properties"]
    assert account["networkAcls"]["bypass"] == "AzureServices"


def test_the_app_starts_after_the_endpoints_are_there() -> None:
    given = modules("main.bicep")["app"]["config"]["params"]["subnetResourceId"]
    assert evaluate(given, scope("main.bicep")) == ""
    assert "network" in str(given)
