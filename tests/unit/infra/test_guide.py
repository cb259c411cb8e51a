"""The commands of docs/first-deployment.md use names that exist."""

import json
import re

from shared.api.roles import PLATFORM_AUTH, PRINCIPAL, Role, principal_of
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
    given = {name: default or "none" for name, default in re.findall(r"\$\{(\w+)=?([^}]*)\}", PARAMETERS)}
    assert offered == {name: default for name, default in given.items() if not name.startswith("AZURE_")}


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", GUIDE)
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


def test_its_links_within_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^## (.+)$", GUIDE, re.MULTILINE)
    known = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= known


def test_the_forged_principal_would_be_an_administrator_if_it_were_believed() -> None:
    header = re.search(r"X-MS-CLIENT-PRINCIPAL: (\S+)\"", GUIDE)
    assert header
    believed = principal_of("entra", {PRINCIPAL: header[1]}, {PLATFORM_AUTH: "True"})
    assert believed.role is Role.ADMINISTRATOR


def test_the_proofs_are_numbered_and_have_a_command_and_an_expectation() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", GUIDE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    for number, row in rows:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)]
        assert len(cells) == 3, number
        assert all(cells), number


def test_settings_with_a_default_schedule_are_in_the_file_it_names() -> None:
    assert {"refreshSchedule", "defaultSchedule"} <= set(json.loads(PARAMETERS)["parameters"])


def test_the_functions_it_tells_to_look_for_exist() -> None:
    row = next(
        line for line in GUIDE.splitlines() if "az functionapp function list" in line and line.startswith("| 4 ")
    )
    named = set(re.findall(r"\b[a-z]+_[a-z]+\b", row.split("|")[4]))
    assert len(named) > 3
    assert named <= set(triggers())
