"""Start and steer a simulated SendGrid from Python."""

import http.client
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import urlencode, urlsplit

import orjson

Document: TypeAlias = dict[str, Any]

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 30
_STOP_SECONDS = 10
_BLOCK = 1 << 20


class SimulatedSendGrid:
    """A simulated SendGrid in a process of its own, as a context manager.

    The process ends with the context, and also when this process dies. `url` is the base URL to give the app. A new
    one has no keys but those given, no lists and no fields; `reset` brings it back to that.
    """

    def __init__(self, *api_keys: str, port: int = 0) -> None:
        self._arguments = ["--with-parent", "--port", str(port)]
        self._arguments += [part for key in api_keys for part in ("--api-key", key)]
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local.sendgrid", *self._arguments],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            self.url = self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @staticmethod
    def _wait_until_ready(process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        readable, _, _ = select.select([process.stdout], [], [], _START_SECONDS)
        line = process.stdout.readline() if readable else b""
        if not line:
            raise RuntimeError("the simulated SendGrid did not start")
        return str(orjson.loads(line)["url"])

    @property
    def pid(self) -> int:
        """The process id; 0 when it is not running."""
        return self._process.pid if self._process else 0

    def stop(self) -> None:
        """End the process; may be called again."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    # Setting the scene

    def reset(self) -> None:
        """Empty the account; forget settings, faults and statistics."""
        self._post("reset", {})

    def configure(self, **settings: object) -> None:
        """Change settings; their names and meanings: `local.sendgrid.account.Settings`."""
        self._post("configure", settings)

    def add_key(self, key: str, scopes: Sequence[str] | None = None) -> None:
        """Add a key, or change its scopes. None: full access."""
        self._post("keys", {"key": key, "scopes": None if scopes is None else list(scopes)})

    def revoke_key(self, key: str) -> None:
        self._call("DELETE", "keys", {"key": key})

    def create_list(self, name: str, list_id: str | None = None) -> str:
        """Create a list, with a given id (uuid) if wanted; give its id."""
        return str(self._post("lists", {"name": name, "id": list_id})["id"])

    def define_field(self, name: str, field_type: str = "Text") -> str:
        """Define a custom field (Text, Number, Date); give its id."""
        return str(self._post("fields", {"name": name, "field_type": field_type})["id"])

    # What goes wrong

    def fault(self, **parts: object) -> int:
        """Switch on a fault; its parts: `local.sendgrid.faults.Fault`. Gives its id.

        `sim.fault(route="/v3/marketing/contacts", method="PUT", times=2, status=429, headers={"retry-after": "1"})`
        """
        return int(self._post("faults", parts)["id"])

    def clear_faults(self, fault_id: int | None = None) -> None:
        """Switch off one fault, or all."""
        self._call("DELETE", "faults" if fault_id is None else f"faults?id={fault_id}")

    def fail_rows(self, addresses: Mapping[str, str] | Sequence[str]) -> None:
        """Let jobs report an error for these addresses (with its message) from now on; an empty one ends it."""
        marked = addresses if isinstance(addresses, Mapping) else dict.fromkeys(addresses, "error storing contact")
        self._post("row_errors", dict(marked))

    # Looking at the result

    def stats(self, *, log: bool = False) -> Document:
        """Give the counters since the last reset, and, if asked for, the `log`: every request in order.

        `requests`: route -> status -> count (status "0": dropped); `contacts` taken, `stored` contacts, `bytes`,
        `largest_body` and `most_contacts` of an upsert.
        """
        return self._get("stats", log=str(log).lower())

    def members(self, list_id: str = "") -> dict[str, Document]:
        """Give the members of a list (or every contact) by address, as the API would show them."""
        return {contact["email"]: contact for contact in self.iter_members(list_id)}

    def iter_members(self, list_id: str = "") -> Iterator[Document]:
        """Walk over the members of a list (or every contact) without holding them all."""
        connection = self._connection()
        try:
            connection.request("GET", f"/__sim/members?{urlencode({'list_id': list_id})}")
            response = connection.getresponse()
            rest = b""
            while block := response.read(_BLOCK):
                *lines, rest = (rest + block).split(b"\n")
                yield from map(orjson.loads, lines)
        finally:
            connection.close()

    def addresses(self, list_id: str = "") -> set[str]:
        """Give the addresses on a list (or all): quick and small also for a million."""
        return set(self._fetch("GET", f"addresses?{urlencode({'list_id': list_id})}").decode().split("\n")) - {""}

    def contact(self, address: str) -> Document | None:
        found: Document | None = self._get("contact", email=address)["contact"]
        return found

    def pending_jobs(self) -> int:
        """Say how many jobs have still to end (those that never end are not counted)."""
        return int(self._get("jobs")["pending"])

    def finish_jobs(self, seconds: float = 60) -> None:
        """Let every job that is under way end now, and wait for it."""
        deadline, pause = time.monotonic() + seconds, 0.001
        while int(self._post("jobs/hurry", {})["pending"]):
            if time.monotonic() > deadline:
                raise TimeoutError("the simulated SendGrid's jobs did not end")
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def _get(self, name: str, **query: str) -> Document:
        return self._call("GET", f"{name}?{urlencode(query)}")

    def _post(self, name: str, document: Document) -> Document:
        return self._call("POST", name, document)

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)

    def _call(self, method: str, name: str, document: Document | None = None) -> Document:
        answer: Document = orjson.loads(self._fetch(method, name, document))
        return answer

    def _fetch(self, method: str, name: str, document: Document | None = None) -> bytes:
        connection = self._connection()
        try:
            connection.request(method, f"/__sim/{name}", orjson.dumps(document) if document is not None else None)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ValueError(f"the simulated SendGrid refused {method} {name}: {body.decode()}")
        return body
