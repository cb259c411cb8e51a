"""Files for SendGrid's imports, on their way to the storage that SendGrid names.

With SendGrid's headers and without the API key, which is none of that server's business; to checked URLs only (see
`urls`); without following redirects; streamed from the disk, within a time.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from shared.sendgrid import errors, routes, urls
from shared.sendgrid.client import Upload
from shared.sendgrid.downloads import new_file_session
from shared.sendgrid.errors import (
    COME_BACK_SECONDS,
    FileUnavailable,
    PayloadTooLarge,
    RequestRefused,
    SendGridUnavailable,
)
from shared.sendgrid.transport import PIECE, TIMEOUTS, Timeouts, never_sent, note_status, pieces, request_span

if TYPE_CHECKING:
    import requests

UPLOAD_SECONDS = 240.0  # a file of a million contacts has some ten MB; a function call may take ten minutes in all

_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,8000}")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})  # HTTP's own
_TOO_LARGE = 413
_TRY_AGAIN = frozenset({408, 429})


class Uploads:
    """Sends files. `base_url` is the app setting SENDGRID_BASE_URL: its origin is allowed beside public https."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        seconds: float = UPLOAD_SECONDS,
        timeouts: Timeouts = TIMEOUTS,
        resolve: urls.Resolve = urls.resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._also = base_url
        self._seconds = seconds
        self._timeouts = timeouts
        self._resolve = resolve
        self._clock = clock

    @cached_property
    def _session(self) -> "requests.Session":
        return new_file_session(self._also)

    def send(self, upload: Upload, path: Path, stop: Callable[[], None] = lambda: None) -> None:
        """Upload a file; `stop` is called before each piece of it and raises to end it.

        FileUnavailable: a URL that must not be asked. RequestRefused, PayloadTooLarge: the server does not want the
        file. SendGridUnavailable: worth another try, with an import announced anew.
        """
        import requests

        headers = _checked(upload)
        ends = self._clock() + self._seconds

        def check() -> None:
            stop()
            if self._clock() > ends:
                raise _try_again(upload, f"took longer than {self._seconds:.0f} seconds", code="upload_too_slow")

        with path.open("rb") as file:
            body = _Body(file, path.stat().st_size, check)
            try:
                urls.check(upload.url, also=self._also, resolve=self._resolve)
                with request_span("PUT", "PUT /file", upload.url) as noted:
                    response = self._session.put(
                        upload.url,
                        data=body,
                        headers=headers,
                        allow_redirects=False,
                        stream=True,
                        timeout=(self._timeouts.connect, self._timeouts.read),
                    )
                    note_status(noted, response)
            except FileUnavailable as error:
                raise _untrusted(upload, error) from None
            except requests.RequestException as error:
                # Not `from error`: its text holds the URL, which is a key to the storage.
                what = "could not be reached" if never_sent(error) else "did not answer"
                raise _try_again(upload, what, maybe_taken=body.all_read) from None
            except OSError:
                raise _try_again(upload, "has no address") from None
        with closing(response):
            if not 200 <= response.status_code < 300:  # noqa: PLR2004 - what HTTP calls success
                raise _refused(upload, response.status_code, _beginning(response))


class _Body:
    """A file as a request's body: of a known size, read piece by piece."""

    def __init__(self, file: IO[bytes], size: int, check: Callable[[], None]) -> None:
        self._file = file
        self._left = size
        self._size = size
        self._check = check

    @property
    def all_read(self) -> bool:
        """Whether the server may have the whole of it."""
        return self._left <= 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(PIECE):
            yield piece

    def read(self, size: int = PIECE) -> bytes:
        self._check()
        piece = self._file.read(size)
        self._left -= len(piece)
        return piece


def _checked(upload: Upload) -> dict[str, str]:
    """SendGrid's headers, as far as they are headers."""
    for name, value in upload.headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _OURS:
            raise errors.broken_answer(routes.IMPORT, "an upload header that is none")
    return dict(upload.headers)


def _beginning(response: "requests.Response") -> bytes:
    """As much of an answer as comes at once; the server may be anybody's, and its words without an end."""
    from urllib3.exceptions import HTTPError

    try:
        return next(pieces(response), b"")
    except (HTTPError, OSError):
        return b""


def _refused(upload: Upload, status: int, said: bytes) -> errors.SendGridError:
    slow = b"RequestTimeout" in said  # S3 says so with a 400
    if slow or status in _TRY_AGAIN or status >= 500:  # noqa: PLR2004 - server errors
        return _try_again(upload, f"answered HTTP {status}", maybe_taken=status >= 500)  # noqa: PLR2004
    kind = PayloadTooLarge if status == _TOO_LARGE else RequestRefused
    error = kind(
        f"SendGrid's upload server {upload.host} refused the file of an import (HTTP {status})",
        code="upload_refused",
        advice='Run the export again. If it comes again, set "delivery": "upsert" in the export, and report it.',
    )
    error.status = status
    return error


def _untrusted(upload: Upload, error: FileUnavailable) -> FileUnavailable:
    return FileUnavailable(
        f"{error.message} ({upload.host})",
        code=error.code,
        advice='Set "delivery": "upsert" in the export, and report it: SendGrid\'s own servers are public ones.',
    )


def _try_again(
    upload: Upload, what: str, *, code: str = "upload_unreachable", maybe_taken: bool = False
) -> SendGridUnavailable:
    error = SendGridUnavailable(
        f"SendGrid's upload server {upload.host} {what}",
        code=code,
        retry_after=COME_BACK_SECONDS,
        advice='Let the app\'s outbound network reach that host over https, or set "delivery": "upsert" in the export.',
    )
    error.maybe_taken = maybe_taken
    return error
