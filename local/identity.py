"""The App Service managed-identity endpoint, for the real credentials of azure-identity.

With `environment` in a process's environment, ManagedIdentityCredential and DefaultAzureCredential work unchanged. The
protocol: learn.microsoft.com, "How to use managed identities for App Service", REST endpoint reference, 2019-08-01.
"""

import base64
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from local.servers import LocalServer, Reply, Request

TENANT = "11111111-2222-3333-4444-555555555555"
TOKEN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One token asked for: for which service, in the name of which user-assigned identity (None: the app's own)."""

    resource: str
    client_id: str | None


class LocalIdentity:
    """`with LocalIdentity() as identity:` gives tokens to whoever knows the identity header."""

    def __init__(self) -> None:
        self.requests: list[TokenRequest] = []
        self._header = secrets.token_hex(16)

    def __enter__(self) -> Self:
        self._server = LocalServer(self._answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    @property
    def environment(self) -> dict[str, str]:
        """The two variables that App Service sets."""
        return {"IDENTITY_ENDPOINT": f"{self._server.url}/msi/token", "IDENTITY_HEADER": self._header}

    def _answer(self, request: Request) -> Reply:
        url = urlsplit(request.target)
        query = dict(parse_qsl(url.query))
        if request.headers.get("x-identity-header") != self._header:
            return Reply(401, {"statusCode": 401, "message": "X-IDENTITY-HEADER is missing or wrong"})
        if url.path != "/msi/token" or not query.get("resource") or not query.get("api-version"):
            return Reply(400, {"statusCode": 400, "message": "resource and api-version are required"})
        self.requests.append(TokenRequest(query["resource"], query.get("client_id")))
        return Reply(200, _grant(query["resource"], query.get("client_id") or str(uuid.uuid4())))


def audience(token: str) -> str | None:
    """The service that a token is for; None if it is no token at all."""
    try:
        _, claims, _ = token.split(".")
        return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"])
    except (ValueError, KeyError):
        return None


def _grant(resource: str, client_id: str) -> dict[str, str]:
    expires = int(time.time()) + TOKEN_SECONDS
    return {
        "access_token": token(resource, expires),
        "expires_on": str(expires),
        "resource": resource,
        "token_type": "Bearer",
        "client_id": client_id,
    }


def token(resource: str, expires: int) -> str:
    """Shaped like Entra's tokens; the signature is none, for nobody here checks one."""
    claims = {
        "aud": resource,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": expires - TOKEN_SECONDS,
        "nbf": expires - TOKEN_SECONDS - 60,
        "exp": expires,
        "oid": str(uuid.uuid4()),
        "tid": TENANT,
    }
    return f"{_part({'alg': 'RS256', 'typ': 'JWT', 'kid': 'local'})}.{_part(claims)}.bm9uZQ"


def _part(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
