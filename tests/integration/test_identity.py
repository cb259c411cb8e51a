"""Signing in: the app's managed identity when deployed, a developer's own sign-in on a laptop, never a stored key."""

import dataclasses
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.identity import TENANT, LocalIdentity, TokenRequest, token
from local.sendgrid.control import SimulatedSendGrid
from local.vault import LocalVault
from shared.app import App
from shared.cloud.storage import RUN_POISON, Storage
from shared.errors import ServiceUnavailable
from shared.runs.record import State
from shared.settings import Settings
from tests.integration.runs.world import KEY, World

APP_CLIENT_ID = "0f5d9c3a-1111-4222-8333-444455556666"
STORAGE, VAULT = "https://storage.azure.com", "https://vault.azure.net"


@pytest.fixture(scope="module")
def account() -> Iterator[Azurite]:
    """A storage account that takes tokens over https."""
    with Azurite(in_memory=True, entra=True) as azurite:
        yield azurite


@pytest.fixture
def identity() -> Iterator[LocalIdentity]:
    with LocalIdentity() as running:
        yield running


@pytest.fixture
def deployed(account: Azurite, container_prefix: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """App settings without a key in them. The certificate of the account is trusted, as Azure's are."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(account.certificate))
    uris = {"blobServiceUri": account.blob_url, "queueServiceUri": account.queue_url}
    return {
        **{f"{name}__{key}": uri for name in ("AzureWebJobsStorage", "SegmentStorage") for key, uri in uris.items()},
        "SEGMENTS_CONTAINER": f"{container_prefix}segments",
        "DATA_CONTAINER_PREFIX": container_prefix,
        "KEY_VAULT_URL": "https://vault.example",
        "AZURE_CLIENT_ID": APP_CLIENT_ID,
    }


def offer(identity: LocalIdentity, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in identity.environment.items():
        monkeypatch.setenv(name, value)


def test_a_run_needs_nothing_but_the_apps_user_assigned_identity(
    deployed: dict[str, str], identity: LocalIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(identity, monkeypatch)
    with LocalVault() as vault, SimulatedSendGrid() as sim:
        vault.set("sendgrid", KEY)
        sim.add_key(KEY)
        settings = Settings.from_environment(
            {**deployed, "KEY_VAULT_URL": vault.url, "SENDGRID_BASE_URL": sim.url, "LANDING_SETTLE_SECONDS": "0"}
        )
        app = App(settings, vault_options=vault.client_options)
        storage = app.services.storage
        storage.ensure()
        world = World(storage, settings, sim)
        world.services = dataclasses.replace(world.services, sendgrid=app.services.sendgrid)
        world.land("ada@example.com", "grace@example.com")
        assert world.run().state is State.SUCCESSFUL
        assert world.on_list() == {"ada@example.com", "grace@example.com"}
    assert set(identity.requests) == {TokenRequest(STORAGE, APP_CLIENT_ID), TokenRequest(VAULT, APP_CLIENT_ID)}


def test_without_a_client_id_it_is_the_apps_own_identity(
    deployed: dict[str, str], identity: LocalIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(identity, monkeypatch)
    del deployed["AZURE_CLIENT_ID"]
    storage = Storage(Settings.from_environment(deployed))
    storage.ensure()
    storage.config.write("exports/a.json", b"{}")
    assert storage.poisoned(RUN_POISON) == 0
    assert set(identity.requests) == {TokenRequest(STORAGE, None)}


def test_an_identity_that_is_refused_is_said_so_and_tried_again(
    deployed: dict[str, str], identity: LocalIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(identity, monkeypatch)
    monkeypatch.setenv("IDENTITY_HEADER", "guess")
    monkeypatch.setattr(time, "sleep", lambda _: None)  # the SDK tries for more than a minute
    with pytest.raises(ServiceUnavailable, match="could not sign in to storage") as refused:
        Storage(Settings.from_environment(deployed)).config.read("exports/a.json")
    assert refused.value.code == "sign_in_failed"


def test_on_a_laptop_it_is_whoever_is_signed_in(
    deployed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Azure CLI is stood in for by a program that answers like it; the credential that asks it is the real one."""
    for name in [name for name in os.environ if name.startswith(("IDENTITY_", "AZURE_"))]:
        monkeypatch.delenv(name)
    expires = int(time.time()) + 3600
    answer = {"accessToken": token(STORAGE, expires), "expires_on": expires, "tenant": TENANT, "tokenType": "Bearer"}
    (tmp_path / "token.json").write_text(json.dumps(answer))
    az = tmp_path / "az"
    az.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncat {tmp_path}/token.json\n')
    az.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    began = time.monotonic()
    Storage(Settings.from_environment(deployed)).ensure()
    assert time.monotonic() - began < 5  # no time is lost on identities of machines in Azure
    assert STORAGE in (tmp_path / "asked").read_text()
