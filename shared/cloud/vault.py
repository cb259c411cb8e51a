"""Secrets by name from Key Vault, cached for minutes, fetched anew on demand."""

import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.cloud.storage import cannot_sign_in, credential
from shared.errors import RunFailed, ServiceUnavailable
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

CACHE_SECONDS = 600


class Vault:
    """Reads secrets; the app has no right to write them.

    `client_options` go to the SecretClient as they are: a test's vault needs its own certificate. They come from the
    constructor only, never from a setting, so that no setting can turn a check off.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        client_options: dict[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._options = client_options or {}
        self._clock = clock
        self._lock = threading.Lock()
        self._cache: dict[str, tuple[float, str]] = {}

    @cached_property
    def _client(self) -> "SecretClient":
        from azure.keyvault.secrets import SecretClient

        return SecretClient(self._settings.key_vault_url, credential(self._settings), **self._options)

    def secret(self, name: str, *, refresh: bool = False) -> str:
        """The secret's newest value. `refresh` passes the cache by, for a key that has just been refused.

        RunFailed says what to mend: `secret_missing`, `secret_forbidden`, `secret_empty`. ServiceUnavailable otherwise.
        """
        with self._lock:
            known = self._cache.get(name)
            if known and not refresh and self._clock() - known[0] < CACHE_SECONDS:
                return known[1]
        value = self._fetch(name)
        with self._lock:
            self._cache[name] = (self._clock(), value)
        return value

    def _fetch(self, name: str) -> str:
        from azure.core import exceptions as azure

        where = f"secret {name} in {self._settings.key_vault_url}"
        try:
            value = self._client.get_secret(name).value
        except azure.ResourceNotFoundError as error:
            raise RunFailed(
                f"{where} does not exist",
                code="secret_missing",
                advice=f"Store the SendGrid API key there (az keyvault secret set --name {name} …) "
                "or correct api_key_secret in the connection.",
            ) from error
        except azure.HttpResponseError as error:
            if error.status_code in {401, 403}:
                raise RunFailed(
                    f"{where} may not be read or is disabled",
                    code="secret_forbidden",
                    advice="Enable the secret and give the app's identity the role Key Vault Secrets User.",
                ) from error
            if error.status_code is None:
                raise cannot_sign_in("the vault") from error
            raise ServiceUnavailable(
                f"the vault answered {error.status_code} for {where}", code="vault_unavailable", retry_after=30
            ) from error
        except azure.AzureError as error:
            raise ServiceUnavailable(
                f"the vault could not be reached ({type(error).__name__})", code="vault_unavailable", retry_after=30
            ) from error
        if not value or not value.strip():
            raise RunFailed(f"{where} is empty", code="secret_empty", advice="Store the SendGrid API key in it.")
        return value.strip()
