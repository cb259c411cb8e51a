"""Calls against the simulated SendGrid with its faults: retries, pauses, keys, redirects, and what may be said."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import MaxRetryError, SSLError

from local.sendgrid.control import SimulatedSendGrid
from shared import __version__
from shared.errors import RunCanceled
from shared.sendgrid import errors, routes
from shared.sendgrid.client import SendGrid
from shared.sendgrid.limits import RateLimits
from shared.sendgrid.transport import RetryPolicy, Timeouts, Transport, never_sent
from tests.unit.sendgrid.conftest import KEY, Clock, Web, asked, batch

UPSERT = {"route": "/v3/marketing/contacts", "method": "PUT"}
MakeTransport = Callable[..., Transport]


@pytest.fixture
def list_id(sim: SimulatedSendGrid) -> str:
    return sim.create_list("Newsletter")


def test_a_failure_that_passes_is_retried_with_doubling_pauses(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str, clock: Clock
) -> None:
    sim.fault(**UPSERT, status=500, times=2)
    sendgrid.upsert(batch(list_id, "ann@example.com"))
    sim.finish_jobs()
    assert set(sim.members(list_id)) == {"ann@example.com"}
    assert clock.slept == [0.5, 1.0]


def test_a_pause_is_a_random_part_of_its_length(
    sim: SimulatedSendGrid, make_transport: MakeTransport, clock: Clock
) -> None:
    sim.fault(status=503, times=2)
    parts = iter([0.25, 0.5])
    make_transport(jitter=lambda: next(parts)).call(routes.LISTS)
    assert clock.slept == [0.125, 0.5]


def test_a_failure_that_stays_ends_the_call_after_its_attempts(
    sim: SimulatedSendGrid, make_transport: MakeTransport
) -> None:
    sim.fault(status=503, times=None)
    with pytest.raises(errors.SendGridUnavailable) as caught:
        make_transport(policy=RetryPolicy(attempts=3)).call(routes.LISTS)
    assert (asked(sim), caught.value.status, caught.value.retry_after) == (3, 503, 30)


def test_a_dropped_connection_is_retried_and_the_batch_arrives(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str
) -> None:
    for drop in ("before", "after"):
        sim.fault(**UPSERT, drop=drop)
    sendgrid.upsert(batch(list_id, "ann@example.com"))
    sim.finish_jobs()
    assert set(sim.members(list_id)) == {"ann@example.com"}


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_connection_that_drops_without_an_answer_may_have_been_taken(
    sim: SimulatedSendGrid, make_transport: MakeTransport, list_id: str, drop: str
) -> None:
    """From outside the two cannot be told apart: only the list shows which it was."""
    sim.fault(**UPSERT, drop=drop, times=None)
    with pytest.raises(errors.SendGridUnavailable) as caught:
        SendGrid(make_transport(policy=RetryPolicy(attempts=1))).upsert(batch(list_id, "ann@example.com"))
    sim.finish_jobs()
    assert caught.value.maybe_taken
    assert bool(sim.members(list_id)) is (drop == "after")


def test_a_read_that_breaks_off_has_changed_nothing(sim: SimulatedSendGrid, make_transport: MakeTransport) -> None:
    sim.fault(drop="after", times=None)
    with pytest.raises(errors.SendGridUnavailable) as caught:
        make_transport().call(routes.LISTS)
    assert not caught.value.maybe_taken


def test_a_server_that_is_not_there_has_not_taken_anything(make_transport: MakeTransport) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can come to listen there
        taken.bind(("127.0.0.1", 0))
        transport = make_transport(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(errors.SendGridUnavailable) as caught:
            transport.call(routes.UPSERT, content=b"{}")
    assert (caught.value.code, caught.value.maybe_taken) == ("sendgrid_unreachable", False)


def test_a_host_without_an_address_has_not_taken_anything(make_transport: MakeTransport) -> None:
    with pytest.raises(errors.SendGridUnavailable) as caught:
        make_transport("http://sendgrid.invalid").call(routes.UPSERT, content=b"{}")
    assert not caught.value.maybe_taken


def test_an_early_attempt_that_may_have_been_taken_is_not_forgotten(
    sim: SimulatedSendGrid, make_transport: MakeTransport
) -> None:
    sim.fault(**UPSERT, drop="after")
    sim.fault(**UPSERT, status=429, headers={"retry-after": "60"})
    with pytest.raises(errors.Throttled) as caught:
        make_transport().call(routes.UPSERT, content=b'{"contacts":[{"email":"ann@example.com"}]}')
    assert caught.value.maybe_taken


def test_what_must_not_be_repeated_is_not(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    sim.fault(route="/v3/marketing/field_definitions", method="POST", drop="after")
    with pytest.raises(errors.SendGridUnavailable) as caught:
        sendgrid.create_field("tier", "Text")
    assert caught.value.maybe_taken
    assert [definition.name for definition in sendgrid.field_definitions() if not definition.reserved] == ["tier"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 200, "body": "<html>welcome</html>", "content_type": "text/html"},
        {"status": 202, "body": '{"job_id": "abc'},
    ],
)
def test_half_an_answer_may_have_been_taken_and_is_retried(
    sim: SimulatedSendGrid, sendgrid: SendGrid, list_id: str, fault: dict[str, object]
) -> None:
    sim.fault(**UPSERT, **fault)
    assert sendgrid.upsert(batch(list_id, "ann@example.com"))
    sim.fault(**UPSERT, **fault, times=None)
    with pytest.raises(errors.SendGridUnavailable) as caught:
        sendgrid.upsert(batch(list_id, "ann@example.com"))
    assert caught.value.maybe_taken


def test_an_answer_that_does_not_come_in_time_may_have_been_taken(make_transport: MakeTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        transport = make_transport(
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            timeouts=Timeouts(read=0.05),
            policy=RetryPolicy(attempts=1),
        )
        with pytest.raises(errors.SendGridUnavailable) as caught:
            transport.call(routes.UPSERT, content=b"{}")
    assert (caught.value.code, caught.value.maybe_taken) == ("sendgrid_broken_answer", True)


def test_a_short_pause_is_waited_for_and_a_long_one_ends_the_call(
    sim: SimulatedSendGrid, make_transport: MakeTransport, clock: Clock
) -> None:
    transport = make_transport()
    sim.fault(status=429, headers={"retry-after": "2"})
    transport.call(routes.LISTS)
    assert clock.slept == [2.0]
    sim.fault(status=429, headers={"retry-after": "40"})
    with pytest.raises(errors.Throttled) as caught:
        transport.call(routes.LISTS)
    assert (caught.value.retry_after, clock.slept) == (40, [2.0])


def test_pauses_of_one_call_are_a_few_seconds_in_all(
    sim: SimulatedSendGrid, make_transport: MakeTransport, clock: Clock
) -> None:
    sim.fault(status=429, headers={"retry-after": "2"}, times=None)
    with pytest.raises(errors.Throttled):
        make_transport(policy=RetryPolicy(attempts=100)).call(routes.LISTS)
    assert clock.slept == [2.0, 2.0]


def test_a_limit_that_one_transport_met_holds_the_others_of_the_account(
    sim: SimulatedSendGrid, make_transport: MakeTransport, clock: Clock
) -> None:
    limits = RateLimits(clock)
    sim.fault(status=429, headers={"retry-after": "40"})
    for _ in range(2):
        with pytest.raises(errors.Throttled):
            make_transport(limits=limits).call(routes.LISTS)
    assert asked(sim) == 1
    clock.now += 40
    make_transport(limits=limits).call(routes.LISTS)


@pytest.mark.parametrize("reset", ["delta", "epoch"])
def test_sendgrids_own_limit_is_met_without_a_429(
    sim: SimulatedSendGrid, make_transport: MakeTransport, reset: str
) -> None:
    sim.configure(rate_limits={"GET /v3/marketing/lists": 3}, rate_window=500_000.0, rate_reset=reset)
    now = time.time()
    transport = make_transport(limits=RateLimits(lambda: now))
    for _ in range(3):
        transport.call(routes.LISTS)
    with pytest.raises(errors.Throttled) as caught:
        transport.call(routes.LISTS)
    assert caught.value.status is None, "our own count said so"
    assert 5 < caught.value.retry_after <= 901
    assert sim.stats()["requests"] == {"GET /v3/marketing/lists": {"200": 3}}


def test_threads_together_use_sendgrids_limit_up_and_do_not_pass_it(
    sim: SimulatedSendGrid, make_transport: MakeTransport
) -> None:
    sim.configure(rate_limits={"GET /v3/marketing/lists": 10}, rate_window=500_000.0)
    now = time.time()
    transport = make_transport(
        limits=RateLimits(lambda: now), policy=RetryPolicy(longest_pause=100.0), sleep=lambda _: time.sleep(0.005)
    )

    def wait_asked_for(_: int) -> float:
        try:
            transport.call(routes.LISTS)
        except errors.Throttled as error:
            return error.retry_after
        return 0.0

    with ThreadPoolExecutor(4) as pool:
        waits = list(pool.map(wait_asked_for, range(16)))
    assert waits.count(0.0) == 10
    assert all(wait == 0.0 or wait > 100.0 for wait in waits), "the limit is in the way, not another thread"
    assert sim.stats()["requests"] == {"GET /v3/marketing/lists": {"200": 10}}


def test_a_temporary_block_stops_every_route_of_the_account(
    sim: SimulatedSendGrid, make_transport: MakeTransport
) -> None:
    transport = make_transport()
    sim.fault(status=403, message="Too many bad requests. Temporary block")
    with pytest.raises(errors.Blocked) as caught:
        transport.call(routes.LISTS)
    assert caught.value.retry_after >= 600
    with pytest.raises(errors.Throttled):
        transport.call(routes.FIELDS)
    assert asked(sim) == 1


def test_a_redirect_is_not_followed(
    sim: SimulatedSendGrid,
    make_transport: MakeTransport,
    serve: Callable[[Callable[[http.server.BaseHTTPRequestHandler], None]], Web],
) -> None:
    elsewhere = serve(lambda handler: handler.send_error(500))
    sim.fault(status=302, headers={"location": f"{elsewhere.url}/v3/marketing/lists"})
    with pytest.raises(errors.RequestRefused) as caught:
        make_transport().call(routes.LISTS)
    assert caught.value.code == "unexpected_redirect"
    assert elsewhere.requests == []


def test_a_stop_ends_the_call_before_an_attempt_and_before_a_pause(
    sim: SimulatedSendGrid, make_transport: MakeTransport, clock: Clock
) -> None:
    sim.fault(status=500, times=None)
    stops: Iterator[bool] = iter([False, True])

    def stop() -> None:
        if next(stops):
            raise RunCanceled("canceled", code="canceled")

    with pytest.raises(RunCanceled):
        make_transport(stop=stop).call(routes.LISTS)
    assert (asked(sim), clock.slept) == (1, [])


def test_requests_say_who_asks_and_what_they_take(
    sim: SimulatedSendGrid,
    make_transport: MakeTransport,
    serve: Callable[[Callable[[http.server.BaseHTTPRequestHandler], None]], Web],
) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.send_header("Set-Cookie", "a=b")
        handler.end_headers()
        handler.wfile.write(b"{}")

    server = serve(answer)
    transport = make_transport(server.url)
    for _ in range(2):
        transport.call(routes.LISTS, query={"page_token": "a/b,c"})
    path, headers = server.requests[-1]
    assert path == "/v3/marketing/lists?page_token=a%2Fb,c"
    assert headers["User-Agent"] == f"segments-to-sendgrid/{__version__}"
    assert (headers["Accept"], headers["Authorization"]) == ("application/json", f"Bearer {KEY}")
    assert "Cookie" not in headers


@pytest.mark.parametrize("value", ["", "..", "a/b", "a?b", "a#b", "%2e", "a b", "x" * 101])
def test_what_is_no_id_cannot_lead_to_another_endpoint(make_transport: MakeTransport, value: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        make_transport().call(routes.LIST, value)


def test_nothing_is_sent_to_a_server_with_a_certificate_of_its_own_making(
    make_transport: MakeTransport, own_tls_server: tuple[str, list[str]]
) -> None:
    url, received = own_tls_server
    with pytest.raises(errors.SendGridUnavailable) as caught:
        make_transport(url).call(routes.UPSERT, content=b"{}")
    assert (caught.value.code, caught.value.maybe_taken) == ("sendgrid_unreachable", False)
    assert received == []


def test_a_tls_connection_that_breaks_off_may_have_been_used() -> None:
    broken = MaxRetryError(HTTPSConnectionPool("x"), "/", SSLError("unexpected end of file"))
    assert not never_sent(requests.exceptions.SSLError(broken))
