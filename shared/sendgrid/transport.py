"""One way to SendGrid: the key, the pace, the retries, and errors that say what happens next.

`Transport.call` gives the JSON of a 2xx answer or raises an error of `shared.sendgrid.errors`. What to do about any
other answer stands in the table of `policy`; this module only carries it out. It waits a few seconds at most: a longer
pause becomes Throttled or SendGridUnavailable with `retry_after`, so that the slice can end and come back.
"""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from shared import __version__, telemetry
from shared.sendgrid import errors, policy
from shared.sendgrid.errors import Blocked, KeyRefused, SendGridUnavailable
from shared.sendgrid.limits import RateLimits
from shared.sendgrid.policy import Action, Verdict
from shared.sendgrid.routes import Route
from shared.telemetry import Event, Metric

if TYPE_CHECKING:
    import requests

ApiKey: TypeAlias = Callable[[bool], str]  # key(refresh): refresh=True passes every cache by

USER_AGENT = f"segments-to-sendgrid/{__version__}"
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes, unpacked; one that names 30,000 refused contacts has about three million
ANSWER_SECONDS = 120.0  # for all of an answer, however lively it trickles
PIECE = 64 * 1024  # bytes
POOL = 10  # connections kept; a run has at most four requests in flight


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect (and to get a body out), and between two bytes of an answer."""

    connect: float = 10.0
    read: float = 60.0


TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How hard one call tries.

    attempts       requests at most
    first_pause    seconds; doubles with each attempt, and each pause is a random part of it (full jitter)
    longest_pause  seconds that one call waits in all; what takes longer is left to a later slice
    """

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 5.0


class Transport:
    """Calls of one account, for a handful of threads.

    `limits` is shared by all transports of an account. `stop` is called before each attempt and each pause; it ends
    the call by raising.
    """

    def __init__(
        self,
        base_url: str,
        key: ApiKey,
        *,
        limits: RateLimits,
        policy: RetryPolicy = RetryPolicy(),
        timeouts: Timeouts = TIMEOUTS,
        session: "requests.Session | None" = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
        stop: Callable[[], None] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._key = key
        self._key_lock = threading.Lock()
        self._limits = limits
        self._retries = policy
        self._timeouts = timeouts
        self._given_session = session
        self._sleep = sleep
        self._clock = clock
        self._jitter = jitter
        self._stop = stop or (lambda: None)

    @cached_property
    def _session(self) -> "requests.Session":
        return self._given_session or new_session()

    def url(self, route: Route, *ids: str, query: Mapping[str, str] | None = None) -> str:
        """The whole URL of a call. Commas stay as they are: SendGrid's lists of ids count towards the URL's length."""
        return f"{self.base_url}{route.path(*ids)}{'?' + urlencode(query, safe=',') if query else ''}"

    def call(
        self, route: Route, *ids: str, query: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Any:
        """Send one request and give its answer's JSON (None if there is no body). `content` is JSON already."""
        url = self.url(route, *ids, query=query)
        key = _usable(self._key(False))
        left = self._retries.longest_pause
        maybe_taken = refetched = False
        for attempt in itertools.count(1):
            left = self._take_turn(route, left, maybe_taken=maybe_taken)
            outcome = self._attempt(route, url, key, content)
            if isinstance(outcome, _Answer):
                return outcome.value
            error = outcome.error
            error.maybe_taken = maybe_taken = maybe_taken or error.maybe_taken
            if outcome.action is Action.REFETCH_KEY and not refetched:
                refetched, key = True, self._other_key(key)
                continue
            pause = self._pause(outcome, route, attempt)
            again = outcome.action in {Action.RETRY, Action.PAUSE} and attempt < self._retries.attempts
            again = again and pause <= left and (route.repeatable or not maybe_taken)
            if outcome.action is Action.PAUSE:
                _limited(route, pause, here=again)
            if not again:
                raise error
            telemetry.info(
                Event.REQUEST_RETRIED, route=route.name, code=error.code, attempt=attempt, seconds=round(pause, 1)
            )
            left = self._rest(pause, left)
        raise AssertionError  # count() does not end

    def _take_turn(self, route: Route, left: float, *, maybe_taken: bool) -> float:
        """Wait until the limits let a request out; gives what is `left` of the call's time to wait."""
        self._stop()
        while (wait := self._limits.reserve(route)) > 0:
            _limited(route, wait, here=wait <= left)
            if wait > left:
                error = policy.throttled(route, max(1.0, wait))
                error.maybe_taken = maybe_taken
                raise error
            left = self._rest(wait, left)
        return left

    def _rest(self, seconds: float, left: float) -> float:
        self._stop()
        self._sleep(seconds)
        return left - seconds

    def _pause(self, verdict: Verdict, route: Route, attempt: int) -> float:
        pause = verdict.wait
        if pause is None:
            pause = self._jitter() * self._retries.first_pause * 2.0 ** (attempt - 1)
        if verdict.action is Action.PAUSE:
            self._limits.hold(pause, None if isinstance(verdict.error, Blocked) else route)
        return pause

    def _attempt(self, route: Route, url: str, key: str, body: bytes | None) -> "_Answer | Verdict":
        """One request, for which a turn has been taken."""
        headers: Mapping[str, str] = {}
        try:
            with request_span(route.method, route.name, url) as noted:
                response, content = self._send(route, url, key, body)
                note_status(noted, response)
            headers = response.headers
        except SendGridUnavailable as error:
            return Verdict(Action.RETRY, error)
        finally:
            self._limits.settle(route, headers)
        if not 200 <= response.status_code < 300:  # noqa: PLR2004 - what HTTP calls success
            return policy.classify(route, response.status_code, headers, content, now=self._clock())
        try:
            return _Answer(json.loads(content) if content else None)
        except (ValueError, RecursionError):
            return Verdict(Action.RETRY, errors.broken_answer(route, "not JSON"))

    def _send(self, route: Route, url: str, key: str, body: bytes | None) -> "tuple[requests.Response, bytes]":
        """The response and its whole body."""
        import requests

        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # As an `auth` of its own, so that no ~/.netrc can put another Authorization in its place.
            request.headers["Authorization"] = f"Bearer {key}"
            return request

        try:
            response = self._session.request(
                route.method,
                url,
                data=body,
                headers=None if body is None else {"Content-Type": "application/json"},
                auth=sign,
                timeout=(self._timeouts.connect, self._timeouts.read),
                allow_redirects=False,
                stream=True,
            )
            return response, _whole(route, response)
        except requests.RequestException as error:
            reason = type(error).__name__
            if never_sent(error):
                raise errors.unreachable(route, reason) from error
            raise errors.broken_answer(route, reason) from error

    def _other_key(self, refused: str) -> str:
        """The key to try after a 401. Of several threads that meet it at once, one asks the vault."""
        with self._key_lock:
            known = self._key(False)
            return _usable(known if known != refused else self._key(True))


@dataclass(frozen=True, slots=True)
class _Answer:
    value: Any


def request_span(method: str, name: str, url: str) -> AbstractContextManager[dict[str, Any]]:
    """A span around a request. `name` is its method and what may be told of its path, which can be a key or an id."""
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    attributes = {
        "route": name,
        "http.request.method": method,
        "url.full": f"{parts.scheme}://{host}{name.removeprefix(method).strip()}",
        "url.scheme": parts.scheme,
        "server.address": parts.hostname,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
    return telemetry.span(name, attributes, metric=Metric.REQUEST_DURATION, request=True)


def note_status(noted: dict[str, Any], response: "requests.Response") -> None:
    """What was answered. That the span has failed is for 4xx and 5xx, as OpenTelemetry has it."""
    status = response.status_code
    noted |= {"status": status, "http.response.status_code": status, "failed": status >= 400}  # noqa: PLR2004


def _limited(route: Route, seconds: float, *, here: bool) -> None:
    where = "process" if here else "queue"
    telemetry.measure(Metric.RATE_LIMIT_WAIT, seconds, {"route": route.name, "where": where})


def pieces(response: "requests.Response") -> Iterator[bytes]:
    """A streamed body as it arrives: `read1` does not wait for a piece to be full. urllib3's HTTPError, OSError."""
    while piece := response.raw.read1(PIECE, decode_content=True):
        yield piece


def _whole(route: Route, response: "requests.Response") -> bytes:
    """The body, if it ends within a size and a time."""
    from urllib3.exceptions import HTTPError

    ends, content = time.monotonic() + ANSWER_SECONDS, bytearray()
    with closing(response):
        try:
            for piece in pieces(response):
                content += piece
                if len(content) > LARGEST_ANSWER:
                    raise errors.broken_answer(route, f"larger than {LARGEST_ANSWER} bytes")
                if time.monotonic() > ends:
                    raise errors.broken_answer(route, f"not there after {ANSWER_SECONDS:.0f} seconds")
        except (HTTPError, OSError) as error:
            raise errors.broken_answer(route, type(error).__name__) from error
    return bytes(content)


def new_session() -> "requests.Session":
    """A session that keeps connections for a handful of threads, retries nothing by itself and keeps no cookies."""
    import http.cookiejar

    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=POOL, max_retries=0))
    return session


def never_sent(error: "requests.RequestException") -> bool:
    """Whether the request cannot have reached the server: there was no connection to send it on."""
    import ssl

    import requests
    from urllib3.exceptions import NewConnectionError, ProxyError

    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    while isinstance(reason, Exception):
        if isinstance(reason, (NewConnectionError, ProxyError, ssl.SSLCertVerificationError)):
            return True
        reason = reason.args[0] if reason.args else None
    return False


def _usable(key: str) -> str:
    """The key, if it can stand in a header. Said here because the HTTP library would quote it in its message."""
    if key and key.isascii() and key.isprintable() and " " not in key:
        return key
    raise KeyRefused(
        "the stored API key is not one: it is empty or holds spaces, line breaks or other characters that no key has",
        code="key_malformed",
        advice="Store the SendGrid API key alone, as SendGrid showed it, in the secret that the connection names.",
    )
