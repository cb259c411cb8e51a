"""The Bicep files as parsed by pycep, and the little that is needed to read them as values.

pycep writes a reference to a parameter and a string alike, so `evaluate` takes a text that is the name of something
in scope for a reference. Names in these files are chosen so that this is never wrong.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pycep

ROOT = Path(__file__).parents[3]
INFRA = ROOT / "infra"
OPERATORS: dict[str, Callable[..., Any]] = {
    "and": lambda left, right: left and right,
    "not": lambda value: not value,
    "equals": lambda left, right: left == right,
    "greater_than": lambda left, right: left > right,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *lists: [item for items in lists for item in items],
    "union": lambda first, second: {**first, **second},
    "empty": lambda value: not value,
    "split": lambda text, delimiter: text.split(delimiter),
    "replace": lambda text, old, new: text.replace(old, new),
    "string": lambda value: json.dumps(value, default=str) if isinstance(value, dict) else str(value),
    "load_text_content": lambda path, _encoding: (INFRA / "app" / path).read_text(),
}
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
    """The modules that the file calls, in the same way."""
    found = load(name).get("modules", {}).items()
    return {symbol: {**entry, "config": _body(entry)} for symbol, entry in found}


def condition(name: str, symbol: str, /, **given: Any) -> Any:
    """Whether the resource or module is made."""
    entry = (load(name).get("resources", {}) | load(name).get("modules", {}))[symbol]
    return evaluate(entry["config"].get("condition", True), scope(name, **given))


def scope(name: str, /, **given: Any) -> dict[str, Any]:
    """What the file's names stand for: parameters' defaults, variables, and what is given."""
    template = load(name)
    defaults = {key: entry["default"] for key, entry in template.get("parameters", {}).items()}
    variables = {key: entry["value"] for key, entry in template.get("variables", {}).items()}
    known = {key: value for key, value in {**defaults, **variables}.items() if value is not None}
    return known | given


def passed(symbol: str, /, **given: Any) -> dict[str, Any]:
    """The parameters that main.bicep gives its module `symbol`."""
    params: dict[str, Any] = evaluate(modules("main.bicep")[symbol]["config"]["params"], scope("main.bicep", **given))
    return params


def evaluate(node: Any, names: Mapping[str, Any]) -> Any:
    """`node` with what `names` says put in; what it says nothing of, and functions unknown here, stay as they are."""
    match node:
        case str():
            value = _text(node, names)
        case list():
            value = [evaluate(item, names) for item in node]
        case {"loop_type": {"detail": {"array_name": array, "item_name": item}}, "config": body}:
            value = [evaluate(body, {**names, item: each}) for each in evaluate(array, names)]
        case {"operator": {"type": kind, "operands": operands}}:
            value = _operation(node, kind, list(operands.values()), names)
        case {"function": {"type": kind, "parameters": dict() as arguments}} if kind in FUNCTIONS:
            value = FUNCTIONS[kind](*(evaluate(argument, names) for argument in arguments.values()))
        case dict():
            value = {key: evaluate(item, names) for key, item in node.items()}
        case _:
            value = node
    return value


def _text(text: str, names: Mapping[str, Any]) -> Any:
    if text in names:
        return evaluate(names[text], {key: value for key, value in names.items() if key != text})
    return re.sub(r"\$\{([\w.]+)\}", lambda found: str(_path(found[1], names, found[0])), text)


def _path(path: str, names: Mapping[str, Any], otherwise: Any) -> Any:
    """What `a.b.c` stands for."""
    if path in names:
        return evaluate(names[path], names)
    first, *rest = path.split(".")
    value = evaluate(names[first], names) if first in names and rest else {}
    for key in rest:
        if not isinstance(value, dict) or key not in value:
            return otherwise
        value = value[key]
    return value if rest else otherwise


def _operation(node: Any, kind: str, operands: list[Any], names: Mapping[str, Any]) -> Any:
    if kind in {"property_accessor", "index_accessor"}:
        return _path(dotted(node), names, node)
    if kind == "conditional":
        chosen = evaluate(operands[0], names)
        return evaluate(operands[1 if chosen else 2], names) if isinstance(chosen, bool) else node
    values = [evaluate(operand, names) for operand in operands]
    return OPERATORS[kind](*values) if kind in OPERATORS else node


def dotted(node: Any) -> str:
    """`a.b.c` for a chain of property accesses."""
    if isinstance(node, str | int):
        return str(node)
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
    if isinstance(node, dict) and isinstance(node.get("operator"), dict):
        yield dotted(node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(child)


def _body(entry: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = entry["config"]
    while "config" in body and ("loop_type" in body or "condition" in body):
        body = body["config"]
    return body
