"""The commands of docs/first-deployment.md use names that exist."""

import json
import re

from tests.unit.infra.functions import triggers
from tests.unit.infra.templates import INFRA, ROOT, load

GUIDE = (ROOT / "docs/first-deployment.md").read_text()
PARAMETERS = (INFRA / "main.parameters.json").read_text()


def test_variables_are_outputs_of_the_deployment() -> None:
    used = set(re.findall(r"\$([A-Z][A-Z_]+)", GUIDE))
    assert used
    assert used <= set(load("main.bicep")["outputs"])


def test_the_choices_it_offers_are_those_of_the_parameter_file() -> None:
    offered = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", GUIDE, re.MULTILINE))
    given = dict(re.findall(r"\$\{(\w+)=(\w*)\}", PARAMETERS))
    assert offered == given


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)]+)\)", GUIDE)
    assert targets
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []


def test_its_example_is_the_export_it_uploads() -> None:
    export = json.loads((ROOT / "docs/examples/config/exports/newsletter.json").read_text())
    connection = json.loads((ROOT / f"docs/examples/config/connections/{export['connection']}.json").read_text())
    assert f"--name {connection['api_key_secret']} " in GUIDE
    assert f"{export['segments'][0]}.csv" in GUIDE
    header = next(line for line in GUIDE.splitlines() if line.startswith("CustomerId,")).split(",")
    custom = export["mapping"].pop("custom_fields")
    assert {*export["mapping"].values(), *custom.values(), *export["only_where"]} < set(header)


def test_settings_with_a_default_schedule_are_in_the_file_it_names() -> None:
    assert {"refreshSchedule", "defaultSchedule"} <= set(json.loads(PARAMETERS)["parameters"])


def test_the_functions_it_tells_to_look_for_exist() -> None:
    row = next(
        line for line in GUIDE.splitlines() if "az functionapp function list" in line and line.startswith("| 4 ")
    )
    named = set(re.findall(r"\b[a-z]+_[a-z]+\b", row.split("|")[4]))
    assert len(named) > 3
    assert named <= set(triggers())
