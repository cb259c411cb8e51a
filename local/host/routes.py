"""Which HTTP function answers: route templates as the Functions host understands them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from local.host.config import HostError
from local.host.worker import Function

_PARAMETER = re.compile(r"\{(\*?)([A-Za-z_]\w*)(?::[^}]+?)?(\??)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One function's template, split at its slashes. `methods` empty: any."""

    function: Function
    parts: tuple[str, ...]
    methods: frozenset[str]

    @classmethod
    def of(cls, function: Function, prefix: str) -> Self:
        trigger = function.trigger
        template = str(trigger.get("route") or function.name)
        parts = tuple(part for part in f"{prefix}/{template}".split("/") if part)
        if wrong := [part for part in parts if "{" in part and not _PARAMETER.fullmatch(part)]:
            raise HostError(f"{function.name}: this host does not know the route part {wrong[0]!r}")
        return cls(function, parts, frozenset(str(method).upper() for method in trigger.get("methods") or ()))

    @property
    def precedence(self) -> tuple[int, ...]:
        """Smaller is tried first: fixed text before a parameter before a catch-all, from the left."""
        return tuple(0 if "{" not in part else 2 if part.startswith("{*") else 1 for part in self.parts)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The route parameters, percent-decoded, or None if the route is not for this request."""
        if self.methods and method not in self.methods:
            return None
        given = [part for part in path.split("/") if part]
        found: dict[str, str] = {}
        for position, part in enumerate(self.parts):
            parameter = _PARAMETER.fullmatch(part)
            if parameter and parameter[1]:
                return {**found, parameter[2]: unquote("/".join(given[position:]))}
            if position >= len(given):
                return found if parameter and parameter[3] else None
            if parameter:
                found[parameter[2]] = unquote(given[position])
            elif part.lower() != unquote(given[position]).lower():
                return None
        return found if len(given) <= len(self.parts) else None


@dataclass(frozen=True, slots=True)
class Keys:
    """The host's keys. `default` opens functions of level FUNCTION, `master` all."""

    default: str
    master: str

    def admit(self, function: Function, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether the request carries a key (header x-functions-key, or ?code=) that its function asks for."""
        level = str(function.trigger.get("authLevel") or "function").lower()
        if level == "anonymous":
            return True
        given = headers.get("x-functions-key") or query.get("code")
        return given == self.master or (level == "function" and given == self.default)


class Router:
    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        self.routes = sorted((Route.of(each, prefix) for each in functions), key=lambda route: route.precedence)

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        for route in self.routes:
            parameters = route.match(method, path)
            if parameters is not None:
                return route.function, parameters
        return None
