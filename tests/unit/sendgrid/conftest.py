"""A world for the SendGrid client: the simulated SendGrid, a clock that moves when told, a server for odd answers."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local import certificate
from local.sendgrid.control import SimulatedSendGrid
from local.servers import LocalServer, Reply, Request
from shared.sendgrid.client import SendGrid
from shared.sendgrid.limits import RateLimits
from shared.sendgrid.transport import Transport

KEY = "SG.test-key.0123456789"


class Clock:
    """Epoch seconds; sleeping moves it on and takes no time."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def _simulation() -> Iterator[SimulatedSendGrid]:
    with SimulatedSendGrid() as simulation:
        yield simulation


@pytest.fixture
def sim(_simulation: SimulatedSendGrid) -> SimulatedSendGrid:
    _simulation.reset()
    _simulation.add_key(KEY)
    return _simulation


@pytest.fixture
def make_transport(sim: SimulatedSendGrid, clock: Clock) -> Callable[..., Transport]:
    """A transport whose pauses take no time and whose jitter is always the whole pause."""

    def make(base_url: str = sim.url, key: Callable[[bool], str] = lambda _: KEY, **options: Any) -> Transport:
        defaults: dict[str, Any] = {
            "limits": RateLimits(clock),
            "sleep": clock.sleep,
            "clock": clock,
            "jitter": lambda: 1.0,
        }
        return Transport(base_url, key, **(defaults | options))

    return make


@pytest.fixture
def sendgrid(make_transport: Callable[..., Transport]) -> SendGrid:
    return SendGrid(make_transport())


def batch(list_id: str, *addresses: str) -> bytes:
    return json.dumps({"list_ids": [list_id], "contacts": [{"email": address} for address in addresses]}).encode()


def asked(sim: SimulatedSendGrid) -> int:
    """How many requests the simulated SendGrid has seen."""
    return sum(sum(statuses.values()) for statuses in sim.stats()["requests"].values())


class Web:
    """A web server on this machine; `answer(path)` writes whole responses by hand, so that they may be wrong."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        requests = self.requests = list[tuple[str, dict[str, str]]]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append((self.path, dict(self.headers)))
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[BaseHTTPRequestHandler], None]], Web]]:
    """serve(answer) starts a web server for the time of the test."""
    servers: list[Web] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Web:
        servers.append(Web(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def own_tls_server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The URL of an https server whose certificate nobody vouches for, and what it has been asked."""
    received: list[str] = []

    def answer(request: Request) -> Reply:
        received.append(request.target)
        return Reply(200, {})

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate.write(tmp_path))
    server = LocalServer(answer, tls=tls)
    yield server.url, received
    server.close()
