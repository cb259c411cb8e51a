"""The host as a whole: from an app's folder and its settings to running listeners, and back down again."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient

from local.host.blobs import POISON_QUEUE, BlobListener
from local.host.config import HostError, HostJson, connection_string, resolve
from local.host.http import HttpListener
from local.host.ncrontab import Ncrontab
from local.host.queues import HIDDEN_SECONDS, QueueListener
from local.host.routes import Keys, Router
from local.host.timers import TimerListener
from local.host.worker import Function, Worker

_log = logging.getLogger("local.host")

_OWN_CONTAINER = "azure-webjobs-hosts"


class _Listens(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def join(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Options:
    """What `func start` has no setting for. `hidden_seconds`: how long a killed host's message stays invisible."""

    port: int
    keys: Keys
    hidden_seconds: int = HIDDEN_SECONDS


class Host:
    """Indexes the app and prepares a listener for each function; HostError says what stands in the way."""

    def __init__(self, app_dir: Path, settings: Mapping[str, str], options: Options) -> None:
        self._settings = settings
        self._options = options
        self._host_json = HostJson.read(app_dir / "host.json")
        folder = hashlib.sha256(str(app_dir).encode()).hexdigest()[:16]
        self._id = settings.get("AzureFunctionsWebHost__hostid", f"local-{folder}")
        self._worker = Worker(app_dir)
        try:
            self._listeners = self._listen()
        except BaseException:
            self._worker.close()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.port}"

    def start(self) -> None:
        for listener in self._listeners:
            listener.start()

    def drain(self) -> None:
        """Take nothing new, let the calls in hand end, stop."""
        for listener in self._listeners:
            listener.stop()
        for listener in self._listeners:
            listener.join()
        self._worker.close()

    def _listen(self) -> list[_Listens]:
        functions = self._worker.functions.values()
        router = Router((each for each in functions if each.kind == "httpTrigger"), self._host_json.route_prefix)
        others = [self._listener(each) for each in functions if each.kind != "httpTrigger"]
        try:
            self._http = HttpListener(self._worker, router, self._options.keys, self._options.port)
        except OSError as error:
            raise HostError(f"port {self._options.port} is not free: {error}") from error
        for route in router.routes:
            methods = ",".join(sorted(route.methods)) or "any"
            _log.info("%s: [%s] %s/%s", route.function.name, methods, self.url, "/".join(route.parts))
        return [self._http, *others]

    def _listener(self, function: Function) -> _Listens:
        match function.kind:
            case "blobTrigger":
                return self._blob(function)
            case "queueTrigger":
                return self._queue(function)
            case "timerTrigger":
                return self._timer(function)
            case kind:
                raise HostError(f"{function.name}: this host does not know the trigger {kind}")

    def _blob(self, function: Function) -> BlobListener:
        path = self._resolved(function, "path")
        connection = self._connection(function)
        source = ContainerClient.from_connection_string(connection, path.partition("/")[0])
        poison = QueueClient.from_connection_string(connection, POISON_QUEUE)
        _log.info("%s: blobs of %s", function.name, path)
        return BlobListener(
            self._worker, function, path, source=source, store=self._store(), poison=poison, host_id=self._id
        )

    def _queue(self, function: Function) -> QueueListener:
        name = self._resolved(function, "queueName")
        connection = self._connection(function)
        queue = QueueClient.from_connection_string(connection, name)
        poison = QueueClient.from_connection_string(connection, f"{name}-poison")
        _log.info("%s: messages of %s", function.name, name)
        settings = self._host_json.queues
        hidden = self._options.hidden_seconds
        return QueueListener(self._worker, function, settings, queue=queue, poison=poison, hidden=hidden)

    def _timer(self, function: Function) -> TimerListener:
        text = self._resolved(function, "schedule")
        try:
            schedule = Ncrontab.parse(text)
        except ValueError as error:
            raise HostError(f"{function.name}: the schedule {text!r} is no NCRONTAB expression: {error}") from error
        _log.info("%s: at %s UTC", function.name, text)
        return TimerListener(self._worker, function, schedule, self._store(), self._id)

    def _store(self) -> ContainerClient:
        own = connection_string("AzureWebJobsStorage", self._settings, where="host")
        return ContainerClient.from_connection_string(own, _OWN_CONTAINER)

    def _resolved(self, function: Function, part: str) -> str:
        return resolve(str(function.trigger[part]), self._settings, where=f"{function.name}.{part}")

    def _connection(self, function: Function) -> str:
        name = resolve(str(function.trigger.get("connection") or "AzureWebJobsStorage"), self._settings, where="host")
        return connection_string(name, self._settings, where=function.name)
