"""The app settings of the template are those that the code, the bindings and the platform read, and none else."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shared.api.endpoint import LARGEST_BODY
from shared.settings import Settings
from tests.unit.infra.functions import bindings
from tests.unit.infra.templates import ROOT, evaluate, passed, resources, scope

# Connection strings and a stand-in for SendGrid: for the local stack, never in a deployment.
LOCAL_ONLY = {"AzureWebJobsStorage", "SegmentStorage", "SENDGRID_BASE_URL"}
# Read by the Functions host and its extensions, not by the app.
PLATFORM = {
    "AzureWebJobsStorage__tableServiceUri": "the host's diagnostic events",
    "AzureWebJobsStorage__credential": "sign in with an identity",
    "AzureWebJobsStorage__clientId": "which identity",
    "SegmentStorage__credential": "sign in with an identity",
    "SegmentStorage__clientId": "which identity",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "the largest body that the host takes, in bytes",
}
# The same, if people sign in with Entra ID.
PLATFORM_WITH_ENTRA = {"OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID": "which identity takes the place of a client secret"}
# Set by Azure in every instance.
GIVEN_BY_AZURE = {"IDENTITY_ENDPOINT", "WEBSITE_SITE_NAME"}
ENDPOINTS = {
    f"{account}.properties.primaryEndpoints.{service}": f"https://st{account.lower()}.{service}.core.windows.net/"
    for account in ("hostStorage", "dataStorage")
    for service in ("blob", "queue", "table")
}
READERS = {"os.environ.get", "os.environ.setdefault", "os.environ.pop", "os.getenv"}
spelled = ast.unparse


class Recording(Mapping[str, str]):
    """An environment that notes what it was asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def deployed(**given: Any) -> dict[str, Any]:
    """The settings as a deployment with default parameters has them, with example endpoints."""
    names = (
        scope("app/function.bicep", **passed("app", **given))
        | ENDPOINTS
        | {"vaultUri": "https://kv-x.vault.azure.net/"}
    )
    settings: dict[str, Any] = evaluate(resources("app/function.bicep")["settings"]["config"]["properties"], names)
    return settings


def read_by_settings() -> set[str]:
    environment = Recording({name: value for name, value in deployed().items() if isinstance(value, str)})
    Settings.from_environment(environment)
    return environment.asked


def read_directly(path: Path) -> set[str]:
    """Names that a module takes from os.environ itself."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Subscript(value=source, slice=ast.Constant(value=str(name))) if spelled(source) == "os.environ":
                found.add(name)
            case ast.Compare(left=ast.Constant(value=str(name)), comparators=[source]) if (
                spelled(source) == "os.environ"
            ):
                found.add(name)
            case ast.Call(func=source, args=[ast.Constant(value=str(name)), *_]) if spelled(source) in READERS:
                found.add(name)
            case _:
                pass
    return found


def read_by_bindings() -> set[str]:
    return set(re.findall(r"%(\w+)%", json.dumps(bindings())))


def test_settings_are_those_that_are_read_and_none_else() -> None:
    own = read_by_settings() | read_by_bindings() | read_directly(ROOT / "function_app.py")
    assert set(deployed()) == (own | set(PLATFORM)) - LOCAL_ONLY
    assert set(deployed(authMode="entra")) == set(deployed()) | set(PLATFORM_WITH_ENTRA)


def test_no_module_reads_a_setting_that_a_deployment_does_not_have() -> None:
    for path in [ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py")]:
        assert read_directly(path) <= set(deployed()) | GIVEN_BY_AZURE, path


def test_the_app_accepts_the_settings_of_a_deployment() -> None:
    settings = Settings.from_environment(deployed())
    assert settings.host_storage.connection_string is settings.segment_storage.connection_string is None
    assert settings.host_storage.queue_uri == "https://sthoststorage.queue.core.windows.net/"
    assert settings.segment_storage.blob_uri == "https://stdatastorage.blob.core.windows.net/"
    assert settings.key_vault_url == "https://kv-x.vault.azure.net"
    assert settings.sendgrid_base_url is None


def test_defaults_are_the_same_in_the_template_the_code_and_the_sample_for_laptops() -> None:
    settings = deployed()
    required = {
        name: settings[name]
        for name in settings
        if name.startswith("AzureWebJobs") or name.endswith("__blobServiceUri")
    }
    own = Settings.from_environment({**required, "KEY_VAULT_URL": settings["KEY_VAULT_URL"]})
    full = Settings.from_environment(settings)
    deployed_only = ("segment_storage", "identity_client_id", "insights_connection_string", "insights_entra")
    assert replace(own, **{name: getattr(full, name) for name in deployed_only}) == full
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    different = {"KEY_VAULT_URL", "BLOB_TRIGGER_SOURCE"}
    shared = (set(sample) & set(settings)) - different
    assert len(shared) > 5
    assert {name: sample[name] for name in shared} == {name: settings[name] for name in shared}


def test_storage_and_telemetry_sign_in_with_the_apps_identity() -> None:
    settings = deployed()
    identity = settings["AZURE_CLIENT_ID"]
    assert settings["AzureWebJobsStorage__clientId"] == settings["SegmentStorage__clientId"] == identity
    assert settings["AzureWebJobsStorage__credential"] == settings["SegmentStorage__credential"] == "managedidentity"
    assert settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"].endswith(";Authorization=AAD")


def test_the_host_takes_what_the_app_takes_and_not_much_more() -> None:
    """A little more, so that the app itself says what is wrong: the host's answer to a larger body is a bare 500."""
    limit = int(deployed()["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"])
    assert 2 * LARGEST_BODY <= limit <= 8 * LARGEST_BODY


def test_blob_events_come_from_event_grid_which_is_all_that_flex_consumption_accepts() -> None:
    assert deployed()["BLOB_TRIGGER_SOURCE"] == "EventGrid"
