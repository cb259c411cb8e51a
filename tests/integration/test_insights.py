"""Spans and metrics on their way to Application Insights, by the real exporter, to a stand-in of its ingestion."""

import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import certificate
from local.identity import LocalIdentity, TokenRequest, audience
from local.servers import LocalServer, Reply, Request
from shared import telemetry
from shared.cloud import insights
from shared.sendgrid import routes
from shared.sendgrid.transport import request_span
from shared.settings import Settings
from shared.telemetry import Metric, Span

APP_CLIENT_ID = "0f5d9c3a-1111-4222-8333-444455556666"
TRACE_ID, HOST_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Ingestion:
    """Takes telemetry from whoever has a token for Azure Monitor."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if audience(token) not in {"https://monitor.azure.com", "https://monitor.azure.com/"}:
            return Reply(401, {"itemsReceived": 0, "itemsAccepted": 0, "errors": []})
        body = gzip.decompress(request.body) if request.headers.get("content-encoding") == "gzip" else request.body
        items = json.loads(body)
        with self._lock:
            self.items += items
            self.paths.add(request.target)
        return Reply(200, {"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []})


@pytest.fixture
def ingestion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ingestion]:
    """The app is connected to it until the end of the test."""
    before = {name: getattr(telemetry, name) for name in ("_tracer", "_flush", "_instruments")}
    public, private = certificate.write(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(public, private)
    taken = Ingestion()
    server = LocalServer(taken.answer, tls=tls)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(public))
    monkeypatch.setattr(telemetry, "_instruments", {})
    with LocalIdentity() as identity:
        for name, value in identity.environment.items():
            monkeypatch.setenv(name, value)
        key = "00000000-0000-0000-0000-000000000001"
        settings = Settings.from_environment(
            {
                "AzureWebJobsStorage": "UseDevelopmentStorage=true",
                "SegmentStorage": "UseDevelopmentStorage=true",
                "KEY_VAULT_URL": "https://vault.example",
                "AZURE_CLIENT_ID": APP_CLIENT_ID,
                "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={key};IngestionEndpoint={server.url}/",
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": f"ClientId={APP_CLIENT_ID};Authorization=AAD",
            }
        )
        insights.connect(settings)
        yield taken
        assert set(identity.requests) == {TokenRequest("https://monitor.azure.com/", APP_CLIENT_ID)}
    server.close()
    for name, value in before.items():
        setattr(telemetry, name, value)


def test_spans_and_metrics_arrive_with_the_apps_identity_under_the_hosts_operation(ingestion: Ingestion) -> None:
    parent = f"00-{TRACE_ID}-{HOST_SPAN}-00"  # not sampled, as the host says when it samples by itself
    with (
        telemetry.bound(run_id="newsletter-1", export_id="newsletter"),
        telemetry.span(Span.SLICE, {"slice": 3}, parent=parent),
        request_span("GET", routes.LIST.name, "https://api.example/v3/marketing/lists/some-id?a=b") as noted,
    ):
        noted |= {"status": 503, "http.response.status_code": 503, "failed": True}
    telemetry.measure(Metric.CONTACTS, 7, {"export_id": "newsletter", "outcome": "accepted"})
    telemetry.flush(20)
    assert len(ingestion.paths) == 1
    spans = {each["data"]["baseData"]["name"]: each for each in ingestion.items if "Dependency" in each["name"]}
    told, asked = spans["slice"], spans["GET /v3/marketing/lists/{id}"]
    assert told["tags"]["ai.operation.id"] == asked["tags"]["ai.operation.id"] == TRACE_ID
    assert told["tags"]["ai.operation.parentId"] == HOST_SPAN
    assert told["tags"]["ai.cloud.role"] == insights.SERVICE
    assert told["data"]["baseData"]["properties"] == {"run_id": "newsletter-1", "export_id": "newsletter", "slice": "3"}
    data = asked["data"]["baseData"]
    assert (data["type"], data["target"], data["resultCode"], data["success"]) == ("HTTP", "api.example", "503", False)
    assert data["properties"]["route"] == "GET /v3/marketing/lists/{id}"
    assert data["data"] == "https://api.example/v3/marketing/lists/{id}"
    metrics = {
        each["data"]["baseData"]["metrics"][0]["name"]: each["data"]["baseData"]
        for each in ingestion.items
        if "Metric" in each["name"]
    }
    assert metrics["contacts"]["metrics"][0]["value"] == 7
    assert metrics["contacts"]["properties"] == {"export_id": "newsletter", "outcome": "accepted"}
    assert metrics["request.duration"]["properties"] == {"route": "GET /v3/marketing/lists/{id}", "status": "503"}
    # Of the machine, the process and the exporter itself nothing is told.
    assert {each["name"].split(".")[-1] for each in ingestion.items} == {"RemoteDependency", "Metric"}
    assert set(metrics) == {"contacts", "request.duration"}
