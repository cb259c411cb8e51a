"""HTTP/1.1 over raw asyncio, made for few connections and bodies of several MB.

One connection answers one request at a time, in order. The handler is a plain function from Request to Answer; waiting
(a slow answer) and streaming (an iterator as body) are the connection's business. Bodies need a Content-Length: chunked
uploads are refused with 411.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias, cast
from urllib.parse import parse_qsl

from local.sendgrid.answers import Answer

_SMALLEST_BUFFER = 1 << 16
LONGEST_TARGET = 8_190  # nginx refuses longer request lines (facts: 414 found by trial, RudderStack keeps under 8,150)
_TOO_LONG = (
    b"<html>\r\n<head><title>414 Request-URI Too Large</title></head>\r\n<body>\r\n"
    b"<center><h1>414 Request-URI Too Large</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(slots=True)
class Request:
    """A whole request. Header names are lower case; a query parameter given twice keeps its last value.

    `fate` is what a fault has decided for the job that this request is going to start (see `faults`).
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    fate: str = ""
    contacts: int = 0  # how many the body held; set by the upsert for the statistics
    job_id: str = ""


Handler: TypeAlias = Callable[[Request], Answer]


@dataclass(slots=True)
class _Head:
    method: str
    target: str
    headers: dict[str, str]
    length: int


class Connection(asyncio.BufferedProtocol):
    """One client connection (keep-alive). Reads into one buffer that grows to the size of the largest request."""

    def __init__(self, handle: Handler) -> None:
        self._handle = handle
        self._buffer = bytearray(_SMALLEST_BUFFER)
        self._filled = 0
        self._head: _Head | None = None
        self._busy = False
        self._pieces: Iterator[bytes] | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._busy = True  # nothing is answered any more
        self._pieces = None

    def get_buffer(self, _sizehint: int) -> memoryview:
        wanted = max(self._head.length if self._head else 0, self._filled + _SMALLEST_BUFFER)
        if wanted > len(self._buffer):
            larger = bytearray(wanted)
            larger[: self._filled] = memoryview(self._buffer)[: self._filled]
            self._buffer = larger
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        self._advance()

    def _advance(self) -> None:
        while not self._busy:
            if self._head is None:
                self._head = self._read_head()
            if self._head is None or self._filled < self._head.length:
                return
            head, self._head = self._head, None
            body = self._take(head.length)
            self._busy = True
            self._answer(head, body)

    def _take(self, count: int) -> bytes:
        """Take the first bytes out of the buffer; what is behind them moves to its beginning."""
        taken = bytes(memoryview(self._buffer)[:count])
        rest = self._filled - count
        self._buffer[:rest] = self._buffer[count : self._filled]
        self._filled = rest
        return taken

    def _read_head(self) -> _Head | None:
        end = self._buffer.find(b"\r\n\r\n", 0, self._filled)
        if end < 0:
            return None
        first, *lines = self._take(end + 4)[:end].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return _Head(method, target, headers, int(headers.get("content-length", 0)))

    def _answer(self, head: _Head, body: bytes) -> None:
        if len(head.target) > LONGEST_TARGET:
            return self._send(Answer(414, _TOO_LONG, "text/html"))
        if "transfer-encoding" in head.headers:
            return self._send(Answer(411, headers={"connection": "close"}))
        path, _, query = head.target.partition("?")
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        answer = self._handle(Request(head.method, path, parameters, head.headers, body))
        if answer.delay:
            asyncio.get_running_loop().call_later(answer.delay, self._send, answer)
            return None
        return self._send(answer)

    def _send(self, answer: Answer) -> None:
        if self._transport.is_closing():
            return
        if answer.drop:
            self._transport.abort()
            return
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if isinstance(answer.body, bytes):
            if answer.body:
                lines.append(f"content-type: {answer.content_type}")
            if answer.status != HTTPStatus.NO_CONTENT:
                lines.append(f"content-length: {len(answer.body)}")
            self._transport.write("\r\n".join([*lines, "\r\n"]).encode("latin-1") + answer.body)
            self._done(close=answer.headers.get("connection") == "close")
        else:
            lines += [f"content-type: {answer.content_type}", "transfer-encoding: chunked"]
            self._transport.write("\r\n".join([*lines, "\r\n"]).encode("latin-1"))
            self._pieces = answer.body
            self._pump()

    def _pump(self) -> None:
        while self._pieces is not None and not self._full:
            piece = next(self._pieces, None)
            if piece is None:
                self._pieces = None
                self._transport.write(b"0\r\n\r\n")
                self._done(close=False)
            elif piece:
                self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def _done(self, *, close: bool) -> None:
        if close:
            self._transport.close()
            return
        self._busy = False
        if self._filled:
            asyncio.get_running_loop().call_soon(self._advance)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._pump()
