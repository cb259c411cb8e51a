"""App settings, read once a process into one frozen value.

The names are the Function App's own settings (docs/configuration.md lists them). A storage setting is either a
connection string (Azurite) or, with managed identity, the usual family `<NAME>__blobServiceUri`,
`<NAME>__queueServiceUri`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.errors import RunFailed


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """How to reach one storage account: by `connection_string`, or by service URIs and a managed identity."""

    connection_string: str | None
    blob_uri: str | None
    queue_uri: str | None

    @classmethod
    def read(cls, name: str, env: Mapping[str, str]) -> Self:
        text, blob, queue = (env.get(name), env.get(f"{name}__blobServiceUri"), env.get(f"{name}__queueServiceUri"))
        if not text and not blob:
            raise _bad(name, "is not set", f"set {name} (Azurite) or {name}__blobServiceUri (managed identity)")
        return cls(text or None, blob or None, queue or None)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Durations are seconds."""

    host_storage: StorageAccount
    segment_storage: StorageAccount
    segments_container: str
    data_container_prefix: str
    key_vault_url: str
    sendgrid_base_url: str | None
    default_schedule: str
    default_timezone: str
    run_slice_seconds: int
    landing_settle_seconds: int
    auth_mode: Literal["key", "entra"]
    identity_client_id: str | None
    insights_connection_string: str | None
    insights_entra: bool

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read and check every setting; a RunFailed with code `invalid_setting` names the first that is wrong."""
        auth_mode = env.get("AUTH_MODE", "key")
        if auth_mode not in {"key", "entra"}:
            raise _bad("AUTH_MODE", f"is {auth_mode!r}", "use key or entra")
        vault = env.get("KEY_VAULT_URL", "")
        if not vault.startswith("https://"):
            raise _bad("KEY_VAULT_URL", "is not set or not an https URL", "use https://<vault>.vault.azure.net")
        timezone = env.get("DEFAULT_TIMEZONE", "UTC")
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones, such as Europe
            raise _bad("DEFAULT_TIMEZONE", f"is {timezone!r}", "use an IANA name such as Europe/Athens") from error
        return cls(
            host_storage=StorageAccount.read("AzureWebJobsStorage", env),
            segment_storage=StorageAccount.read("SegmentStorage", env),
            segments_container=env.get("SEGMENTS_CONTAINER", "segments"),
            data_container_prefix=env.get("DATA_CONTAINER_PREFIX", ""),
            key_vault_url=vault.rstrip("/"),
            sendgrid_base_url=_base_url(env.get("SENDGRID_BASE_URL") or None),
            default_schedule=env.get("DEFAULT_SCHEDULE", "0 5 * * *"),
            default_timezone=timezone,
            run_slice_seconds=_seconds("RUN_SLICE_SECONDS", env, default=240, least=1),
            landing_settle_seconds=_seconds("LANDING_SETTLE_SECONDS", env, default=60, least=0),
            auth_mode=cast("Literal['key', 'entra']", auth_mode),
            identity_client_id=env.get("AZURE_CLIENT_ID") or None,
            insights_connection_string=env.get("APPLICATIONINSIGHTS_CONNECTION_STRING") or None,
            insights_entra="Authorization=AAD" in env.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", ""),
        )


def _base_url(url: str | None) -> str | None:
    """The API key travels there, so it is https unless it is this machine."""
    parts = urlsplit(url or "")
    on_this_machine = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if url and not on_this_machine and not (parts.scheme == "https" and parts.hostname):
        raise _bad("SENDGRID_BASE_URL", "is neither an https URL nor one of this machine", "remove it; tests set it")
    return url


def _seconds(name: str, env: Mapping[str, str], *, default: int, least: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise _bad(name, f"is {text!r}", f"use whole seconds, at least {least}")
    return int(text)


def _bad(name: str, what: str, expected: str) -> RunFailed:
    return RunFailed(f"app setting {name} {what}", code="invalid_setting", advice=f"In the app settings: {expected}.")
