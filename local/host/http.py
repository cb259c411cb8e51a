"""HTTP triggers, with the request shaped as the real host shapes it.

Header names in lower case, query parameters without a value dropped, repeated ones joined by a comma, the body always
bytes; an unhandled exception is a bare 500, a missing key a bare 401, an unknown route or method a bare 404.
"""

import sys
import threading
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local.host.routes import Keys, Router
from local.host.worker import Worker

PING = "/admin/host/ping"  # as with the real host: 200 when it is up


class HttpListener:
    """Serves the app's HTTP functions on the loopback address; port 0 takes a free one."""

    def __init__(self, worker: Worker, router: Router, keys: Keys, port: int) -> None:
        self._server = _Server(worker, router, keys, port)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new."""
        self._server.shutdown()
        self._server.server_close()

    def join(self) -> None:
        """Wait for what is in hand."""
        self._server.in_hand.wait_for_none()


class _InHand:
    """Counts the requests being answered."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_for_none(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, worker: Worker, router: Router, keys: Keys, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.worker, self.router, self.keys, self.in_hand = worker, router, keys, _InHand()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that went away is not news
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body leave in one packet
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        if "transfer-encoding" in self.headers:
            self.close_connection = True
            self._reply(HTTPStatus.LENGTH_REQUIRED)
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.in_hand:
            self._answer(body)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle  # noqa: N815

    def _answer(self, body: bytes) -> None:
        url = urlsplit(self.path)
        if url.path == PING:
            return self._reply(HTTPStatus.OK)
        found = self.server.router.find(self.command, url.path)
        if not found:
            return self._reply(HTTPStatus.NOT_FOUND)
        function, parameters = found
        headers = _joined((name.lower(), value) for name, value in self.headers.items())
        query = _joined(parse_qsl(url.query))
        if not self.server.keys.admit(function, headers, query):
            return self._reply(HTTPStatus.UNAUTHORIZED)
        request = {
            "method": self.command,
            "url": f"http://{headers.get('host', '127.0.0.1')}{self.path}",
            "headers": headers,
            "query": query,
            "params": parameters,
            "body": body,
        }
        outcome = self.server.worker.http(function, request)
        return self._give(outcome.answer) if outcome.ok else self._reply(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _give(self, answer: Any) -> None:
        if answer is None or answer.type is None:
            return self._reply(HTTPStatus.NO_CONTENT)
        if answer.type != "http":
            return self._reply(HTTPStatus.OK, _content(answer), [("Content-Type", "text/plain; charset=utf-8")])
        value = answer.value
        headers = [(name, datum.value) for name, datum in value["headers"].items()]
        for cookie in value.get("cookies") or ():
            headers += [("Set-Cookie", morsel.OutputString()) for morsel in cookie.values()]
        return self._reply(int(value["status_code"].value), _content(value["body"]), headers)

    def _reply(self, status: int, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:  # those have no body
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """The worker's line per call is enough."""


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _content(datum: Any) -> bytes:
    if datum is None or datum.value is None:
        return b""
    return datum.value if isinstance(datum.value, bytes) else str(datum.value).encode()
