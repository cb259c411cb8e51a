"""Files to servers that behave well, badly, or should not be asked."""

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.sendgrid.control import SimulatedSendGrid
from local.servers import LocalServer, Reply, Request
from shared.sendgrid.client import SendGrid, Upload
from shared.sendgrid.errors import FileUnavailable, PayloadTooLarge, RequestRefused, SendGridError, SendGridUnavailable
from shared.sendgrid.uploads import Uploads
from tests.unit.sendgrid.conftest import KEY, Clock

HEADERS = {"x-amz-server-side-encryption": "aws:kms"}
CONTENT = b"0123456789abcdef" * 20_000
Start = Callable[..., LocalServer]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "import.csv.gz"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def received() -> list[Request]:
    return []


@pytest.fixture
def start(received: list[Request]) -> Iterator[Start]:
    """start(status, document, headers) starts a server that answers so."""
    servers: list[LocalServer] = []

    def make(status: int = 200, document: object = None, **headers: str) -> LocalServer:
        def answer(request: Request) -> Reply:
            received.append(request)
            return Reply(status, document, headers)

        servers.append(LocalServer(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def upload(url: str, **headers: str) -> Upload:
    return Upload("a-job", f"{url}/bucket/x?X-Amz-Signature=secret", HEADERS | headers)


def refusal(server: LocalServer, file: Path, **headers: str) -> SendGridError:
    with pytest.raises(SendGridError) as caught:
        Uploads(server.url).send(upload(server.url, **headers), file)
    assert "secret" not in f"{caught.value}{caught.value.__cause__}"
    return caught.value


def test_the_file_goes_up_as_it_is_with_the_headers_of_sendgrid_and_without_the_key(
    start: Start, received: list[Request], file: Path
) -> None:
    server = start()
    Uploads(server.url).send(upload(server.url), file)
    [request] = received
    assert (request.method, request.target) == ("PUT", "/bucket/x?X-Amz-Signature=secret")
    assert request.body == CONTENT
    assert request.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert request.headers["Content-Length"] == str(len(CONTENT))
    names = {name.lower() for name in request.headers}
    assert names.isdisjoint({"authorization", "transfer-encoding", "content-type", "cookie"})
    assert KEY not in str(request.headers)


@pytest.mark.parametrize("status", [301, 307, 400, 403, 404])
def test_a_server_that_does_not_want_the_file_is_not_asked_again(
    start: Start, received: list[Request], file: Path, status: int
) -> None:
    elsewhere = start()
    error = refusal(start(status, location=f"{elsewhere.url}/"), file)
    assert isinstance(error, RequestRefused)
    assert (error.status, error.maybe_taken, len(received)) == (status, False, 1)
    assert "127.0.0.1" in error.message


def test_a_file_that_is_too_large_is_told_apart(start: Start, file: Path) -> None:
    assert isinstance(refusal(start(413), file), PayloadTooLarge)


@pytest.mark.parametrize(
    ("status", "document", "maybe_taken"),
    [(500, None, True), (503, None, True), (429, None, False), (408, None, False), (400, "RequestTimeout", False)],
)
def test_a_server_in_trouble_is_worth_another_try(
    start: Start, file: Path, status: int, document: object, maybe_taken: bool
) -> None:
    error = refusal(start(status, document), file)
    assert isinstance(error, SendGridUnavailable)
    assert error.maybe_taken is maybe_taken


@pytest.mark.parametrize(
    "headers", [{"x-bad": "a\r\nInjected: b"}, {"bad name": "x"}, {"Host": "elsewhere"}, {"Content-Length": "1"}]
)
def test_headers_that_are_none_are_not_sent(
    start: Start, received: list[Request], file: Path, headers: dict[str, str]
) -> None:
    assert isinstance(refusal(start(), file, **headers), SendGridUnavailable)
    assert received == []


def test_a_server_that_is_not_there_has_nothing(file: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SendGridUnavailable) as caught:
            Uploads(url).send(upload(url), file)
    assert not caught.value.maybe_taken
    assert "secret" not in f"{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("host", ["https://files.invalid", "https://10.0.0.1", "http://files.example"])
def test_only_public_https_servers_are_asked(file: Path, host: str) -> None:
    with pytest.raises((FileUnavailable, SendGridUnavailable)) as caught:
        Uploads().send(upload(host), file)
    assert not caught.value.maybe_taken
    assert "secret" not in f"{caught.value.message}{caught.value.advice}"


def test_a_private_server_behind_a_public_name_is_not_asked(start: Start, received: list[Request], file: Path) -> None:
    server = start()
    with pytest.raises(FileUnavailable):
        Uploads().send(upload(server.url), file)
    with pytest.raises(FileUnavailable):
        Uploads(resolve=lambda _host, _port: ["10.0.0.1"]).send(upload("https://files.example"), file)
    assert received == []


def test_an_upload_ends_at_its_time(start: Start, received: list[Request], file: Path, clock: Clock) -> None:
    server = start()

    def go_on() -> None:
        clock.now += 100

    with pytest.raises(SendGridUnavailable) as caught:
        Uploads(server.url, clock=clock).send(upload(server.url), file, go_on)
    assert caught.value.code == "upload_too_slow"
    assert all(len(request.body) < len(CONTENT) for request in received)


def test_an_upload_is_stopped_between_two_pieces(start: Start, received: list[Request], file: Path) -> None:
    server = start()
    pieces = iter(range(3))

    def stop() -> None:
        if next(pieces, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Uploads(server.url).send(upload(server.url), file, stop)
    assert all(len(request.body) < len(CONTENT) for request in received)


def test_a_file_that_was_announced_becomes_a_job(sendgrid: SendGrid, sim: SimulatedSendGrid, tmp_path: Path) -> None:
    list_id = sim.create_list("Newsletter")
    path = tmp_path / "import.csv.gz"
    path.write_bytes(gzip.compress(b'_rf2_T,_rf0_T\nann@example.com,"Ann, B."\n'))
    announced = sendgrid.announce_import(list_id, ["_rf2_T", "_rf0_T"])
    assert announced.host == "127.0.0.1"
    assert "http" not in repr(announced)
    Uploads(sim.url).send(announced, path)
    sim.finish_jobs()
    job = sendgrid.job(announced.job_id)
    assert (job.status, job.created) == ("completed", 1)
    assert sim.members(list_id)["ann@example.com"]["first_name"] == "Ann, B."


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": None},
        {"job_id": "../x"},
        {"upload_uri": None},
        {"upload_uri": 7},
        {"upload_headers": None},
        {"upload_headers": 7},
        {"upload_headers": {"x": "y"}},
        {"upload_headers": [{"header": "x"}]},
    ],
)
def test_an_answer_that_is_no_announcement_is_worth_another_try_and_took_nothing(
    sendgrid: SendGrid, sim: SimulatedSendGrid, change: dict[str, object]
) -> None:
    body = {"job_id": "a-job", "upload_uri": "https://files.example/x", "upload_headers": []} | change
    sim.fault(route="/v3/marketing/contacts/imports", method="PUT", status=200, body=json.dumps(body), times=None)
    with pytest.raises(SendGridUnavailable) as caught:
        sendgrid.announce_import(sim.create_list("Newsletter"), ["_rf2_T"])
    assert not caught.value.maybe_taken


@pytest.mark.parametrize(
    "url", ["", "nonsense", "https://[x", "https://user:secret@", "https://a b/", "https://\u00e9.example"]
)
def test_a_url_without_a_plain_host_has_none_to_be_told(url: str, file: Path) -> None:
    named = Upload("a-job", url, {})
    assert named.host == ""
    with pytest.raises(FileUnavailable):
        Uploads().send(named, file)
