import pytest

from shared.contacts import engine


@pytest.fixture(params=[engine.MOST_JOINED, 2], ids=["at once", "by shares"])
def joined(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Joins of all addresses at once, and of a few at a time, must come to the same."""
    monkeypatch.setattr(engine, "MOST_JOINED", request.param)
