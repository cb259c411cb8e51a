"""What the host is told: app settings (environment, local.settings.json) and host.json."""

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

_SETTING = re.compile(r"%([^%\s]+)%")


class HostError(Exception):
    """The app cannot be hosted as it stands; the message says what to mend."""


def read_settings(path: Path) -> dict[str, str]:
    """The `Values` of a local.settings.json, which `func start` reads too."""
    try:
        values = dict(json.loads(path.read_text(encoding="utf-8"))["Values"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HostError(f"{path} is not a local.settings.json: {error!r}") from error
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        raise HostError(f"{path}: settings are strings; these are not: {', '.join(wrong)}")
    return values


def resolve(text: str, settings: Mapping[str, str], *, where: str) -> str:
    """Replace every `%NAME%` by that app setting; HostError if there is no such setting, as the real host says."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in settings:
            raise HostError(f"{where}: '{match[0]}' does not resolve to a value; set the app setting {match[1]}")
        return settings[match[1]]

    return _SETTING.sub(value, text)


def connection_string(name: str, settings: Mapping[str, str], *, where: str) -> str:
    """The connection string that a binding's `connection` names."""
    text = settings.get(name)
    if not text:
        raise HostError(f"{where}: the app setting {name}, which its connection names, is not set")
    if text == "UseDevelopmentStorage=true":
        from local.azurite import ACCOUNT, ACCOUNT_KEY

        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint=http://127.0.0.1:10000/{ACCOUNT};QueueEndpoint=http://127.0.0.1:10001/{ACCOUNT};"
        )
    return text


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """host.json's `extensions.queues`, with the host's own defaults. Durations are seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    visibility_timeout: float = 0
    max_dequeue_count: int = 5
    max_polling_interval: float = 60
    base64: bool = True

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        batch = int(document.get("batchSize", cls().batch_size))
        return cls(
            batch_size=batch,
            new_batch_threshold=int(document.get("newBatchThreshold", batch // 2)),
            visibility_timeout=time_span(document.get("visibilityTimeout", "00:00:00")),
            max_dequeue_count=int(document.get("maxDequeueCount", 5)),
            max_polling_interval=time_span(document.get("maxPollingInterval", "00:01:00")),
            base64=document.get("messageEncoding", "base64") == "base64",
        )


@dataclass(frozen=True, slots=True)
class HostJson:
    """The parts of host.json that this host heeds."""

    route_prefix: str = "api"
    queues: QueueSettings = field(default_factory=QueueSettings)

    @classmethod
    def read(cls, path: Path) -> Self:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            extensions = document.get("extensions", {})
            read = cls(
                route_prefix=extensions.get("http", {}).get("routePrefix", "api").strip("/"),
                queues=QueueSettings.read(extensions.get("queues", {})),
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise HostError(f"{path} cannot be used: {error!r}") from error
        if document.get("version") != "2.0":
            raise HostError(f"{path} cannot be used: its version is not 2.0")
        return read


def time_span(text: str) -> float:
    """Seconds of a .NET TimeSpan such as `00:01:00`."""
    hours, minutes, seconds = text.split(":")
    return dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds)).total_seconds()
