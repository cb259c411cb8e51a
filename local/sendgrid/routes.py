"""Finding the handler of a request."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from local.sendgrid.account import MARKETING
from local.sendgrid.answers import Answer

Handle: TypeAlias = Callable[..., Answer]  # (account, request, *path parameters)


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path template with `{parameters}`. `scope`: what the key must have; None: no key is asked for."""

    method: str
    template: str
    handle: Handle
    scope: str | None = MARKETING

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


class Routes:
    """A table of routes; templates without parameters are looked up first."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._exact: dict[tuple[str, str], Route] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "{" in route.template:
                pattern = re.sub(
                    r"\{\w+\}", "([^/]+)", re.escape(route.template).replace(r"\{", "{").replace(r"\}", "}")
                )
                self._patterns.append((re.compile(pattern), route))
            else:
                self._exact[route.method, route.template] = route

    def find(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        if (exact := self._exact.get((method, path))) is not None:
            return exact, ()
        for pattern, route in self._patterns:
            if route.method == method and (found := pattern.fullmatch(path)):
                return route, found.groups()
        return None
