"""Files that SendGrid points to: row errors of a job, contact exports.

They are fetched without the API key, which is none of that server's business; from checked URLs only (see `urls`);
without following redirects; and no further than a size and a time. The address is checked again on the connection that
is really made, since a name may resolve differently the second time.
"""

import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.sendgrid import urls
from shared.sendgrid.errors import COME_BACK_SECONDS, FileUnavailable, SendGridUnavailable
from shared.sendgrid.transport import (
    PIECE,
    TIMEOUTS,
    Timeouts,
    never_sent,
    new_session,
    note_status,
    pieces,
    request_span,
)

if TYPE_CHECKING:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How large (bytes, once unpacked) a file may be and how long (seconds) its download may take."""

    size: int = 256 * 1024 * 1024
    seconds: float = 120.0


class Downloads:
    """Fetches files. `base_url` is the app setting SENDGRID_BASE_URL: its origin is allowed beside public https."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        limits: FileLimits = FileLimits(),
        timeouts: Timeouts = TIMEOUTS,
        resolve: urls.Resolve = urls.resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._also = base_url
        self._limits = limits
        self._timeouts = timeouts
        self._resolve = resolve
        self._clock = clock

    @cached_property
    def _session(self) -> "requests.Session":
        return new_file_session(self._also)

    def fetch(self, url: str) -> Iterator[bytes]:
        """The file, unpacked if it is gzip, piece by piece.

        FileUnavailable: gone, refused, too large, too slow, broken, or a URL that must not be asked.
        SendGridUnavailable: worth another try.
        """
        started = self._clock()
        size = 0
        with closing(self._open(url)) as response:
            for piece in _unpacked(self._in_time(_pieces(response), started)):
                size += len(piece)
                if size > self._limits.size:
                    raise _unavailable("file_too_large", f"is larger than {self._limits.size} bytes")
                yield piece

    def _in_time(self, pieces: Iterator[bytes], started: float) -> Iterator[bytes]:
        for piece in pieces:
            if self._clock() - started > self._limits.seconds:
                raise _unavailable("file_too_slow", f"took longer than {self._limits.seconds:.0f} seconds")
            yield piece

    def _open(self, url: str) -> "requests.Response":
        import requests

        try:
            urls.check(url, also=self._also, resolve=self._resolve)
            with request_span("GET", "GET /file", url) as noted:
                response = self._session.get(
                    url, stream=True, allow_redirects=False, timeout=(self._timeouts.connect, self._timeouts.read)
                )
                note_status(noted, response)
        except requests.RequestException as error:
            # Not `from error`: its text holds the URL, which is a key to the file.
            raise _try_again("could not be reached" if never_sent(error) else "did not answer") from None
        except OSError:
            raise _try_again("has a host without an address") from None
        if response.status_code >= 500 or response.status_code == 429:  # noqa: PLR2004 - server errors, too many requests
            response.close()
            raise _try_again(f"was answered by HTTP {response.status_code}")
        if response.status_code != 200:  # noqa: PLR2004 - the whole file
            response.close()
            raise _unavailable("file_gone", f"was answered by HTTP {response.status_code}")
        return response


def new_file_session(also: str | None) -> "requests.Session":
    """A session for servers that SendGrid names. `also`: a URL whose origin is allowed beside public https."""
    session = new_session()
    session.headers["Accept"] = "*/*"
    session.trust_env = False  # no ~/.netrc and no proxy: the check is on the address that we connect to
    session.mount("https://", _public_only())
    if also:
        session.mount(f"{urls.origin(also)}/", new_session().get_adapter("http://"))
    return session


def _pieces(response: "requests.Response") -> Iterator[bytes]:
    """What arrives, as it arrives, so that a trickle meets the time limit."""
    from urllib3.exceptions import HTTPError

    try:
        yield from pieces(response)
    except (HTTPError, OSError):
        raise _try_again("broke off") from None


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip, by its first two bytes: servers differ in whether they say so. Several members may follow."""
    first = b""
    for piece in pieces:
        first += piece
        if len(first) >= len(_GZIP):
            break
    if not first.startswith(_GZIP):
        yield from _after(first, pieces)
        return
    member = _member()
    for piece in _after(first, pieces):
        rest, full = piece, False
        while rest or full:
            if member.eof:
                member = _member()
            try:
                unpacked = member.decompress(rest, PIECE)
            except zlib.error:
                raise _unavailable("file_unreadable", "is not whole gzip") from None
            yield unpacked
            full = len(unpacked) == PIECE and not member.eof
            rest = member.unconsumed_tail or member.unused_data
    if not member.eof:
        raise _unavailable("file_unreadable", "is not whole gzip")


def _member() -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _after(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from pieces


def _public_only() -> "HTTPAdapter":
    """An adapter whose https connections hang up, before a byte is sent, on a server that is not on the internet."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPSConnectionPool

    class PublicConnection(HTTPSConnection):
        def _new_conn(self) -> Any:
            connection = super()._new_conn()
            if not urls.is_public(connection.getpeername()[0]):
                connection.close()
                raise urls.untrusted("leads into a private network")
            return connection

    class PublicPool(HTTPSConnectionPool):
        ConnectionCls = PublicConnection

    class PublicAdapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **options)
            manager: urllib3.PoolManager = self.poolmanager
            manager.pool_classes_by_scheme = {"https": PublicPool}

    return PublicAdapter(max_retries=0)


def _unavailable(code: str, what: str) -> FileUnavailable:
    return FileUnavailable(
        f"a file of SendGrid's {what}",
        code=code,
        advice="Look the job up in SendGrid (Marketing > Contacts) for what it says of these rows.",
    )


def _try_again(what: str) -> SendGridUnavailable:
    return SendGridUnavailable(
        f"a file of SendGrid's {what}",
        code="file_unreachable",
        retry_after=COME_BACK_SECONDS,
        advice="Let the app's outbound network reach the storage host that SendGrid names, over https.",
    )
