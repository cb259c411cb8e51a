"""Requests to SendGrid as spans and metrics: by route, with what came of them, and without what a URL may give away."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from local.sendgrid.control import SimulatedSendGrid
from shared.sendgrid import errors, routes
from shared.sendgrid.downloads import Downloads
from shared.sendgrid.transport import Transport
from shared.telemetry import Metric
from tests.telling import Telling
from tests.unit.sendgrid.conftest import Clock, Web

MakeTransport = Callable[..., Transport]


def waits(telling: Telling) -> dict[str, float]:
    found: dict[str, float] = {}
    for point in telling.points(Metric.RATE_LIMIT_WAIT):
        assert isinstance(point, HistogramDataPoint)
        assert point.attributes
        assert point.attributes["route"] == "GET /v3/marketing/lists"
        found[str(point.attributes["where"])] = point.sum
    return found


def test_waits_for_the_rate_limit_are_measured_once_and_where_they_happen(
    sim: SimulatedSendGrid, make_transport: MakeTransport, clock: Clock
) -> None:
    transport = make_transport()
    with Telling() as telling:
        sim.fault(route="/v3/marketing/lists", times=1, status=429, headers={"Retry-After": "2"})
        transport.call(routes.LISTS)
        assert waits(telling) == {"process": sum(clock.slept)}
        sim.fault(route="/v3/marketing/lists", times=1, status=429, headers={"Retry-After": "60"})
        with pytest.raises(errors.Throttled) as limited:
            transport.call(routes.LISTS)
        assert waits(telling) == {"process": sum(clock.slept), "queue": limited.value.retry_after}


def test_each_attempt_is_a_span_with_what_came_of_it(sim: SimulatedSendGrid, make_transport: MakeTransport) -> None:
    list_id = sim.create_list("Newsletter")
    sim.fault(route="/v3/marketing/lists/{id}", times=1, status=503)
    sim.fault(route="/v3/marketing/lists/{id}", times=1, drop="after")
    with Telling() as telling:
        make_transport().call(routes.LIST, list_id)
        spans = telling.spans("GET /v3/marketing/lists/{id}")
        text = telling.text()
    told = [((span.attributes or {}).get("status"), (span.attributes or {}).get("code")) for span in spans]
    assert sorted(told, key=str) == [(200, None), (503, None), (None, "sendgrid_broken_answer")]
    assert [span.status.is_ok for span in spans].count(True) == 1
    assert list_id not in text
    assert "Newsletter" not in text


def test_of_a_files_address_only_its_host_is_told(serve: Callable[..., Web]) -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nwho,why\n")

    url = serve(answer).url
    with Telling() as telling:
        content = b"".join(Downloads(url).fetch(f"{url}/errors-of-ada.csv?sig=secret"))
        [span] = telling.spans("GET /file")
        text = telling.text()
    assert content == b"who,why\n"
    assert (span.attributes or {})["url.full"] == f"{url}/file"
    assert "ada" not in text
    assert "secret" not in text
