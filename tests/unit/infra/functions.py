"""The functions as the platform would index them."""

import json
import subprocess
import sys
from functools import cache
from typing import Any

from tests.unit.infra.templates import ROOT

# In a process of its own: an app can be indexed only once, and other tests of this process index it too.
INDEX = """
import json
from function_app import app
found = {f.get_function_name(): [b.get_dict_repr() for b in f.get_bindings()] for f in app.get_functions()}
print(json.dumps(found, default=str))
"""


@cache
def bindings() -> dict[str, list[dict[str, Any]]]:
    """Every function's bindings, by the function's name."""
    done = subprocess.run([sys.executable, "-c", INDEX], cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def triggers() -> dict[str, dict[str, Any]]:
    """Every function's trigger, by the function's name."""
    return {
        name: next(binding for binding in found if binding["type"].endswith("Trigger"))
        for name, found in bindings().items()
    }
