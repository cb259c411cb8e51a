"""The local vault and identity endpoint, as the real SDK clients see them."""

from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from local.identity import LocalIdentity, TokenRequest
from local.vault import LocalVault


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIdentity]:
    with LocalIdentity() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def vault() -> Iterator[LocalVault]:
    with LocalVault() as running:
        yield running


@pytest.fixture
def client(vault: LocalVault, identity: LocalIdentity) -> Iterator[SecretClient]:
    with (
        ManagedIdentityCredential() as credential,
        SecretClient(vault.url, credential, retry_backoff_factor=0, **vault.client_options) as running,
    ):
        yield running


def test_the_newest_version_is_read_and_older_ones_by_their_id(vault: LocalVault, client: SecretClient) -> None:
    old = vault.set("key", "first")
    vault.set("key", "second")
    assert client.get_secret("key").value == "second"
    assert client.get_secret("key", old).value == "first"


def test_a_secret_that_the_client_sets_is_read_back(client: SecretClient) -> None:
    client.set_secret("fresh", "value")
    assert client.get_secret("fresh").value == "value"


def test_a_missing_or_deleted_secret_is_not_found(vault: LocalVault, client: SecretClient) -> None:
    vault.set("gone", "value")
    vault.delete("gone")
    for name in ("never", "gone"):
        with pytest.raises(ResourceNotFoundError):
            client.get_secret(name)


def test_a_disabled_secret_is_forbidden(vault: LocalVault, client: SecretClient) -> None:
    vault.set("off", "value", enabled=False)
    with pytest.raises(HttpResponseError) as caught:
        client.get_secret("off")
    assert caught.value.status_code == 403


@pytest.mark.parametrize("status", [429, 503])
def test_the_sdk_rides_out_a_busy_vault(vault: LocalVault, client: SecretClient, status: int) -> None:
    vault.set("key", "value")
    vault.fail(status, times=2, headers={"Retry-After": "0"})
    assert client.get_secret("key").value == "value"


def test_the_default_credential_finds_the_endpoint(vault: LocalVault, identity: LocalIdentity) -> None:
    vault.set("key", "value")
    with DefaultAzureCredential() as credential, SecretClient(vault.url, credential, **vault.client_options) as client:
        assert client.get_secret("key").value == "value"
    assert identity.requests == [TokenRequest("https://vault.azure.net", None)]


def test_the_user_assigned_identity_is_named_to_the_endpoint(identity: LocalIdentity) -> None:
    with ManagedIdentityCredential(client_id="0c0ffee0") as credential:
        credential.get_token("https://storage.azure.com/.default")
    assert identity.requests == [TokenRequest("https://storage.azure.com", "0c0ffee0")]


def test_a_wrong_identity_header_gets_no_token(identity: LocalIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "guess")
    with ManagedIdentityCredential() as credential, pytest.raises(ClientAuthenticationError):
        credential.get_token("https://vault.azure.net/.default")


def test_a_token_for_another_service_does_not_open_the_vault(vault: LocalVault, identity: LocalIdentity) -> None:
    with ManagedIdentityCredential() as credential:
        token = credential.get_token("https://storage.azure.com/.default").token
    answer = requests.get(
        f"{vault.url}/secrets/key",
        headers={"Authorization": f"Bearer {token}"},
        verify=str(vault.certificate),
        timeout=60,
    )
    assert answer.status_code == 401
    assert "vault.azure.net" in answer.headers["WWW-Authenticate"]


def test_a_client_that_does_not_know_the_certificate_refuses_the_vault(vault: LocalVault) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(vault.url, timeout=60)
