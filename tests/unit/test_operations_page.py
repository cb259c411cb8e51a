"""docs/operations.md has every alert, state and code that the app can show: nobody has to look into the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from shared.contacts.problems import Problem
from shared.erasures.record import ErasureState
from shared.runs import delivery, reasons
from shared.runs.record import Caution, State
from shared.sendgrid.policy import POLICY

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SOURCES = [path for path in sorted((ROOT / "shared").rglob("*.py")) if "cli" not in path.parts]
LIMITS = ("max_profiles", "contact_limit")  # what `over_{name}` stands for


def documented() -> set[str]:
    """The words in the first column of the page's tables."""
    rows = re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([a-z0-9_-]+)`", row)}


def takers(trees: list[ast.Module]) -> dict[str, int]:
    """Functions and classes that take a code as a positional argument, and which one it is."""
    found: dict[str, int] = {}
    for node in (each for tree in trees for each in ast.walk(tree)):
        names: list[str] = []
        if isinstance(node, ast.FunctionDef):
            names = [each.arg for each in node.args.args if each.arg not in {"self", "cls"}]
        elif isinstance(node, ast.ClassDef):
            names = [ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign)]
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and "code" in names:
            found[node.name] = names.index("code")
    return found


def words(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may have."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from words(node.body)
        yield from words(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        assert ast.unparse(node) == "f'over_{name}'", "a code that is put together: name its parts in this test"
        yield from (f"over_{limit}" for limit in LIMITS)


def codes() -> set[str]:
    """Every code in the source: given by name, by place, as a default, or to a variable of that name."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
    places = takers(trees)
    found: set[str] = set()
    for node in (each for tree in trees for each in ast.walk(tree)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rsplit(".", 1)[-1]
            found |= {word for each in node.keywords if each.arg == "code" for word in words(each.value)}
            if name in places and len(node.args) > places[name]:
                found |= set(words(node.args[places[name]]))
        elif isinstance(node, ast.FunctionDef):
            defaults = zip([each.arg for each in node.args.kwonlyargs], node.args.kw_defaults, strict=True)
            found |= {word for arg, default in defaults if arg == "code" and default for word in words(default)}
        elif isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["code"]:
            found |= set(words(node.value))
    return found


def test_the_codes_of_the_source_are_found() -> None:
    found = codes()
    assert {rule.code for rule in POLICY} <= found
    assert {"consent_missing", "over_max_profiles", "file_gone", "upload_unreachable", "still_there"} <= found
    assert len(found) > 90


def test_every_code_is_on_the_page() -> None:
    of_rows = {str(each) for each in Problem} | set(reasons._OTHER_MEANINGS)
    of_delivery = set(re.findall(r"(?:- |, )(\w+)(?=[,:])", str(delivery.choose.__doc__)))
    assert {"configured", "few_contacts", "many_contacts", "no_field_ids"} <= of_delivery
    missing = (codes() | of_rows | of_delivery | {str(each) for each in Caution}) - documented()
    assert missing == set()


def test_every_state_is_on_the_page() -> None:
    assert {str(state) for state in (*State, *ErasureState)} <= documented()


def test_every_alert_is_on_the_page() -> None:
    alerts = {path.stem for path in (ROOT / "infra" / "queries" / "alerts").glob("*.kql")}
    assert alerts
    assert alerts <= documented()
