"""Files from servers that behave well, badly, or should not have been asked."""

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
import requests

from shared.sendgrid.downloads import Downloads, FileLimits, _public_only
from shared.sendgrid.errors import FileUnavailable, SendGridUnavailable
from tests.unit.sendgrid.conftest import KEY, Clock, Web

Serve = Callable[[Callable[[BaseHTTPRequestHandler], None]], Web]
CONTENT = b"primary_email,errors_occurred\n" + b"ann@example.com,bad\n" * 20_000


def answer(
    content: bytes, *, status: int = 200, length: int | None = None, **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        with contextlib.suppress(OSError):  # the client had enough
            handler.wfile.write(content)

    return write


def fetch(server: Web, **limits: int) -> bytes:
    return b"".join(
        Downloads(server.url, limits=FileLimits(**limits)).fetch(f"{server.url}/errors.csv?signature=secret")
    )


@pytest.mark.parametrize(
    "answered",
    [
        answer(CONTENT),
        answer(gzip.compress(CONTENT)),
        answer(gzip.compress(CONTENT), Content_Encoding="gzip"),
        answer(gzip.compress(gzip.compress(CONTENT)), Content_Encoding="gzip"),
        answer(gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:])),
    ],
    ids=["plain", "gzip file", "gzip in transit", "both", "two members"],
)
def test_a_file_is_fetched_and_unpacked(serve: Serve, answered: Callable[[BaseHTTPRequestHandler], None]) -> None:
    assert fetch(serve(answered)) == CONTENT


@pytest.mark.parametrize("content", [b"", b"x", b"\x1f"])
def test_a_tiny_file_is_fetched_whole(serve: Serve, content: bytes) -> None:
    assert fetch(serve(answer(content))) == content


def test_the_key_is_none_of_the_file_servers_business(serve: Serve) -> None:
    server = serve(answer(CONTENT))
    fetch(server)
    [(path, headers)] = server.requests
    assert path == "/errors.csv?signature=secret"
    assert "Authorization" not in headers
    assert KEY not in str(headers)


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    elsewhere = serve(answer(CONTENT))
    server = serve(answer(b"", status=302, Location=f"{elsewhere.url}/"))
    with pytest.raises(FileUnavailable):
        fetch(server)
    assert elsewhere.requests == []


@pytest.mark.parametrize("status", [206, 403, 404, 410])
def test_a_file_that_is_gone_stays_gone(serve: Serve, status: int) -> None:
    with pytest.raises(FileUnavailable, match=f"HTTP {status}"):
        fetch(serve(answer(b"x", status=status)))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_is_worth_another_try(serve: Serve, status: int) -> None:
    with pytest.raises(SendGridUnavailable):
        fetch(serve(answer(b"x", status=status)))


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)])
def test_a_file_that_breaks_off_is_worth_another_try(serve: Serve, content: bytes) -> None:
    with pytest.raises(SendGridUnavailable):
        fetch(serve(answer(content, length=len(content) + 10)))


@pytest.mark.parametrize("content", [gzip.compress(CONTENT)[:-20], b"\x1f\x8b" + b"x" * 1000])
def test_half_a_gzip_file_is_not_taken_for_a_whole_one(serve: Serve, content: bytes) -> None:
    with pytest.raises(FileUnavailable, match="gzip"):
        fetch(serve(answer(content)))


@pytest.mark.parametrize(
    "answered",
    [
        answer(b"x" * 200_000),
        answer(gzip.compress(b"\0" * 20_000_000)),
        answer(gzip.compress(b"\0" * 20_000_000), Content_Encoding="gzip"),
    ],
    ids=["plain", "bomb", "bomb in transit"],
)
def test_a_file_is_read_no_further_than_its_limit(
    serve: Serve, answered: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    with pytest.raises(FileUnavailable) as caught:
        fetch(serve(answered), size=100_000)
    assert caught.value.code == "file_too_large"


def test_a_trickle_meets_the_time_limit(serve: Serve, clock: Clock) -> None:
    """Time goes by, one byte comes, and no more: the client does not wait for the rest of the piece."""
    done = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        clock.now += 1000
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"x")
        handler.wfile.flush()
        done.wait(30)

    server = serve(trickle)
    try:
        with pytest.raises(FileUnavailable) as caught:
            list(Downloads(server.url, clock=clock).fetch(f"{server.url}/"))
    finally:
        done.set()
    assert caught.value.code == "file_too_slow"


def test_a_server_that_is_not_there_is_worth_another_try_and_its_url_stays_unsaid() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SendGridUnavailable) as caught:
            list(Downloads(base).fetch(f"{base}/?signature=secret"))
    assert "secret" not in f"{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_a_host_without_an_address_is_worth_another_try() -> None:
    with pytest.raises(SendGridUnavailable):
        list(Downloads().fetch("https://files.invalid/errors.csv"))


def test_a_private_address_is_not_asked(serve: Serve) -> None:
    server = serve(answer(CONTENT))
    with pytest.raises(FileUnavailable):
        list(Downloads().fetch(f"{server.url}/errors.csv"))
    with pytest.raises(FileUnavailable):
        list(Downloads(resolve=lambda _host, _port: ["10.0.0.1"]).fetch("https://files.example/errors.csv"))
    assert server.requests == []


def test_a_name_that_resolves_differently_the_second_time_is_hung_up_on() -> None:
    """The connection goes to this machine although the check saw a public address: not a byte may be sent."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, requests.Session() as session:

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(100))

        thread = threading.Thread(target=accept)
        thread.start()
        session.mount("https://", _public_only())
        with pytest.raises(FileUnavailable, match="private network"):
            session.get(f"https://127.0.0.1:{listener.getsockname()[1]}/", timeout=10)
        thread.join()
    assert received == [b""]


def test_plain_http_is_not_spoken_to_the_internet() -> None:
    with pytest.raises(FileUnavailable, match="not https"):
        list(Downloads(resolve=lambda _host, _port: ["52.218.1.1"]).fetch("http://files.example/errors.csv"))


def test_a_server_with_a_certificate_of_its_own_making_is_not_asked(own_tls_server: tuple[str, list[str]]) -> None:
    url, received = own_tls_server
    with pytest.raises(SendGridUnavailable):
        list(Downloads(url).fetch(f"{url}/errors.csv"))
    assert received == []
