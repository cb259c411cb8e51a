"""What a compiler would find, as far as it can be found without one."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.unit.infra.templates import FILES, INFRA, ROOT, load, modules, references

CALLS = [(name, symbol) for name in FILES for symbol in modules(name)]
LOCAL_CALLS = [(name, symbol) for name, symbol in CALLS if modules(name)[symbol]["type"] == "local"]


@dataclass(frozen=True)
class Verified:
    """An Azure Verified Module at the version used: what it must be given, what else is given here, what it gives."""

    required: set[str]
    optional: set[str]
    outputs: set[str]


# As in their main.bicep (github.com/Azure/bicep-registry-modules) and in Microsoft's templates that use them.
REGISTRY = {
    "avm/res/managed-identity/user-assigned-identity:0.4.1": Verified(
        {"name"}, {"location", "tags"}, {"name", "resourceId", "principalId", "clientId"}
    ),
    "avm/res/operational-insights/workspace:0.11.1": Verified(
        {"name"}, {"location", "tags", "dataRetention"}, {"name", "resourceId"}
    ),
    "avm/res/insights/component:0.6.0": Verified(
        {"name", "workspaceResourceId"}, {"location", "tags", "disableLocalAuth"}, {"name", "resourceId"}
    ),
    "avm/res/event-grid/system-topic:0.6.1": Verified(
        {"name", "source", "topicType"}, {"location", "tags"}, {"name", "resourceId"}
    ),
    "avm/res/insights/action-group:0.8.0": Verified(
        {"name", "groupShortName"}, {"location", "tags", "emailReceivers"}, {"name", "resourceId"}
    ),
    "avm/res/insights/scheduled-query-rule:0.6.0": Verified(
        {"name", "scopes", "criterias"},
        {"location", "tags", "alertDisplayName", "alertDescription", "severity", "evaluationFrequency", "windowSize"}
        | {"autoMitigate", "skipQueryValidation", "actions"},
        {"name", "resourceId"},
    ),
    "avm/res/network/virtual-network:0.7.1": Verified(
        {"name", "addressPrefixes"}, {"location", "tags", "subnets"}, {"resourceId", "subnetResourceIds"}
    ),
    "avm/res/network/private-dns-zone:0.7.1": Verified(
        {"name"}, {"location", "tags", "virtualNetworkLinks"}, {"name", "resourceId"}
    ),
    "avm/res/network/private-endpoint:0.11.1": Verified(
        {"name", "subnetResourceId"},
        {"location", "tags", "privateLinkServiceConnections", "privateDnsZoneGroup"},
        {"name", "resourceId"},
    ),
}
# There is no released version of it that knows categories; Microsoft's own modules use this one.
PREVIEW = {"Microsoft.Insights/diagnosticSettings": "2021-05-01-preview"}


def parameters(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(name).get("parameters", {})
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_valid_bicep(name: str) -> None:
    assert load(name)["globals"]["scope"]["value"] == ("subscription" if name == "main.bicep" else "resourceGroup")


@pytest.mark.parametrize("name", FILES)
def test_no_parameter_or_variable_is_left_unused(name: str) -> None:
    text = re.sub(r"(?m)^\s*//.*", "", (INFRA / name).read_text())
    for symbol in [*parameters(name), *load(name).get("variables", {})]:
        assert len(re.findall(rf"\b{symbol}\b", text)) > 1, symbol


@pytest.mark.parametrize(("name", "symbol"), LOCAL_CALLS)
def test_a_module_gets_the_parameters_it_declares(name: str, symbol: str) -> None:
    call = modules(name)[symbol]
    declared = parameters(call["detail"]["path"])
    required = {parameter for parameter, entry in declared.items() if entry["default"] is None}
    given = set(call["config"]["params"])
    assert given <= set(declared)
    assert required <= given


@pytest.mark.parametrize("name", FILES)
def test_every_parameter_is_described(name: str) -> None:
    for symbol, entry in parameters(name).items():
        said = [decorator["argument"] for decorator in entry["decorators"] if decorator["type"] == "description"]
        assert said, symbol
        assert said[0][0].isupper(), symbol


@pytest.mark.parametrize(("name", "symbol"), sorted(set(CALLS) - set(LOCAL_CALLS)))
def test_a_verified_module_is_pinned_and_gets_the_parameters_it_has(name: str, symbol: str) -> None:
    call = modules(name)[symbol]
    assert call["detail"]["public"] is True
    assert re.fullmatch(r"\d+\.\d+\.\d+", call["detail"]["tag"])
    module, given = REGISTRY[call["detail"]["full"].removeprefix("public:")], set(call["config"]["params"])
    assert module.required <= given <= module.required | module.optional


@pytest.mark.parametrize("name", FILES)
def test_every_output_that_is_used_exists(name: str) -> None:
    used = {path for path in references(load(name)) if ".outputs." in path}
    assert used or not modules(name)
    for path in used:
        symbol, _, output = path.split(".")[:3]
        call = modules(name)[symbol]
        known = (
            set(load(call["detail"]["path"]).get("outputs", {}))
            if call["type"] == "local"
            else REGISTRY[call["detail"]["full"].removeprefix("public:")].outputs
        )
        assert output.partition("[")[0] in known, path


def test_what_is_made_only_sometimes_is_used_only_then() -> None:
    """An output of a conditional module stands behind the same condition."""
    text = (INFRA / "main.bicep").read_text()
    conditional = dict(re.findall(r"module (\w+) '[^']+' = if \((\w+)\)", text))
    assert {"entra": "registers", "network": "privateNetwork"}.items() <= conditional.items()
    for symbol, when in conditional.items():
        uses = re.findall(rf"(.*)\b{symbol}!?\.outputs", text)
        assert all(re.search(rf"\b{when} \? $", before) for before in uses), symbol


def test_resource_types_have_released_api_versions() -> None:
    for name in FILES:
        for symbol, entry in load(name).get("resources", {}).items():
            kind, version = entry["type"], entry["api_version"]
            if kind.startswith("Microsoft.Graph/"):
                assert version == "v1.0", symbol
            elif not re.fullmatch(r"\d{4}-\d\d-\d\d", version):
                assert PREVIEW.get(kind) == version, symbol


def test_extensions_are_pinned() -> None:
    pinned = json.loads((INFRA / "bicepconfig.json").read_text())["extensions"]
    assert set(pinned) == {extension for name in FILES for extension in load(name).get("extensions", {})}
    assert all(re.fullmatch(r"br:mcr\.microsoft\.com/\S+:\d+\.\d+\.\d+", source) for source in pinned.values())


def test_the_parameter_file_fits_the_template() -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    declared = parameters("main.bicep")
    assert set(given) <= set(declared)
    assert {key for key, entry in declared.items() if entry["default"] is None} <= set(given)
    for key, entry in given.items():
        default = re.fullmatch(r"\$\{\w+=(.*)\}", entry["value"])
        literal = default[1] if default else entry["value"]
        if not literal.startswith("${"):
            assert literal == str(declared[key]["default"]).replace("False", "false"), key


def test_azd_finds_the_app_and_the_hooks() -> None:
    project = yaml.safe_load((ROOT / "azure.yaml").read_text())
    (service,) = project["services"].items()
    assert service == ("app", {"project": "dist/app", "language": "python", "host": "function", "remoteBuild": True})
    tags = load("app/function.bicep")["resources"]["app"]["config"]["tags"]
    assert tags["function"]["parameters"]["arg_2"] == {"'azd-service-name'": "app"}
    for made in project["hooks"]["prepackage"].values():
        assert made["run"].split()[1:] == ["-m", "release.package"]
    hook = project["hooks"]["postdeploy"]
    assert {(ROOT / hook[system]["run"]).name for system in ("posix", "windows")} == {
        path.name for path in (INFRA / "hooks").iterdir()
    }
