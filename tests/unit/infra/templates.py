"""The Bicep files as parsed by pycep, and the little that is needed to read them as values.

pycep writes a reference to a parameter and a string alike, so `evaluate` takes a text that is the name of something
in scope for a reference. Names in these files are chosen so that this is never wrong.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pycep

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
FILES = sorted(path.relative_to(INFRA).as_posix() for path in INFRA.rglob("*.bicep"))


@cache
def load(name: str) -> dict[str, Any]:
    """The parsed file `name` below infra/."""
    return dict(pycep.BicepParser().parse(file_path=INFRA / name))


def resources(name: str) -> dict[str, Any]:
    """The resources that the file creates, by symbol, without loops and conditions around their bodies."""
    found = load(name)["resources"].items()
    return {symbol: {**entry, "config": _body(entry)} for symbol, entry in found if not entry["existing"]}


def modules(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(name).get("modules", {})
    return found


def scope(name: str, /, **given: Any) -> dict[str, Any]:
    """What the file's names stand for: parameters' defaults, variables, and what is given."""
    template = load(name)
    defaults = {key: entry["default"] for key, entry in template.get("parameters", {}).items()}
    variables = {key: entry["value"] for key, entry in template.get("variables", {}).items()}
    known = {key: value for key, value in {**defaults, **variables}.items() if value is not None}
    return known | given


def evaluate(node: Any, names: Mapping[str, Any]) -> Any:
    """`node` with references and `${…}` replaced by what `names` says; what is not in it stays as it is."""
    match node:
        case str() if node in names:
            value = evaluate(names[node], {key: value for key, value in names.items() if key != node})
        case str():
            value = re.sub(r"\$\{([\w.]+)\}", lambda found: str(evaluate(names.get(found[1], found[0]), names)), node)
        case list():
            value = [evaluate(item, names) for item in node]
        case {"operator": _}:
            value = names.get(dotted(node), node)
        case {"function": {"type": "concat", "parameters": lists}}:
            value = [item for items in lists.values() for item in evaluate(items, names)]
        case {"function": {"type": "string", "parameters": {"value_to_convert": number}}}:
            value = str(evaluate(number, names))
        case dict():
            value = {key: evaluate(item, names) for key, item in node.items()}
        case _:
            value = node
    return value


def dotted(node: Any) -> str:
    """`a.b.c` for a chain of property accesses."""
    if isinstance(node, str):
        return node
    operator = node.get("operator", {})
    if operator.get("type") not in {"property_accessor", "index_accessor"}:
        return "…"
    left, right = (dotted(operand) for operand in operator["operands"].values())
    return f"{left}.{right}" if operator["type"] == "property_accessor" else f"{left}[{right}]"


def references(node: Any) -> Iterator[str]:
    """Every chain of property accesses below `node`, from expressions and from inside texts."""
    if isinstance(node, str):
        yield from re.findall(r"\$\{([\w.]+)\}", node)
        return
    if isinstance(node, dict) and "operator" in node:
        yield dotted(node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(child)


def _body(entry: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = entry["config"]
    while "config" in body and ("loop_type" in body or "condition" in body):
        body = body["config"]
    return body
