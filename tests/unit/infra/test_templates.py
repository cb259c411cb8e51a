"""What a compiler would find, as far as it can be found without one."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.unit.infra.templates import FILES, INFRA, ROOT, load, modules, references

LOCAL_CALLS = [(name, symbol) for name in FILES for symbol in modules(name) if modules(name)[symbol]["type"] == "local"]
# The registry modules, at versions that Microsoft's own templates use with these parameters, and the outputs they have.
REGISTRY = {
    "avm/res/managed-identity/user-assigned-identity:0.4.1": {"name", "resourceId", "principalId", "clientId"},
    "avm/res/operational-insights/workspace:0.11.1": {"name", "resourceId"},
    "avm/res/insights/component:0.6.0": {"name", "resourceId"},
    "avm/res/event-grid/system-topic:0.6.1": {"name", "resourceId"},
}


def parameters(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(name)["parameters"]
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


def test_every_output_that_is_used_exists() -> None:
    main = load("main.bicep")
    outputs = {
        symbol: set(load(call["detail"]["path"]).get("outputs", {}))
        if call["type"] == "local"
        else REGISTRY[call["detail"]["full"].removeprefix("public:")]
        for symbol, call in modules("main.bicep").items()
    }
    used = {path for path in references(main) if ".outputs." in path}
    assert used
    assert {path for path in used if path.split(".")[2] not in outputs[path.split(".")[0]]} == set()


def test_resource_types_have_released_api_versions() -> None:
    versions = {entry["api_version"] for name in FILES for entry in load(name)["resources"].values()}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", version) for version in versions), versions


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
