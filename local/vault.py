"""A Key Vault for secrets, for the real SecretClient: TLS, challenge authentication, versions, and faults on demand.

The client must trust the vault's own certificate and not insist on a vault.azure.net host: see `client_options`.
"""

import json
import shutil
import ssl
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from local import certificate, identity
from local.servers import LocalServer, Reply, Request

RESOURCE = "https://vault.azure.net"


@dataclass(slots=True)
class _Secret:
    value: str
    enabled: bool
    version: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))


@dataclass(frozen=True, slots=True)
class _Fault:
    status: int
    code: str
    headers: dict[str, str]


class LocalVault:
    """`with LocalVault() as vault: vault.set("sendgrid-marketing", key)`; the newest version is the current one."""

    def __init__(self) -> None:
        self._secrets: dict[str, list[_Secret]] = {}
        self._faults: deque[_Fault] = deque()
        self._lock = threading.Lock()
        self.reads: list[str] = []  # names of the secrets asked for with a good token, in order

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="vault-"))
        self.certificate, key = certificate.write(self._folder)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate, key)
        self._server = LocalServer(self._answer, tls=tls)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """For the app setting KEY_VAULT_URL."""
        return self._server.url

    @property
    def client_options(self) -> dict[str, Any]:
        """What a SecretClient must be given to work with this vault."""
        return client_options(self.certificate)

    def set(self, name: str, value: str, *, enabled: bool = True) -> str:
        """Store a new version of the secret and give the version's id."""
        secret = _Secret(value, enabled)
        with self._lock:
            self._secrets.setdefault(name, []).append(secret)
        return secret.version

    def delete(self, name: str) -> None:
        """Delete the secret with all its versions; one that does not exist is fine."""
        with self._lock:
            self._secrets.pop(name, None)

    def fail(
        self, status: int, *, times: int = 1, code: str = "Injected", headers: dict[str, str] | None = None
    ) -> None:
        """Answer the next `times` authenticated requests with an error, e.g. 429 with Retry-After, 503 or 403."""
        with self._lock:
            self._faults.extend([_Fault(status, code, headers or {})] * times)

    def clear_faults(self) -> None:
        """Answer as it should from now on."""
        with self._lock:
            self._faults.clear()

    def _answer(self, request: Request) -> Reply:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or identity.audience(token) != RESOURCE:
            challenge = f'Bearer authorization="https://login.microsoftonline.com/{identity.TENANT}"'
            headers = {"WWW-Authenticate": f'{challenge}, resource="{RESOURCE}"'}
            return _refusal(401, "Unauthorized", "a token for the vault is required", headers)
        with self._lock:
            if self._faults:
                fault = self._faults.popleft()
                return _refusal(fault.status, fault.code, "asked for", fault.headers)
        path = urlsplit(request.target).path
        match request.method, [part for part in path.split("/") if part]:
            case "GET", ["secrets", name]:
                return self._get(name, request, version=None)
            case "GET", ["secrets", name, version]:
                return self._get(name, request, version=version)
            case "PUT", ["secrets", name]:
                self.set(name, json.loads(request.body)["value"])
                return self._get(name, request, version=None)
            case _:
                return _refusal(404, "NotFound", "this vault knows secrets only")

    def _get(self, name: str, request: Request, *, version: str | None) -> Reply:
        self.reads.append(name)
        with self._lock:
            found = [each for each in self._secrets.get(name, ()) if version in {None, each.version}]
        if not found:
            return _refusal(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
        secret = found[-1]
        if not secret.enabled:
            return _refusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.")
        document = {
            "value": secret.value,
            "id": f"https://{request.headers['host']}/secrets/{name}/{secret.version}",
            "attributes": {"enabled": secret.enabled, "created": secret.created, "updated": secret.created},
        }
        return Reply(200, document)


def client_options(certificate: Path) -> dict[str, Any]:
    """SecretClient keyword arguments for a vault with this certificate, whose host is not Azure's."""
    return {"connection_verify": str(certificate), "verify_challenge_resource": False}


def _refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}}, headers or {})
