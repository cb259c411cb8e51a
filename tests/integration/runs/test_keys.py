"""The account's key, from a vault as the app reads it."""

import dataclasses
from collections.abc import Iterator

import pytest

from local.identity import LocalIdentity
from local.sendgrid.control import SimulatedSendGrid
from local.vault import LocalVault
from shared.app import App
from shared.contacts import batches
from shared.runs.record import State
from shared.settings import Settings
from tests.integration.runs.world import KEY, REMOVAL, UPSERT, World

NEW_KEY = "SG.the-key-after.0123456789abcdef"


@pytest.fixture
def vault(
    world: World, settings: Settings, sim: SimulatedSendGrid, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalVault]:
    """A vault with the key, which the world now reads it from."""
    with LocalVault() as vault, LocalIdentity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        vault.set("sendgrid", KEY)
        app = App(
            dataclasses.replace(settings, key_vault_url=vault.url, sendgrid_base_url=sim.url),
            vault_options=vault.client_options,
        )
        world.services = dataclasses.replace(world.services, sendgrid=app.services.sendgrid)
        world.land("ada@example.com", "grace@example.com")
        yield vault


def test_the_key_is_read_once(world: World, vault: LocalVault) -> None:
    assert world.run().state is State.SUCCESSFUL
    assert vault.reads == ["sendgrid"]


def delete_secret(vault: LocalVault) -> None:
    vault.delete("sendgrid")


def disable_secret(vault: LocalVault) -> None:
    vault.set("sendgrid", KEY, enabled=False)


def empty_secret(vault: LocalVault) -> None:
    vault.set("sendgrid", " ")


def two_lines(vault: LocalVault) -> None:
    vault.set("sendgrid", f"{KEY}\n{KEY}")


def refuse_access(vault: LocalVault) -> None:
    vault.fail(403, times=20)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (delete_secret, "secret_missing"),
        (disable_secret, "secret_forbidden"),
        (empty_secret, "secret_empty"),
        (two_lines, "key_malformed"),
        (refuse_access, "secret_forbidden"),
    ],
)
def test_a_key_that_cannot_be_had_is_said_and_nothing_is_sent(
    world: World, vault: LocalVault, make: object, code: str
) -> None:
    assert callable(make)
    make(vault)
    run = world.run()
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == code
    assert run.error.advice
    assert world.requests(UPSERT, REMOVAL) == 0
    assert world.members() == {}


def test_a_vault_that_is_down_for_a_while_is_waited_for(world: World, vault: LocalVault) -> None:
    vault.fail(400, times=2)  # not one that the SDK tries again by itself, which takes seconds
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert run.slice >= 2


def test_a_key_that_is_changed_in_the_middle_is_fetched_anew_once(
    world: World, vault: LocalVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_CONTACTS", 1)
    world.hurried = False
    world.sim.configure(job_seconds=3600)
    started = world.start()
    world.deliver()
    world.sim.add_key(NEW_KEY)
    world.sim.revoke_key(KEY)
    vault.set("sendgrid", NEW_KEY)
    world.hurried = True
    world.work()
    assert world.ended(started.run_id).state is State.SUCCESSFUL
    assert vault.reads == ["sendgrid", "sendgrid"]


def test_a_key_that_is_revoked_in_the_middle_ends_the_run(world: World, vault: LocalVault) -> None:
    world.sim.fault(route="/v3/marketing/contacts", method="PUT", status=401, times=None)
    run = world.run()
    assert run.state is State.FAILED
    assert run.error is not None
    assert run.error.code == "key_refused"
    assert world.requests(UPSERT) == 2
    assert len(vault.reads) == 2
    assert world.members() == {}
