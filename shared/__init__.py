"""Everything that is deployed besides the triggers."""

__version__ = "0.2.0"
