"""Timer triggers: UTC, monitored. A tick missed while the host was down comes at start, marked past due."""

import datetime as dt
import json
import logging
from contextlib import suppress

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContainerClient

from local.host.listener import Listener
from local.host.ncrontab import Ncrontab
from local.host.worker import Function, Worker

_log = logging.getLogger("local.host")

_MONITORED = dt.timedelta(minutes=1)  # more frequent schedules keep no status, as with the real host


class TimerListener(Listener):
    """One function's clock. `store` is the host's own container; the status lies where the real host keeps it."""

    def __init__(
        self, worker: Worker, function: Function, schedule: Ncrontab, store: ContainerClient, host_id: str
    ) -> None:
        super().__init__(function.name)
        self._worker, self._function, self._schedule = worker, function, schedule
        self._status = store.get_blob_client(f"timers/{host_id}/Host.Functions.{function.name}/status")
        self._store = store
        now = _now()
        first = schedule.after(now)
        self._monitored = bool(function.trigger.get("useMonitor", True)) and (
            schedule.after(first) - first >= _MONITORED
        )
        self._due = now if function.trigger.get("runOnStartup") else first
        self._recalled = False

    def listen(self) -> float:
        if not self._recalled:
            self._recall()
        now = _now()
        if now < self._due:
            return (self._due - now).total_seconds()
        past_due = now - self._due > dt.timedelta(seconds=1)
        following = self._schedule.after(now)
        self._worker.timer(self._function, past_due=past_due, last=now, following=following)
        self._due = following
        if self._monitored:
            self._remember(last=now)
        return max(0.0, (self._due - _now()).total_seconds())

    def _recall(self) -> None:
        if self._monitored:
            try:
                expected = json.loads(self._status.download_blob().readall())["Next"]
                self._due = min(self._due, dt.datetime.fromisoformat(expected))
            except ResourceNotFoundError:
                self._remember(last=None)
        self._recalled = True
        _log.info("%s: next at %s", self._function.name, self._due.isoformat(timespec="seconds"))

    def _remember(self, *, last: dt.datetime | None) -> None:
        status = {"Last": last and last.isoformat(), "Next": self._due.isoformat(), "LastUpdated": _now().isoformat()}
        with suppress(ResourceExistsError):
            self._store.create_container()
        self._status.upload_blob(json.dumps(status), overwrite=True)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
