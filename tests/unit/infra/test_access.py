"""Who may do what, and what is closed."""

import pytest

from tests.unit.infra.templates import FILES, dotted, load, modules, resources

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BUILT_IN = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageBlobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storageBlobDataReader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
ASSIGNED = {
    ("appPrincipalId", "storageBlobDataOwner", "hostStorage"),
    ("appPrincipalId", "storageQueueDataContributor", "hostStorage"),
    ("appPrincipalId", "storageTableDataContributor", "hostStorage"),
    ("appPrincipalId", "storageBlobDataReader", "segments"),
    ("appPrincipalId", "storageBlobDataContributor", "own[i]"),
    ("appPrincipalId", "storageQueueDataContributor", "poison"),
    ("appPrincipalId", "keyVaultSecretsUser", "vault"),
    ("appPrincipalId", "monitoringMetricsPublisher", "insights"),
    ("deployerPrincipalId", "keyVaultSecretsOfficer", "vault"),
    ("deployerPrincipalId", "storageBlobDataContributor", "dataStorage"),
}
ROLES = resources("app/roles.bicep")


def test_role_ids_are_the_documented_ones() -> None:
    assert load("app/roles.bicep")["variables"]["roles"]["value"] == BUILT_IN


def test_the_app_and_the_deployer_have_these_roles_and_no_others() -> None:
    assigned = set()
    for symbol, assignment in ROLES.items():
        assert assignment["type"] == "Microsoft.Authorization/roleAssignments", symbol
        body = assignment["config"]
        role = dotted(body["properties"]["roleDefinitionId"]["function"]["parameters"]["resource_name_1"])
        assigned.add((body["properties"]["principalId"], role.removeprefix("roles."), dotted(body["scope"])))
    assert assigned == ASSIGNED


@pytest.mark.parametrize("symbol", ROLES)
def test_an_assignments_name_is_made_of_its_scope_principal_and_role(symbol: str) -> None:
    body = ROLES[symbol]["config"]
    scope, principal, role = body["name"]["function"]["parameters"].values()
    assert dotted(scope) == f"{dotted(body['scope'])}.id"
    assert principal == body["properties"]["principalId"]
    assert role == body["properties"]["roleDefinitionId"]["function"]["parameters"]["resource_name_1"]


def test_nobody_gets_the_deployers_rights_unless_named() -> None:
    conditional = {
        symbol
        for symbol, entry in load("app/roles.bicep")["resources"].items()
        if entry["config"].get("condition") is not None
    }
    assert conditional == {symbol for symbol in ROLES if symbol.startswith("deployer")}
    assert load("main.bicep")["parameters"]["principalId"]["default"] == ""


def test_no_file_but_the_table_of_roles_assigns_one() -> None:
    for name in set(FILES) - {"app/roles.bicep"}:
        types = {entry["type"] for entry in load(name).get("resources", {}).values()}
        assert "Microsoft.Authorization/roleAssignments" not in types


def test_the_vault_goes_by_roles_and_cannot_be_purged() -> None:
    properties = resources("app/vault.bicep")["vault"]["config"]["properties"]
    assert properties["enableRbacAuthorization"] is True
    assert properties["enablePurgeProtection"] is True
    assert properties["enableSoftDelete"] is True
    assert "accessPolicies" not in properties


def test_telemetry_needs_an_identity() -> None:
    assert modules("main.bicep")["insights"]["config"]["params"]["disableLocalAuth"] is True


def test_the_app_speaks_https_only_and_takes_no_publishing_passwords() -> None:
    found = resources("app/function.bicep")
    assert found["app"]["config"]["properties"]["httpsOnly"] is True
    assert found["app"]["config"]["properties"]["siteConfig"] == {"minTlsVersion": "1.2", "ftpsState": "Disabled"}
    closed = {
        entry["config"]["name"]
        for entry in found.values()
        if entry["type"] == "Microsoft.Web/sites/basicPublishingCredentialsPolicies"
        and entry["config"]["properties"] == {"allow": False}
    }
    assert closed == {"ftp", "scm"}


def test_the_app_waits_for_its_roles() -> None:
    assert modules("main.bicep")["app"]["config"]["dependsOn"] == ["roles"]
