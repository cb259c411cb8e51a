r"""The whole app on this machine: storage, vault, identity, a simulated SendGrid, and the host with the app inside.

    with Stack() as stack:
        stack.put_connection("marketing")
        list_id = stack.sendgrid.create_list("Newsletter")
        stack.put_export("newsletter", list_id=list_id, segments=["Customers"], mapping={"email": "EMail"})
        stack.land("Customers.csv", b"EMail\nada@example.com\n")
        run = stack.wait_for_run("newsletter")

Everything listens on free loopback ports, lives in one temporary folder and ends with the context.
"""

import datetime as dt
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from local import process
from local.azurite import Azurite
from local.host.http import PING
from local.identity import LocalIdentity
from local.land import land_folder
from local.sendgrid.control import SimulatedSendGrid
from local.vault import LocalVault
from shared.cloud.storage import Container, Storage
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
ENDED = frozenset({"successful", "completed_with_warnings", "failed", "skipped", "canceled"})

Document = dict[str, Any]

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT")  # of our own environment
_POLL = 0.2  # seconds
_ATTEMPTS = 3


class Stack:
    """`settings` overrides app settings; `hidden_seconds` is how long a killed host's queue message stays invisible.

    `start_host=False` leaves the app down until `start_host()`. `package`: the folder of an app that is all by itself;
    the host then finds nothing of this repository but `local`.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        hidden_seconds: int = 20,
        start_host: bool = True,
        package: Path | None = None,
    ) -> None:
        self._overrides = dict(settings or {})
        self._hidden_seconds = hidden_seconds
        self._with_host = start_host
        self._package = package
        self._host: subprocess.Popen[bytes] | None = None
        self._parts = ExitStack()
        self.function_key, self.master_key = secrets.token_hex(24), secrets.token_hex(24)  # begin with no hyphen

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            self.folder = Path(tempfile.mkdtemp(prefix="stack-"))
            parts.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.azurite = parts.enter_context(Azurite(self.folder / "storage"))
            self.vault = parts.enter_context(LocalVault())
            self.identity = parts.enter_context(LocalIdentity())
            self.sendgrid = parts.enter_context(SimulatedSendGrid())
            self.http_session = parts.enter_context(requests.Session())
            self.storage = Storage(Settings.from_environment(self.settings))
            self.storage.ensure()
            self.host_log = self.folder / "host.log"
            self._port = process.free_ports(1)[0]
            parts.callback(self.stop_host)
            if self._with_host:
                self._start_first()
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    # The host

    @property
    def settings(self) -> dict[str, str]:
        """The app settings that the host gets."""
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "SegmentStorage": self.azurite.connection_string,
            "SEGMENTS_CONTAINER": "segments",
            "BLOB_TRIGGER_SOURCE": "LogsAndContainerScan",
            "KEY_VAULT_URL": self.vault.url,
            "SENDGRID_BASE_URL": self.sendgrid.url,
            "REFRESH_SCHEDULE": "0 */5 * * * *",
            "LANDING_SETTLE_SECONDS": "1",
            **self._overrides,
        }

    @property
    def url(self) -> str:
        """Where the app's HTTP functions answer; they lie under /api."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def host_pid(self) -> int:
        """The function process's id; 0 when it is not running."""
        return self._host.pid if self._host and self._host.poll() is None else 0

    def host_peak_memory(self) -> int:
        """The most memory, in bytes, that the running function process has held so far. Linux only."""
        return process.peak_memory(self.host_pid)

    def start_host(self) -> None:
        """Start the function process and wait until it serves; RuntimeError with its log if it does not."""
        if not self.host_pid:
            self._host = self._launch(self._port, self.host_log)

    def add_host(self) -> tuple[int, Path]:
        """One more function process on the same storage, as when the platform scales out: its id and its log."""
        port = process.free_ports(1)[0]
        log = self.folder / f"host-{port}.log"
        host = self._launch(port, log)
        self._parts.callback(process.stop, host, patience=60)
        return host.pid, log

    def _launch(self, port: int, log: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "local.host", str(self._package or ROOT), "--port", str(port)]
        command += ["--function-key", self.function_key, "--master-key", self.master_key]
        command += ["--hidden-seconds", str(self._hidden_seconds), "--vault-certificate", str(self.vault.certificate)]
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        env = {**inherited, **self.settings, **self.identity.environment}
        host = process.start(command, log=log, env=env, cwd=self._home())
        try:
            process.wait_until(lambda: self._serves(port), host, what="the host", log=log)
        except BaseException:
            process.stop(host, patience=60)
            raise
        return host

    def _home(self) -> Path:
        """The folder from which the host's process imports `local`."""
        if self._package is None:
            return ROOT
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        if not (home / "local").exists():
            (home / "local").symlink_to(ROOT / "local")
        return home

    def _start_first(self) -> None:
        """Start the host; somebody may have taken its port since it was found free, and then another will do."""
        for _ in range(_ATTEMPTS):
            try:
                return self.start_host()
            except RuntimeError as error:
                if f"port {self._port} is not free" not in str(error):
                    raise
                self._port = process.free_ports(1)[0]
        return self.start_host()

    def stop_host(self) -> None:
        """SIGTERM, as a scale-in: what is in hand may end."""
        if self._host:
            process.stop(self._host, patience=60)

    def kill_host(self) -> None:
        """SIGKILL, as a crash."""
        if self._host:
            self._host.kill()
            self._host.wait()

    def restart_host(self) -> None:
        self.stop_host()
        self.start_host()

    def _serves(self, port: int) -> bool:
        try:
            return self.http_session.get(f"http://127.0.0.1:{port}{PING}", timeout=5).ok
        except requests.RequestException:
            return False

    def http(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the app with its function key; `path` begins with /api. `options` are those of requests."""
        headers = {"x-functions-key": self.function_key, **options.pop("headers", {})}
        return self.http_session.request(method, self.url + path, headers=headers, timeout=60, **options)

    # What users put there

    @property
    def segments(self) -> Container:
        return self.storage.segments

    def land(self, name: str, content: bytes | Path) -> str:
        """Write a blob of the segments container, as the customer data platform would, and give its ETag."""
        if isinstance(content, Path):
            return self.segments.upload(name, content)
        return self.segments.write(name, content)

    def land_folder(self, folder: Path) -> None:
        """Land all files of a folder that plays the container's root; markers last, as producers do."""
        land_folder(self.segments, folder)

    def put_config(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a destination document, such as `exports/newsletter.json`."""
        self.storage.config.write(name, json.dumps(document).encode())

    def put_connection(self, connection_id: str, *, scopes: Sequence[str] | None = None, **more: Any) -> str:
        """A SendGrid account with a key that works and consent given. Gives the key. `more` overrides document keys."""
        key, secret = f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}", f"sendgrid-{connection_id}"
        self.sendgrid.add_key(key, scopes)
        self.vault.set(secret, key)
        consent = {
            "agreed_by": "admin@contoso.example",
            "agreed_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "text_version": "2026-11",
        }
        document = {"display_name": connection_id.title(), "api_key_secret": secret, "consent": consent, **more}
        self.put_config(f"connections/{connection_id}.json", document)
        return key

    def put_export(
        self, export_id: str, *, list_id: str, segments: Sequence[str], mapping: Mapping[str, Any], **more: Any
    ) -> None:
        """An export to the connection `marketing`, off the clock. `more` adds or overrides document keys."""
        document = {
            "display_name": export_id.title(),
            "connection": "marketing",
            "list_id": list_id,
            "segments": list(segments),
            "mapping": dict(mapping),
            "schedule": "off",
            **more,
        }
        self.put_config(f"exports/{export_id}.json", document)

    # What comes of it

    def runs(self, export_id: str) -> list[Document]:
        """The export's run records, oldest first."""
        return list(self._runs(export_id))

    def run(self, export_id: str, run_id: str) -> Document:
        record: Document = json.loads(self.storage.runs.read(f"{export_id}/{run_id}/run.json").content)
        return record

    def report(self, run: Document) -> str:
        """The run's report.csv."""
        return self.storage.runs.read(f"{run['export_id']}/{run['run_id']}/report.csv").content.decode()

    def wait_for_run(
        self,
        export_id: str,
        *,
        known: Collection[str] = (),
        states: Collection[str] = ENDED,
        seconds: float = 60,
        watch: Callable[[Document], None] = lambda _: None,
    ) -> Document:
        """The first run of the export that is not `known` (by id), once it is in one of `states`.

        `watch` sees its record at every look. TimeoutError, with what was seen last, after `seconds`.
        """
        deadline = time.monotonic() + seconds
        last: Document | None = None
        while time.monotonic() < deadline:
            last = next((run for run in self._runs(export_id) if run["run_id"] not in known), None)
            if last:
                watch(last)
                if last["state"] in states:
                    return last
            if not self.host_pid and self._with_host:
                raise RuntimeError(f"the host is down:\n{self._log_end()}")
            time.sleep(_POLL)
        raise TimeoutError(f"no run of {export_id} ended in {seconds:g} s; last seen: {last}\n{self._log_end()}")

    def _runs(self, export_id: str) -> Iterator[Document]:
        for item in self.storage.runs.list(f"{export_id}/"):
            if item.name.endswith("/run.json"):
                yield json.loads(self.storage.runs.read(item.name).content)

    def _log_end(self) -> str:
        return self.host_log.read_text(errors="replace")[-4000:] if self.host_log.exists() else ""
