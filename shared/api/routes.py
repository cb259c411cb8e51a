"""The HTTP API: one function a route. Importing this registers them all, in the order of the API's description."""

from shared.api import about, connections, console, erasures, exports, runs, segments
from shared.api.endpoint import ROUTES, blueprint

__all__ = ["ROUTES", "about", "blueprint", "connections", "console", "erasures", "exports", "runs", "segments"]
