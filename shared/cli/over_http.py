"""The way to an app in the cloud: HTTPS, with a function key or a bearer token."""

import time
from collections.abc import Callable, Mapping

import requests

from shared import __version__
from shared.cli.arguments import Options
from shared.cli.service import Answered, Reply, Way

TIMEOUT = (10, 120)  # seconds: to connect, and between two bytes
TRIES = 4  # of what changes nothing
LONGEST_PAUSE = 15.0  # seconds
_LATER = {429, 503, 504}

Sign = Callable[[requests.PreparedRequest], requests.PreparedRequest]


def way(options: Options) -> Way:
    session = requests.Session()
    session.headers["User-Agent"] = f"segments-to-sendgrid/{__version__}"
    session.auth = _with_token(options) if options.token else _with_key(options.key)  # also keeps .netrc out of it

    def ask(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        more = {"Content-Type": "application/json"} if body else {}
        for attempt in range(1, TRIES + 1):
            last = method != "GET" or attempt == TRIES
            try:
                # A redirect is not followed: the key would go along.
                found = session.request(
                    method,
                    f"{options.url}/api/{path}",
                    data=body or None,
                    headers={**headers, **more},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                if last:
                    raise _unreachable(error) from None  # its text has the address
                time.sleep(attempt)
                continue
            if last or found.status_code not in _LATER:
                break
            time.sleep(_pause(found.headers.get("Retry-After", ""), attempt))
        return Reply(found.status_code, found.content)

    return ask


def _pause(retry_after: str, attempt: int) -> float:
    return min(LONGEST_PAUSE, float(retry_after) if retry_after.isdecimal() else attempt)


def _with_key(key: str) -> Sign:
    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["x-functions-key"] = key
        return request

    return sign


def _with_token(options: Options) -> Sign:
    token = _token(options)

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token()}"
        return request

    return sign


def _token(options: Options) -> Callable[[], str]:
    """Gives a token that is valid now: runs may take longer than one lives."""
    if options.bearer:
        return lambda: str(options.bearer)
    from azure.core.exceptions import ClientAuthenticationError
    from azure.identity import DefaultAzureCredential

    credential = DefaultAzureCredential(exclude_interactive_browser_credential=True)

    def token() -> str:
        try:
            return credential.get_token(options.scope).token
        except ClientAuthenticationError:  # its text names accounts and tenants
            raise Answered(
                {
                    "title": "Not signed in",
                    "status": 401,
                    "code": "not_signed_in",
                    "detail": "Entra ID gave no token for this scope",
                    "advice": "Sign in (az login, or a service principal in AZURE_…), and check --scope.",
                }
            ) from None

    return token


def _unreachable(error: requests.RequestException) -> Answered:
    return Answered(
        {
            "title": "Unreachable",
            "status": 503,
            "code": "unreachable",
            "detail": f"the app could not be reached ({type(error).__name__})",
            "advice": "Check --url and the network, and try again.",
        }
    )
