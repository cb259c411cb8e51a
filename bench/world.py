"""What a measurement needs around it: storage, vault, identity, the strict stub, and function processes."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from bench.generator import DATA, MAPPING
from bench.samples import Sampler, forget_peak, processor_seconds
from local import process
from local.azurite import Azurite
from local.identity import LocalIdentity
from local.vault import LocalVault
from shared.cloud.storage import Storage
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
CONNECTION, SECRET = "bench", "sendgrid-bench"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
_WARM_UP = b"EMailAddress1\n" + b"".join(b"warm%d@example.com\n" % number for number in range(100))

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What one run took. Seconds count from the landing's event; bytes are of the function process.

    `storage`: the process's requests by what Azure bills. `first`, `last`: until the first contact request, and until
    the last one was taken; None if there was none.
    """

    first: float | None
    last: float | None
    end: float
    peak: int
    disk: int
    processor: float
    stub_processor: float
    storage_processor: float
    storage: dict[str, int]
    slices: int
    stats: Document
    record: Document
    series: list[tuple[float, int, int]]


class World:
    """`with World() as world:`; everything listens on free loopback ports and lives in one folder that goes away."""

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            DATA.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix="world-", dir=DATA.parent))
            parts.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.azurite = parts.enter_context(Azurite(self.folder / "storage"))
            self._vault = parts.enter_context(LocalVault())
            self._identity = parts.enter_context(LocalIdentity())
            self._http = parts.enter_context(requests.Session())
            self._stub = self._start_stub()
            parts.callback(process.stop, self._stub)
            self._storage = Storage(Settings.from_environment(self._settings))
            self._storage.ensure()
            self._configure()
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    @property
    def _settings(self) -> dict[str, str]:
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "SegmentStorage": self.azurite.connection_string,
            "KEY_VAULT_URL": self._vault.url,
            "SENDGRID_BASE_URL": self.stub_url,
            "LANDING_SETTLE_SECONDS": "0",
        }

    def _start_stub(self) -> "subprocess.Popen[bytes]":
        port = process.free_ports(1)[0]
        log = self.folder / "stub.log"
        stub = process.start([sys.executable, "-m", "bench.stub", "--port", str(port)], log=log, cwd=ROOT)
        process.wait_until(lambda: process.listens(port), stub, what="the stub", log=log)
        self.stub_url = f"http://127.0.0.1:{port}"
        return stub

    def _configure(self) -> None:
        self._vault.set(SECRET, "SG.bench")
        consent = {
            "agreed_by": "bench",
            "agreed_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "text_version": "1",
        }
        self._put(
            f"connections/{CONNECTION}.json", {"display_name": "Bench", "api_key_secret": SECRET, "consent": consent}
        )
        self.put_export("warmup", "Warmup", mapping={"email": "EMailAddress1"})

    def _put(self, name: str, document: Document) -> None:
        self._storage.config.write(name, json.dumps(document).encode())

    def put_export(self, export_id: str, segment: str, **more: Any) -> None:
        """An export of the segment to a list of its own. `more` adds or overrides document keys."""
        document = {
            "display_name": export_id,
            "connection": CONNECTION,
            "list_id": str(uuid.uuid5(uuid.NAMESPACE_OID, export_id)),
            "segments": [segment],
            "mapping": MAPPING,
            "schedule": "off",
            "max_profiles": 100_000_000,
            "delivery": "upsert",  # whatever the size: one way is measured at a time
            **more,
        }
        self._put(f"exports/{export_id}.json", document)

    def forget(self, export_id: str, segment: str) -> None:
        """Take an export and its segment away, so that later landings are no news to it."""
        self._storage.config.delete(f"exports/{export_id}.json")
        for item in list(self._storage.segments.list(segment)):
            self._storage.segments.delete(item.name)

    def land(self, segment: str, path: Path) -> str:
        """Upload a segment's file or folder, over what was there; the name of the blob whose event tells of it."""
        if path.is_file():
            name = f"{segment}{path.suffix}"
            self._storage.segments.upload(name, path)
            return name
        marker = f"{segment}/_SUCCESS"
        for file in sorted(path.glob("part-*")):
            self._storage.segments.upload(f"{segment}/{file.name}", file)
        self._storage.segments.write(marker, b"")
        return marker

    def stub(self, what: str, **query: float) -> Document:
        """Steer the stub: `reset` forgets everything, `clear` what was counted, `stats` only tells."""
        answer = self._http.get(f"{self.stub_url}/stub/{what}", params=query, timeout=60)
        answer.raise_for_status()
        document: Document = answer.json()
        return document

    def instance(self, *, profile: Path | None = None) -> "Instance":
        """A function process that has done a small run, as an instance that is kept warm."""
        return Instance(self, profile)

    def record(self, run_id: str) -> Document:
        export_id = run_id.rsplit("-", 2)[0]
        content = self._storage.runs.read(f"{export_id}/{run_id}/run.json").content
        record: Document = json.loads(content)
        return record

    def launch(self, folder: Path, profile: Path | None) -> "subprocess.Popen[str]":
        folder.mkdir()
        command = [sys.executable, "-m", "bench.instance", "--vault-certificate", str(self._vault.certificate)]
        command += ["--profile", str(profile)] if profile else []
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment |= self._settings | self._identity.environment | {"TMPDIR": str(folder)}
        with (self.folder / "instance.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def land_warm_up(self) -> str:
        self._storage.segments.write("Warmup.csv", _WARM_UP)
        return "Warmup.csv"

    def storage_processor(self) -> float:
        return processor_seconds(self.azurite.pid)


class Instance:
    """A function process. `with world.instance() as instance: instance.run(blob)`."""

    def __init__(self, world: World, profile: Path | None) -> None:
        self._world = world
        self._profile = profile

    def __enter__(self) -> Self:
        self._folder = self._world.folder / f"temporary-{uuid.uuid4().hex}"
        self._process = self._world.launch(self._folder, self._profile)
        try:
            self._hear("up")
            self.run(self._world.land_warm_up())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _stop(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def run(self, blob_name: str) -> RunFigures:
        """Tell of a landing and wait for the run that it starts to end."""
        self._world.stub("clear")
        pid = self._process.pid
        forget_peak(pid)
        before = processor_seconds(pid), self._world.storage_processor()
        with Sampler(pid, self._folder) as sampler:
            assert self._process.stdin  # noqa: S101 - it was asked for
            self._process.stdin.write(f"landed {blob_name}\n")
            self._process.stdin.flush()
            landed = self._hear("landed")
            if landed["runs"] != 1:
                raise RuntimeError(f"the landing of {blob_name} has started {landed['runs']} runs, not one")
            began = float(landed["at"])
            slices, sliced = 1, self._hear("sliced")
            while not sliced["ended"]:
                slices, sliced = slices + 1, self._hear("sliced")
        stats = self._world.stub("stats")
        return RunFigures(
            first=stats["first"] and stats["first"] - began,
            last=stats["last"] and stats["last"] - began,
            end=sliced["at"] - began,
            peak=sampler.peak,
            disk=sampler.most_on_disk,
            processor=processor_seconds(pid) - before[0],
            stub_processor=stats["cpu"],
            storage_processor=self._world.storage_processor() - before[1],
            storage=sliced["storage"],
            slices=slices,
            stats=stats,
            record=self._world.record(sliced["run_id"]),
            series=sampler.series,
        )

    def _hear(self, event: str) -> Document:
        assert self._process.stdout  # noqa: S101 - it was asked for
        for line in self._process.stdout:
            said: Document = json.loads(line)
            if said["event"] == event:
                return said
        time.sleep(0.1)
        log = (self._world.folder / "instance.log").read_text(errors="replace")
        raise RuntimeError(f"the function process has ended:\n{log[-4000:]}")
