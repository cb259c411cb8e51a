"""The key: fetched anew after a 401, never shown; and neither are addresses."""

import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from local.sendgrid.control import SimulatedSendGrid
from shared.sendgrid import errors, routes
from shared.sendgrid.client import SendGrid
from shared.sendgrid.transport import Transport
from tests.unit.sendgrid.conftest import KEY, asked, batch

UPSERT = {"route": "/v3/marketing/contacts", "method": "PUT"}
MakeTransport = Callable[..., Transport]


def test_a_key_that_was_rotated_is_fetched_anew_once(sim: SimulatedSendGrid, make_transport: MakeTransport) -> None:
    calls: list[bool] = []

    def key(refresh: bool) -> str:
        calls.append(refresh)
        return KEY if any(calls) else "SG.the-old-one"

    transport = make_transport(key=key)
    transport.call(routes.LISTS)
    assert calls.count(True) == 1
    transport.call(routes.LISTS)
    assert calls.count(True) == 1
    assert sim.stats()["requests"] == {"GET /v3/marketing/lists": {"401": 1, "200": 2}}


def test_a_key_that_stays_refused_ends_the_run(sim: SimulatedSendGrid, make_transport: MakeTransport) -> None:
    with pytest.raises(errors.KeyRefused, match="refused the API key"):
        make_transport(key=lambda _: "SG.wrong").call(routes.LISTS)
    assert asked(sim) == 2


def test_of_many_threads_with_an_old_key_one_fetches_the_new_one(make_transport: MakeTransport) -> None:
    current = "SG.the-old-one"
    fetched: list[str] = []
    together = threading.Barrier(4)

    def key(refresh: bool) -> str:
        nonlocal current
        if refresh:
            fetched.append(current)
            current = KEY
        return current

    transport = make_transport(key=key)

    def work() -> None:
        together.wait()
        transport.call(routes.LISTS)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == ["SG.the-old-one"]


@pytest.mark.parametrize("key", ["", "SG.with space", "SG.x\nX-Evil: 1", "SG.kÿey", "\tSG.x"])
def test_a_key_that_cannot_be_one_is_never_sent_or_shown(
    sim: SimulatedSendGrid, make_transport: MakeTransport, key: str
) -> None:
    with pytest.raises(errors.KeyRefused) as caught:
        make_transport(key=lambda _: key).call(routes.LISTS)
    assert caught.value.code == "key_malformed"
    assert asked(sim) == 0
    assert not key or key not in "".join(traceback.format_exception(caught.value))


def test_a_netrc_file_cannot_change_the_key(
    sim: SimulatedSendGrid, make_transport: MakeTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    make_transport().call(routes.LISTS)


def test_neither_key_nor_address_reaches_logs_or_errors(
    sim: SimulatedSendGrid, make_transport: MakeTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    list_id = sim.create_list("Newsletter")
    wrong, ann, bob, odd = "SG.wrong-secret", "ann@example.com", "bob@", "not-an-address"
    transport = make_transport()
    sendgrid = SendGrid(transport)
    caught: list[BaseException] = []
    sim.fault(**UPSERT, status=500)
    sim.fault(**UPSERT, drop="before")
    sendgrid.upsert(batch(list_id, ann))
    sendgrid.search_emails([ann, odd])
    for fault in ({}, {"status": 400, "message": f"{ann} is odd"}, {"drop": "after", "times": None}):
        if fault:
            sim.fault(**UPSERT, **fault)
        with pytest.raises(errors.SendGridError) as failed:
            sendgrid.upsert(batch(list_id, ann, bob))
        caught.append(failed.value)
    with pytest.raises(errors.KeyRefused) as refused:
        make_transport(key=lambda _: wrong).call(routes.LISTS)
    caught.append(refused.value)
    shown = caplog.text + "".join("".join(traceback.format_exception(error)) + repr(error) for error in caught)
    shown += repr(transport) + repr(sendgrid)
    assert "request_retried" in caplog.text
    for secret in (KEY, wrong, ann, bob, odd):
        assert secret not in shown
