"""Whom the app believes: the platform's word about who signed in counts only while the platform says that it checks."""

import base64
import json

import pytest

from shared.api.roles import PLATFORM_AUTH, AuthNotConfigured, Principal, Role, principal_of

CLAIMS = [{"typ": "preferred_username", "val": "ada@contoso.example"}, {"typ": "roles", "val": "administrator"}]
FORGEABLE = {
    "x-ms-client-principal": base64.b64encode(json.dumps({"auth_typ": "aad", "claims": CLAIMS}).encode()).decode()
}


@pytest.mark.parametrize("said", ["True", "true"])
def test_a_principal_counts_while_the_platform_says_that_it_checks(said: str) -> None:
    found = principal_of("entra", FORGEABLE, {PLATFORM_AUTH: said})
    assert found == Principal("ada@contoso.example", Role.ADMINISTRATOR)


@pytest.mark.parametrize("environment", [{}, *({PLATFORM_AUTH: said} for said in ("", "False", "false", "0", "1"))])
def test_else_nobody_is_believed(environment: dict[str, str]) -> None:
    with pytest.raises(AuthNotConfigured):
        principal_of("entra", FORGEABLE, environment)


def test_with_keys_such_a_header_means_nothing() -> None:
    assert principal_of("key", FORGEABLE, {PLATFORM_AUTH: "True"}).name == "function key"
