"""The host with the tiny app inside: every kind of trigger, from outside the process."""

import base64
import json
import signal
import socket

import pytest
import requests

from tests.integration.local.conftest import TinyHost

KEY = {"x-functions-key": "fkey"}


def test_an_http_function_gets_the_request_as_the_real_host_shapes_it(serving: TinyHost) -> None:
    answer = requests.post(
        f"{serving.url}/tiny/things/a%20b?one=1&empty=&one=2",
        data=b"body",
        headers={**KEY, "X-Mixed": "Case"},
        timeout=60,
    )
    assert answer.status_code == 202
    assert answer.headers["Location"] == "/there"
    seen = answer.json()
    assert seen["method"] == "POST"
    assert seen["url"] == f"{serving.url}/tiny/things/a%20b?one=1&empty=&one=2"
    assert seen["query"] == {"one": "1,2"}
    assert seen["route"] == {"thing": "a b"}
    assert seen["body"] == "body"
    assert seen["headers"]["x-mixed"] == "Case"
    assert all(name == name.lower() for name in seen["headers"])


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "tiny/things/fixed", "fkey", 200),
        ("GET", "tiny/things/fixed?code=fkey", None, 200),
        ("GET", "tiny/things/fixed", "mkey", 200),
        ("GET", "tiny/things/fixed", None, 401),
        ("GET", "tiny/things/fixed", "other", 401),
        ("GET", "tiny/closed", "fkey", 401),
        ("GET", "tiny/closed", "mkey", 200),
        ("GET", "tiny/open", None, 200),
        ("DELETE", "tiny/things/fixed", "fkey", 404),
        ("GET", "api/open", None, 404),
        ("GET", "tiny/things/a/b/c", "fkey", 404),
    ],
)
def test_routes_and_keys(serving: TinyHost, method: str, path: str, key: str | None, status: int) -> None:
    headers = {"x-functions-key": key} if key else {}
    assert requests.request(method, f"{serving.url}/{path}", headers=headers, timeout=60).status_code == status


def test_an_unhandled_exception_is_a_bare_500(serving: TinyHost) -> None:
    answer = requests.get(f"{serving.url}/tiny/open?fail=yes", timeout=60)
    assert (answer.status_code, answer.content) == (500, b"")


def test_blobs_there_at_start_and_new_and_changed_ones_are_seen_once_each(tiny: TinyHost) -> None:
    tiny.container.create_container()
    tiny.container.upload_blob("before.csv", b"1")
    first = tiny.start()
    tiny.wait(lambda: len(tiny.notes("landed")) == 1)
    tiny.container.upload_blob("deep/after.csv", b"22")
    tiny.wait(lambda: len(tiny.notes("landed")) == 2)
    tiny.container.upload_blob("before.csv", b"333", overwrite=True)
    tiny.wait(lambda: len(tiny.notes("landed")) == 3)
    first.terminate()
    first.wait()

    tiny.start()  # receipts outlive the host
    tiny.container.upload_blob("last.csv", b"4444")
    tiny.wait(lambda: len(tiny.notes("landed")) >= 4)
    assert [(note["name"], note["size"]) for note in tiny.notes("landed")] == [
        ("before.csv", 1),
        ("deep/after.csv", 2),
        ("before.csv", 3),
        ("last.csv", 4),
    ]


def test_a_blob_that_fails_five_times_goes_to_the_poison_queue(tiny: TinyHost) -> None:
    tiny.container.create_container()
    tiny.container.upload_blob("bad.csv", b"1")
    tiny.start()
    tiny.wait(lambda: "moved to webjobs-blobtrigger-poison" in tiny.log.read_text(encoding="utf-8"))
    assert len(tiny.notes("landed")) == 5
    poisoned = [json.loads(base64.b64decode(each.content)) for each in tiny.blob_poison.peek_messages(max_messages=32)]
    assert [each["BlobName"] for each in poisoned if each["ContainerName"] == tiny.container.container_name] == [
        "bad.csv"
    ]


def test_a_message_that_succeeds_is_deleted(tiny: TinyHost) -> None:
    tiny.queue.create_queue()
    tiny.queue.send_message("fine")
    tiny.start()
    tiny.wait(lambda: bool(tiny.notes("worked")))
    tiny.wait(lambda: tiny.queue.get_queue_properties().approximate_message_count == 0)
    assert tiny.notes("worked") == [{"function": "worked", "text": "fine", "dequeue_count": 1}]


def test_a_message_that_keeps_failing_is_tried_again_and_then_poisoned(tiny: TinyHost) -> None:
    tiny.queue.create_queue()
    tiny.queue.send_message("fail")
    tiny.start()
    tiny.wait(lambda: "moved to" in tiny.log.read_text(encoding="utf-8"))
    assert [note["dequeue_count"] for note in tiny.notes("worked")] == [1, 2]
    [poisoned] = tiny.poison.peek_messages()
    assert base64.b64decode(poisoned.content) == b"fail"


def test_a_message_that_is_not_base64_is_poisoned_unread(tiny: TinyHost, azurite: str) -> None:
    tiny.queue.create_queue()
    plain = type(tiny.queue).from_connection_string(azurite, tiny.queue.queue_name)
    with plain:
        plain.send_message("{not base64}")
    tiny.start()
    tiny.wait(lambda: "moved to" in tiny.log.read_text(encoding="utf-8"))
    assert tiny.notes("worked") == []


def test_a_long_message_stays_hidden_while_it_is_worked_on(tiny: TinyHost) -> None:
    tiny.queue.create_queue()
    tiny.queue.send_message("sleep 6")
    tiny.start("--hidden-seconds", "4")
    tiny.wait(lambda: len(tiny.notes("worked")) == 2)
    assert [note["text"] for note in tiny.notes("worked")] == ["sleep 6", "slept"]


def test_the_message_of_a_killed_host_comes_back(tiny: TinyHost) -> None:
    tiny.queue.create_queue()
    tiny.queue.send_message("sleep 3")
    killed = tiny.start("--hidden-seconds", "2")
    tiny.wait(lambda: bool(tiny.notes("worked")))
    killed.kill()
    killed.wait()
    tiny.start()
    tiny.wait(lambda: tiny.notes("worked")[-1]["text"] == "slept")
    assert [note.get("dequeue_count") for note in tiny.notes("worked")] == [1, 2, None]


def test_sigterm_lets_the_function_in_hand_end(tiny: TinyHost) -> None:
    tiny.queue.create_queue()
    tiny.queue.send_message("sleep 2")
    host = tiny.start()
    tiny.wait(lambda: bool(tiny.notes("worked")))
    host.send_signal(signal.SIGTERM)
    assert host.wait(60) == 0
    assert tiny.notes("worked")[-1]["text"] == "slept"
    assert tiny.queue.get_queue_properties().approximate_message_count == 0


def test_a_timer_ticks_to_its_schedule(tiny: TinyHost) -> None:
    tiny.settings["TINY_SCHEDULE"] = "* * * * * *"
    tiny.start()
    tiny.wait(lambda: len(tiny.notes("ticked")) >= 2)
    assert not any(note["past_due"] for note in tiny.notes("ticked"))


def test_a_tick_missed_while_the_host_was_down_is_past_due(tiny: TinyHost, azurite: str) -> None:
    first = tiny.start()
    tiny.wait(lambda: "ticked: next at" in tiny.log.read_text(encoding="utf-8"))
    first.terminate()
    first.wait()
    store = type(tiny.container).from_connection_string(azurite, "azure-webjobs-hosts")
    with store:
        host_id = tiny.settings["AzureFunctionsWebHost__hostid"]
        status = json.dumps({"Last": None, "Next": "2026-01-01T00:00:00+00:00", "LastUpdated": None})
        store.upload_blob(f"timers/{host_id}/Host.Functions.ticked/status", status, overwrite=True)
    tiny.start()
    tiny.wait(lambda: bool(tiny.notes("ticked")))
    assert tiny.notes("ticked") == [{"function": "ticked", "past_due": True}]


def test_a_port_that_is_taken_is_named(tiny: TinyHost) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert tiny.launch("--port", str(port)).wait(60) == 1
    assert f"port {port} is not free" in tiny.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("TINY_QUEUE", None, "'%TINY_QUEUE%' does not resolve to a value"),
        ("TinyStorage", None, "the app setting TinyStorage, which its connection names, is not set"),
        ("TINY_SCHEDULE", "every day", "is no NCRONTAB expression"),
    ],
)
def test_an_app_that_azure_would_refuse_is_refused_loudly(
    tiny: TinyHost, setting: str, value: str | None, complaint: str
) -> None:
    if value is None:
        del tiny.settings[setting]
    else:
        tiny.settings[setting] = value
    assert tiny.launch("--port", "0").wait(60) == 1
    assert complaint in tiny.log.read_text(encoding="utf-8")
