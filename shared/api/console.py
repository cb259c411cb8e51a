"""The web page: static files that hold no data, for anybody. What they show comes from the other routes."""

import gzip
import hashlib
import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from shared.api.endpoint import Answer, Call, endpoint
from shared.errors import NotFound

FOLDER = Path(__file__).resolve().parent / "console"
INDEX = "index.html"

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")  # all files lie in one folder
_PACKED = frozenset({".html", ".css", ".js", ".mjs", ".json", ".svg", ".txt"})

# No script, style or frame but what lies here, and no other host: a segment's name that got into the page as markup
# could do nothing.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",  # asked for anew every time, and most often answered by 304
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",  # a year; browsers heed it over https only
    "Vary": "Accept-Encoding",
    "X-Frame-Options": "DENY",
}


@endpoint(
    "console",
    "GET",
    "console/{*file}",
    role=None,
    answers={200: "*/*", 304: ""},
    problems=(404,),
)
def console(call: Call) -> Answer:
    """Give a file of the console; without a name its page."""
    path = _path(call.path("file") or INDEX)
    plain, packed, etag = _content(path, path.stat().st_mtime_ns)
    if etag in (call.headers.get("if-none-match") or ""):
        return Answer(b"", status=HTTPStatus.NOT_MODIFIED, etag=etag, headers=HEADERS)
    takes_gzip = "gzip" in (call.headers.get("accept-encoding") or "")
    content, headers = (packed, {"Content-Encoding": "gzip"}) if packed and takes_gzip else (plain, {})
    return Answer(content, etag=etag, mimetype=_TYPES[path.suffix], headers=HEADERS | headers)


def _path(name: str) -> Path:
    """The file of that name. NotFound, also for what could lie outside the folder."""
    path = FOLDER / name
    if not _NAME.fullmatch(name) or path.suffix not in _TYPES or not path.is_file():
        raise NotFound(f"there is no file {name[:100]!r}", code="not_found")
    return path


@lru_cache(maxsize=128)
def _content(path: Path, changed_at: int) -> tuple[bytes, bytes | None, str]:  # noqa: ARG001 -- a part of the key
    """The file, the same packed if that makes it smaller, and its ETag."""
    plain = path.read_bytes()
    packed = gzip.compress(plain, mtime=0) if path.suffix in _PACKED else None
    return plain, packed if packed and len(packed) < len(plain) else None, hashlib.sha256(plain).hexdigest()[:16]
