"""Entra ID: what the template sets up against what shared/api/roles.py believes."""

from typing import Any

from shared.api.roles import PLATFORM_AUTH, Role
from tests.unit.infra.templates import condition, evaluate, load, passed, resources, scope
from tests.unit.infra.test_settings import deployed

SECRET = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
ENTRA = resources("app/entra.bicep")
NAMES = scope("app/entra.bicep")


def sign_in() -> dict[str, Any]:
    properties: dict[str, Any] = resources("app/function.bicep")["signIn"]["config"]["properties"]
    return properties


def test_nothing_of_it_is_there_with_function_keys() -> None:
    assert condition("main.bicep", "entra") is False
    assert condition("app/function.bicep", "signIn", authMode="key") is False
    assert deployed()["AUTH_MODE"] == "key"
    assert SECRET not in deployed()


def test_with_entra_the_platform_authenticates_before_the_app_believes_anybody() -> None:
    assert deployed(authMode="entra")["AUTH_MODE"] == "entra"
    assert condition("app/function.bicep", "signIn", authMode="entra") is True
    assert sign_in()["platform"] == {"enabled": True}


def test_no_setting_claims_that_the_platform_authenticates() -> None:
    """The app believes the principal's header only while App Service itself has set this."""
    assert PLATFORM_AUTH not in deployed(authMode="entra")
    assert PLATFORM_AUTH not in deployed()


def test_microsoft_is_the_only_provider_of_this_tenant_only() -> None:
    providers = sign_in()["identityProviders"]
    assert set(providers) == {"azureActiveDirectory"}  # its sign-ins are the ones marked `aad`
    assert "${tenant().tenantId}" in providers["azureActiveDirectory"]["registration"]["openIdIssuer"]
    assert ENTRA["registration"]["config"]["signInAudience"] == "AzureADMyOrg"


def test_who_has_not_signed_in_reaches_the_app_as_event_grid_must() -> None:
    validation = sign_in()["globalValidation"]
    assert validation == {"requireAuthentication": False, "unauthenticatedClientAction": "AllowAnonymous"}


def test_the_registration_has_the_roles_that_the_code_knows() -> None:
    roles = evaluate(ENTRA["registration"]["config"]["appRoles"], NAMES)
    assert [role["value"] for role in roles] == [role.word for role in Role if role is not Role.NONE]
    assert all(role["allowedMemberTypes"] == ["User", "Application"] for role in roles)
    assert ENTRA["enterpriseApplication"]["config"]["appRoleAssignmentRequired"] is True


def test_the_person_who_deploys_is_the_first_administrator_if_there_is_one() -> None:
    assert condition("app/entra.bicep", "firstAdministrator", deployerPrincipalId="") is False
    assert condition("app/entra.bicep", "firstAdministrator", deployerPrincipalId="someone") is True
    role = ENTRA["firstAdministrator"]["config"]["appRoleId"]["function"]["parameters"]
    assert list(role.values()) == ["functionAppName", Role.ADMINISTRATOR.word]


def test_the_apps_identity_takes_the_place_of_a_client_secret() -> None:
    registration = sign_in()["identityProviders"]["azureActiveDirectory"]["registration"]
    assert registration["clientSecretSettingName"] == SECRET
    settings = deployed(authMode="entra")
    assert settings[SECRET] == settings["AZURE_CLIENT_ID"]
    trust = ENTRA["trust"]["config"]
    assert trust["subject"] == "identityPrincipalId"
    assert trust["audiences"] == ["api://AzureADTokenExchange"]
    assert "operand_1': 'identity'" in str(passed("entra")["identityPrincipalId"])


def test_tokens_for_the_app_and_for_its_name_are_taken() -> None:
    audiences = sign_in()["identityProviders"]["azureActiveDirectory"]["validation"]["allowedAudiences"]
    assert audiences == ["entraClientId", "api://${tenant().tenantId}/${name}"]
    assert (
        load("app/entra.bicep")["variables"]["identifierUri"]["value"]
        == "api://${tenant().tenantId}/${functionAppName}"
    )
    assert passed("entra")["functionAppName"] == passed("app")["name"]


def test_another_registration_can_be_used() -> None:
    assert condition("main.bicep", "entra", authMode="entra") is True
    assert condition("main.bicep", "entra", authMode="entra", entraClientId="made-by-it") is False
    assert passed("app", authMode="entra", entraClientId="made-by-it")["entraClientId"] == "made-by-it"
