"""docs/api.md has every route, with its role and what it does, as the code says."""

import re
from pathlib import Path

from shared.api.routes import ROUTES

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_table_of_routes_is_the_codes() -> None:
    documented = re.findall(r"^\| `([A-Z]+ /\S+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    # In any order: a route is registered when its module is imported, which another test may have done.
    assert sorted(documented) == sorted(
        (
            f"{route.method} /{route.path.replace('{*', '{')}",
            route.role.word if route.role else "anybody",
            route.summary.removesuffix("."),
        )
        for route in ROUTES
    )
