"""One app a process: its runs share what belongs to a SendGrid account."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from local.identity import LocalIdentity
from local.vault import LocalVault
from shared.app import App
from shared.destinations.models import Connection
from shared.sendgrid.client import SendGrid
from shared.sendgrid.errors import Throttled
from shared.settings import Settings
from tests.unit.destinations import build


class OneAMinute(BaseHTTPRequestHandler):
    """Says that no other request may come for a minute, unless `remaining`. `connections`: how many were opened."""

    protocol_version = "HTTP/1.1"
    url = ""
    connections = 0
    remaining = 0

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_GET(self) -> None:
        content = b'{"scopes": ["marketing.read"]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (("Limit", 2), ("Remaining", self.remaining), ("Reset", 60)):
            self.send_header(f"X-RateLimit-{name}", str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[type[OneAMinute]]:
    class Handler(OneAMinute):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        Handler.url = f"http://127.0.0.1:{server.server_port}"
        yield Handler
        server.shutdown()
        thread.join()


@pytest.fixture
def app(server: type[OneAMinute], azurite: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    with LocalVault() as vault, LocalIdentity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        for account in ("one", "two"):
            vault.set(account, f"SG.{account}.0123456789abcdef")
        environment = {"AzureWebJobsStorage": azurite, "SegmentStorage": azurite, "KEY_VAULT_URL": vault.url}
        settings = Settings.from_environment({**environment, "SENDGRID_BASE_URL": server.url})
        yield App(settings, vault_options=vault.client_options)


def client(app: App, account: str) -> SendGrid:
    """As a slice gets it."""
    connection: Connection = build.connection(api_key_secret=account)
    return app.services.sendgrid(connection, lambda: None)


def test_connections_are_kept_from_one_slice_to_the_next(app: App, server: type[OneAMinute]) -> None:
    server.remaining = 9
    for _ in range(3):
        client(app, "one").scopes()
    assert server.connections == 1


def test_runs_of_an_account_share_its_limits_and_other_accounts_do_not(app: App) -> None:
    client(app, "one").scopes()
    with pytest.raises(Throttled):
        client(app, "one").scopes()
    client(app, "two").scopes()
