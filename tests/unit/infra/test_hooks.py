"""The hook that subscribes the function to arrivals: run for real, with a stand-in for the Azure CLI on the PATH."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.segments import names
from tests.unit.infra.templates import INFRA, evaluate, load, resources, scope

SHELL = INFRA / "hooks/postdeploy.sh"
POWERSHELL = INFRA / "hooks/postdeploy.ps1"
ENVIRONMENT = {
    "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_RESOURCE_GROUP": "rg-test",
    "FUNCTION_APP_NAME": "func-test",
    "EVENT_GRID_TOPIC_NAME": "evgt-test",
    "SEGMENTS_CONTAINER": "segments",
    "POSTDEPLOY_PAUSE_SECONDS": "0",
}
# Answers each kind of call from a file with one line a call: the text to print, or "!" to fail.
STAND_IN = """#!/bin/sh
echo "$*" >>"$AZ_LOG"
case "$1" in functionapp) answers=$AZ_KEYS ;; *) answers=$AZ_DEPLOYMENTS ;; esac
line=$(head -n 1 "$answers")
[ "$(wc -l <"$answers")" -gt 1 ] && sed -i 1d "$answers"
[ "$line" = "!" ] && exit 1
printf '%s\\n' "$line"
"""


def run(folder: Path, *, keys: list[str], deployments: list[str], **changed: str) -> tuple[int, list[str], str]:
    """Exit code, the Azure CLI calls made, everything printed. The last answer of a list is repeated."""
    cli = folder / "az"
    cli.write_text(STAND_IN)
    cli.chmod(0o755)
    (folder / "keys").write_text("".join(f"{line}\n" for line in keys))
    (folder / "deployments").write_text("".join(f"{line}\n" for line in deployments))
    log = folder / "log"
    log.touch()
    done = subprocess.run(
        [str(SHELL)],
        env={
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "AZ_LOG": str(log),
            "AZ_KEYS": str(folder / "keys"),
            "AZ_DEPLOYMENTS": str(folder / "deployments"),
            **ENVIRONMENT,
            **changed,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, log.read_text().splitlines(), done.stdout + done.stderr


def test_it_waits_for_the_blob_trigger_and_then_subscribes(tmp_path: Path) -> None:
    code, calls, _ = run(tmp_path, keys=["!", "", "false", "true"], deployments=[""])
    assert code == 0
    assert [call.split()[0] for call in calls] == ["functionapp"] * 4 + ["deployment"]
    assert "--resource-group rg-test" in calls[-1]
    assert "functionAppName=func-test topicName=evgt-test segmentsContainer=segments" in calls[-1]
    template = re.search(r"--template-file (\S+)", calls[-1])
    assert template
    assert Path(template[1]).resolve() == INFRA / "app/subscription.bicep"


def test_it_tries_again_when_the_function_was_too_slow_to_answer(tmp_path: Path) -> None:
    code, calls, _ = run(tmp_path, keys=["true"], deployments=["!", "!", ""])
    assert code == 0
    assert len(calls) == 1 + 3


def test_it_asks_whether_there_is_a_key_and_never_for_the_key(tmp_path: Path) -> None:
    _, calls, _ = run(tmp_path, keys=["true"], deployments=[""])
    assert "--query systemKeys.blobs_extension != null" in calls[0]
    for path in (SHELL, POWERSHELL):
        assert path.read_text().count("systemKeys") == path.read_text().count("systemKeys.blobs_extension != null") == 1


@pytest.mark.parametrize(
    ("keys", "deployments", "message"),
    [(["false"], [""], "no blobs_extension key"), (["true"], ["!"], "did not accept")],
)
def test_it_fails_with_advice_when_it_cannot_subscribe(
    tmp_path: Path, keys: list[str], deployments: list[str], message: str
) -> None:
    code, _, printed = run(tmp_path, keys=keys, deployments=deployments)
    assert code == 1
    assert message in printed
    assert "az functionapp function list" in printed or "azd hooks run postdeploy" in printed


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if name != "POSTDEPLOY_PAUSE_SECONDS"])
def test_it_names_what_is_missing_and_does_nothing(tmp_path: Path, name: str) -> None:
    code, calls, printed = run(tmp_path, keys=["true"], deployments=[""], **{name: ""})
    assert (code, calls) == (1, [])
    assert name in printed


def test_the_environment_it_needs_is_what_azd_gives_it() -> None:
    needed = set(ENVIRONMENT) - {"POSTDEPLOY_PAUSE_SECONDS", "AZURE_SUBSCRIPTION_ID"}  # the latter is azd's own
    assert needed <= set(load("main.bicep")["outputs"])


def test_both_shells_make_the_same_calls() -> None:
    def calls(path: Path) -> list[str]:
        joined = re.sub(r"[\\`]\n\s*", "", path.read_text())
        found = re.findall(r"\baz ((?:functionapp keys|deployment group) .*)", joined)
        return [re.sub(r"""["'()$]|env:|Join-Path \$PSScriptRoot |here/| \|.*""", "", call) for call in found]

    def names(path: Path) -> set[str]:
        return set(re.findall(r"\b(?:[A-Z]+_){1,3}[A-Z]+\b", path.read_text()))

    assert calls(SHELL) == calls(POWERSHELL)
    assert len(calls(SHELL)) == 2
    assert names(SHELL) == names(POWERSHELL)


def test_the_hook_gives_the_subscription_what_it_needs() -> None:
    declared = load("app/subscription.bicep")["parameters"]
    required = {name for name, entry in declared.items() if entry["default"] is None}
    for path in (SHELL, POWERSHELL):
        given = path.read_text().split("--parameters")[1].split("}")[0]
        assert set(re.findall(r"\b(\w+)=", given)) == required


def test_the_subscription_calls_the_webhook_of_the_blob_trigger() -> None:
    destination = resources("app/subscription.bicep")["landed"]["config"]["properties"]["destination"]
    assert destination["endpointType"] == "WebHook"
    url = destination["properties"]["endpointUrl"]
    assert url.endswith("/runtime/webhooks/blobs?functionName=Host.Functions.${functionName}&code=${key}")


def landing_filter() -> dict[str, Any]:
    found: dict[str, Any] = resources("app/subscription.bicep")["landed"]["config"]["properties"]["filter"]
    return found


def test_only_blobs_created_in_the_segments_container_are_sent() -> None:
    assert landing_filter()["includedEventTypes"] == ["Microsoft.Storage.BlobCreated"]
    assert landing_filter()["subjectBeginsWith"] == "/blobServices/default/containers/${segmentsContainer}/"


def sends(name: str) -> bool:
    """Whether Event Grid sends the arrival of this blob; like it, without regard to case."""
    subject = f"/blobServices/default/containers/segments/blobs/{name}".lower()
    variables = scope("app/subscription.bicep")
    for advanced in landing_filter()["advancedFilters"]:
        assert advanced["key"] == "subject"
        values = [value.lower() for value in evaluate(advanced["values"], variables)]
        matches = {
            "StringEndsWith": any(subject.endswith(value) for value in values),
            "StringNotContains": not any(value in subject for value in values),
        }
        if not matches[advanced["operatorType"]]:
            return False
    return True


def test_whatever_the_code_reads_or_takes_for_a_sign_is_sent() -> None:
    folder = "CustomerInsights_1/BlobExport/HighValue/2026/11/21/0300/"
    for name in (names.MODEL, f"{folder}{names.MODEL}", names.SUCCESS, f"{folder}{names.SUCCESS}"):
        assert sends(name), name
    for ending in names._PART_FORMATS:
        assert sends(f"{folder}HighValue_1{ending}")
        assert sends(f"HighValue{ending.upper()}")


@pytest.mark.parametrize(
    "name",
    [
        "HighValue.csv.tmp",
        "notes.txt",
        "HighValue/part-0.parquet.crc",
        "HighValue/_committed_17",
        "HighValue/_started_17",
        "HighValue/_temporary/0/task_1/part-0.parquet",
        "picture.png",
        "my_SUCCESS",
    ],
)
def test_what_the_code_makes_nothing_of_is_not_sent(name: str) -> None:
    assert names.is_hidden(name) or names.format_of(name, part=True) is None
    assert not sends(name)


def test_the_filter_keeps_event_grids_limits() -> None:
    """25 advanced filters with 25 values in all: https://learn.microsoft.com/azure/event-grid/event-filtering."""
    filters = evaluate(landing_filter()["advancedFilters"], scope("app/subscription.bicep"))
    assert sum(len(each["values"]) for each in filters) <= 25


@pytest.mark.parametrize("path", [SHELL])
def test_the_posix_hook_is_plain_shell(path: Path) -> None:
    assert path.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(path)], check=True)
    subprocess.run(["bash", "--posix", "-n", str(path)], check=True)
    assert os.access(path, os.X_OK)


def test_the_powershell_hook_closes_what_it_opens() -> None:
    """As near to a parser as there is without PowerShell."""
    text = re.sub(r"(?m)^\s*#.*$", "", POWERSHELL.read_text())
    code = re.sub(r"""'[^']*'|"(?:[^"`]|`.)*\"""", "''", text)
    closing, opened = {")": "(", "]": "[", "}": "{"}, []
    for char in code:
        if char in closing.values():
            opened.append(char)
        elif char in closing:
            assert opened
            assert opened.pop() == closing[char]
    assert opened == []
    assert not re.search(r"`[ \t]+$", text, re.MULTILINE)  # a blank behind the mark that continues a line


def test_both_hooks_do_the_same_steps_in_the_same_order() -> None:
    def said(path: Path) -> list[str]:
        found = re.findall(r"postdeploy: ([a-z ]+)", path.read_text())
        return [words.strip() for words in found if words.strip()]

    def repeated(path: Path) -> list[str]:
        return re.findall(r"(?:\btry|Wait-Until) (\d+) ", path.read_text())

    assert (
        said(SHELL) == said(POWERSHELL) == ["waiting for the blob trigger of", "subscribing to the arrivals in", "done"]
    )
    assert repeated(SHELL) == repeated(POWERSHELL) == ["60", "5"]
