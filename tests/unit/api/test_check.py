"""What a check says that only the real hosts of SendGrid's regions can show: here each answers by itself."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shared.api.check import check, host_of, vault_command
from shared.destinations.models import Connection
from shared.errors import ExportError, ServiceUnavailable
from shared.runs.services import Services
from shared.sendgrid import policy
from shared.sendgrid.errors import KeyRefused

WRONG_KEY = KeyRefused("SendGrid does not know the key", code="key_refused", advice="Make another key.")


def services(scopes: Callable[[str], Any]) -> Services:
    """Services whose SendGrid answers by the connection's region: an error, or the key's rights."""

    def client(connection: Connection, _: Callable[[], None]) -> Any:
        def answer() -> frozenset[str]:
            found = scopes(connection.region)
            if isinstance(found, ExportError):
                raise found
            return frozenset(found)

        return SimpleNamespace(scopes=answer, lists=lambda: (1, 2), field_definitions=lambda: ())

    settings = SimpleNamespace(sendgrid_base_url=None, key_vault_url="https://contoso-kv.vault.azure.net")
    return cast("Services", SimpleNamespace(sendgrid=client, settings=settings))


def connection(**more: Any) -> Connection:
    return Connection.model_validate(
        {"id": "marketing", "display_name": "M", "api_key_secret": "sendgrid-marketing", **more}
    )


@pytest.mark.parametrize(("region", "other"), [("global", "eu"), ("eu", "global")])
def test_a_key_of_the_other_region_is_recognised(region: str, other: str) -> None:
    world = services(lambda asked: WRONG_KEY if asked == region else ["marketing.read"])
    key = next(line for line in check(world, connection(region=region)).checks if line.name == "key")
    assert key.ok is False
    assert key.advice == f"The key belongs to the region {other}: change the connection's region."


def test_a_key_that_no_region_knows_is_wrong() -> None:
    key = next(line for line in check(services(lambda _: WRONG_KEY), connection()).checks if line.name == "key")
    assert (key.ok, key.advice) == (False, "Make another key.")


def test_a_key_that_may_not_list_its_rights_is_judged_by_what_it_can_read() -> None:
    found = check(services(lambda _: policy.forbidden()), connection())
    assert {line.name: line.ok for line in found.checks if line.name != "consent"} == {
        "secret": True,
        "key": True,
        "scopes": True,
        "lists": True,
        "fields": True,
    }


def test_what_cannot_be_reached_now_is_neither_good_nor_bad() -> None:
    gone = ServiceUnavailable("the vault answered 503", code="vault_unavailable", retry_after=30)
    found = check(services(lambda _: gone), connection())
    assert found.ok is False
    assert {line.name: line.ok for line in found.checks if line.name != "consent"} == dict.fromkeys(
        ("secret", "key", "scopes", "lists", "fields")
    )


def test_the_host_is_the_regions_and_the_command_names_vault_and_secret_and_no_key() -> None:
    world = services(lambda _: ["marketing.read"])
    assert host_of(world, connection()) == "api.sendgrid.com"
    assert host_of(world, connection(region="eu")) == "api.eu.sendgrid.com"
    command = vault_command(world, connection())
    assert "--vault-name contoso-kv --name sendgrid-marketing" in command
    assert "SG." not in command
