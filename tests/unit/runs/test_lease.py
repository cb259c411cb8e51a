"""When a held lease counts as lost."""

from typing import Any, cast

import pytest

from shared.errors import LeaseLost
from shared.runs import lease
from shared.runs.lease import LEASE_SECONDS, Lease


class Renewable:
    """A lease that can always be renewed, and is not while nobody asks."""

    def renew(self) -> None: ...

    def release(self) -> None: ...


def test_an_instance_that_stood_still_for_too_long_has_lost_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 3600)  # the thread that renews stands still, too
    now = 1000.0
    held = Lease(cast("Any", Renewable()), clock=lambda: now)
    try:
        now += LEASE_SECONDS - 1
        held.check()
        now += 1
        with pytest.raises(LeaseLost):
            held.check()
    finally:
        held.release()
