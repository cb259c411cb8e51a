"""The floors of the house (docs/architecture.md): an import only ever goes down, and heavy ones wait until needed."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "function_app.py", *sorted((ROOT / "shared").rglob("*.py"))]

# From the top. Rooms of one floor may use each other only where it is written down.
FLOORS = [
    {"function_app"},
    {"shared.api", "shared.cli"},
    {"shared.app"},
    {"shared.erasures"},
    {"shared.runs"},
    {"shared.contacts"},
    {"shared.segments", "shared.destinations"},
    {"shared.sendgrid", "shared.cloud"},
    {"shared.settings", "shared.errors", "shared.telemetry"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
NEIGHBOURS = {("shared.settings", "shared.errors"), ("shared.cli", "shared.api"), ("shared.telemetry", "shared.errors")}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2]) if module.startswith("shared.") else module.split(".", maxsplit=1)[0]


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere in it, inside functions and for type checkers, too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are written in full"
            # `from shared.runs import start` names a room or what is in it.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """The rooms that a file uses, its own left out. The package itself (its version) is everybody's."""
    used = {name for name in imports_of(path) if name.split(".")[0] in {"function_app", "shared", "local", "tests"}}
    return {room_of(name) for name in used} - {room_of(module_of(path)), "shared.__version__"}


def test_every_room_of_the_app_has_its_floor() -> None:
    assert {room_of(module_of(path)) for path in SOURCES} - {"shared"} == FLOOR.keys()


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_an_import_only_goes_down(path: Path) -> None:
    here = room_of(module_of(path))
    upward = {
        room
        for room in ours(path)
        if room not in FLOOR or (FLOOR[room] <= FLOOR.get(here, len(FLOORS)) and (here, room) not in NEIGHBOURS)
    }
    assert not upward, f"{here} must not know {', '.join(sorted(upward))}"


@pytest.mark.parametrize("room", ["contacts", "sendgrid"])
def test_what_can_do_without_azure_knows_nothing_of_it(room: str) -> None:
    for path in (ROOT / "shared" / room).rglob("*.py"):
        assert not [name for name in imports_of(path) if name.split(".")[0] in {"azure", "azurefunctions"}], path


def test_a_cold_start_loads_nothing_that_only_a_run_needs() -> None:
    """What azure.functions and its blob extension load themselves, the storage SDK for one, cannot be put off."""
    lazy = ["duckdb", "pydantic", "azure.storage.queue", "azure.keyvault", "cronsim", "rich", "opentelemetry"]
    code = (
        "import json, sys, function_app\n"
        f"loaded = [name for name in {lazy} if name in sys.modules]\n"
        "rooms = [name for name in sys.modules if name.split('.')[0] in ('shared', 'local')]\n"
        "print(json.dumps([loaded, sorted(rooms)]))"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    loaded, rooms = json.loads(answer.stdout)
    assert loaded == []
    assert set(rooms) - {"shared"} == {
        "shared.api",
        "shared.api.about",
        "shared.api.conditions",
        "shared.api.connections",
        "shared.api.console",
        "shared.api.endpoint",
        "shared.api.erasures",
        "shared.api.exports",
        "shared.api.problems",
        "shared.api.roles",
        "shared.api.routes",
        "shared.api.runs",
        "shared.api.segments",
        "shared.app",
        "shared.errors",
        "shared.runs",
        "shared.runs.stopping",
        "shared.settings",
        "shared.telemetry",
    }
