"""The world of the tests of runs, for the state machine."""

from tests.integration.runs.conftest import _privacy, _simulation, settings, sim, storage, telling, world

__all__ = ["_privacy", "_simulation", "settings", "sim", "storage", "telling", "world"]
