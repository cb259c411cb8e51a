"""Wires settings, stores, vault and SendGrid together: once a process, at the first use, never at import."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.settings import Settings

if TYPE_CHECKING:
    import requests

    from shared.destinations.models import Connection
    from shared.runs.services import Services
    from shared.sendgrid.client import SendGrid
    from shared.sendgrid.limits import RateLimits


@dataclass(frozen=True, slots=True)
class _Account:
    """What all runs of a SendGrid account have in common in this process: its limits, and connections that are kept."""

    limits: "RateLimits"
    session: "requests.Session"


class App:
    """One function app. `vault_options` go to the vault's client; only a test or a local host has any."""

    def __init__(self, settings: Settings, *, vault_options: dict[str, Any] | None = None) -> None:
        self.settings = settings
        self._vault_options = vault_options
        self._accounts: dict[str, _Account] = {}  # by the name of their key's secret
        self._lock = threading.Lock()

    @cached_property
    def services(self) -> "Services":
        from shared.cloud import insights
        from shared.cloud.storage import Storage
        from shared.destinations.store import Destinations
        from shared.runs.services import Services
        from shared.runs.store import RunStore
        from shared.runs.turn import Turns
        from shared.sendgrid.downloads import Downloads
        from shared.sendgrid.uploads import Uploads

        insights.connect(self.settings)
        storage = Storage(self.settings)
        return Services(
            settings=self.settings,
            storage=storage,
            destinations=Destinations(storage.config),
            runs=RunStore(storage),
            turns=Turns(storage.state),
            sendgrid=self._sendgrid,
            download=Downloads(self.settings.sendgrid_base_url).fetch,
            upload=Uploads(self.settings.sendgrid_base_url).send,
            now=lambda: datetime.now(UTC),
        )

    @cached_property
    def _vault(self) -> Any:
        from shared.cloud.vault import Vault

        return Vault(self.settings, client_options=self._vault_options)

    def _sendgrid(self, connection: "Connection", stop: Callable[[], None]) -> "SendGrid":
        from shared.sendgrid.client import SendGrid
        from shared.sendgrid.transport import Transport

        secret = connection.api_key_secret
        account = self._account(secret)
        transport = Transport(
            self.settings.sendgrid_base_url or HOSTS[connection.region],
            lambda refresh: self._vault.secret(secret, refresh=refresh),
            limits=account.limits,
            session=account.session,
            stop=stop,
        )
        return SendGrid(transport)

    def _account(self, secret: str) -> _Account:
        from shared.sendgrid.limits import RateLimits
        from shared.sendgrid.transport import new_session

        with self._lock:
            if secret not in self._accounts:
                self._accounts[secret] = _Account(RateLimits(), new_session())
            return self._accounts[secret]


HOSTS = {"global": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}  # by a connection's region

_app: App | None = None
_lock = threading.Lock()


def app() -> App:
    """The process's app, made from the environment unless one was installed."""
    with _lock:
        if _app is None:
            _install(App(Settings.from_environment()))
        assert _app is not None  # noqa: S101 -- installed on the line before
        return _app


def install(instance: App) -> None:
    """Give the process its app, in place of the one that the environment describes."""
    with _lock:
        _install(instance)


def _install(instance: App) -> None:
    global _app  # noqa: PLW0603 -- one app a process is what a function app is
    _app = instance
