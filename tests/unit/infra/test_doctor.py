"""The Functions doctor looks at what is deployed and at the template, with the settings of a deployment."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.unit.infra.templates import ROOT
from tests.unit.infra.test_settings import deployed

# What it warns of though nothing is amiss.
NOTHING_AMISS = {
    "check_venv": "it runs beside the environment, not in it",
    "check_native_dependency_risk": "orjson: the deployment builds remotely, on the image that the app runs on",
}


def test_the_doctor_finds_nothing_amiss(tmp_path: Path) -> None:
    for name in ("function_app.py", "host.json", "requirements.txt", ".funcignore", "azure.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("shared", "infra"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    settings = {name: str(value) for name, value in deployed().items()}
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": settings}))
    done = subprocess.run(
        [Path(sys.executable).parent / "azure-functions-doctor", "doctor", "--profile", "full", "--format", "json"],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    items = [item for section in json.loads(done.stdout)["results"] for item in section["items"]]
    assert len(items) > 20
    found = {item["rule_id"]: item["value"] for item in items if item["status"] not in {"pass", "skip"}}
    tools = {rule for rule in found if rule.startswith("check_func_")}  # Core Tools are on some machines only
    assert {rule: value for rule, value in found.items() if rule not in NOTHING_AMISS.keys() | tools} == {}
    assert done.returncode == 0
