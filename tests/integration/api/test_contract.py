"""Schemathesis against the local host: no answer that openapi.json does not describe, whatever is asked."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack

# What the app answers. Whether a method is known at all, and a missing key, are the host's own business.
CHECKS = "status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
EXAMPLES = 4  # requests a route where things exist


@pytest.fixture(scope="module")
def hosted() -> Iterator[Stack]:
    """A stack with a host, and one of each thing that a path can name."""
    with Stack(settings={"LANDING_SETTLE_SECONDS": "0"}) as stack:
        stack.sendgrid.configure(job_seconds=0)
        stack.put_connection("marketing")
        list_id = stack.sendgrid.create_list("Newsletter")
        stack.land("People.csv", b"CustomerId,EMail,FirstName\nC1,ada@example.com,Ada\nC2,nobody,Bob\n")
        stack.put_export("news", list_id=list_id, segments=["People"], mapping={"email": "EMail"}, run_on_landing=False)
        yield stack


def schemathesis(stack: Stack, folder: Path, parameters: dict[str, str], *options: str) -> int:
    """How many requests it made, none of which had an answer that is not described."""
    description = folder / "openapi.json"
    description.write_text(stack.http("GET", "/api/openapi.json").text, encoding="utf-8")
    config = folder / "schemathesis.toml"
    config.write_text("\n".join(["[parameters]", *(f'"{k}" = "{v}"' for k, v in parameters.items())]), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(description)]
    command += ["--url", f"{stack.url}/api", "--header", f"x-functions-key: {stack.function_key}"]
    command += ["--checks", CHECKS, "--seed", "1", "--workers", "2"]
    command += ["--generation-database", "none", "--continue-on-failure", *options]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "internal error" not in stack.host_log.read_text(errors="replace")
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert found, done.stdout[-6000:]
    assert found[2] == found[1]
    return int(found[1])


def test_no_answer_is_undocumented_about_things_that_exist(hosted: Stack, tmp_path: Path) -> None:
    hosted.http("POST", "/api/exports/news/runs")
    run_id = hosted.wait_for_run("news")["run_id"]
    parameters = {
        "path.export_id": "news",
        "path.connection_id": "marketing",
        "path.run_id": run_id,
        "path.name": "People",
        "header.If-Match": "*",
    }
    asked = schemathesis(
        hosted, tmp_path, parameters, "--phases", "fuzzing", "--exclude-method", "DELETE", "-n", str(EXAMPLES)
    )
    assert asked >= 50


def test_no_answer_is_undocumented_about_anything_else(hosted: Stack, tmp_path: Path) -> None:
    assert schemathesis(hosted, tmp_path, {}, "--phases", "coverage") >= 300
