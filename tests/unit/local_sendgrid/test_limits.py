import time

from local.sendgrid.control import SimulatedSendGrid
from tests.unit.local_sendgrid.conftest import FIELDS, LISTS, Api, messages

AGES = 1_000_000_000  # seconds: a window that no test sees the end of (it ends in 2033)


def test_every_answer_says_how_much_is_left(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(rate_window=AGES)
    upsert, lists = api.upsert({"email": "a@example.com"}), api.call("GET", LISTS)
    assert (upsert.headers["x-ratelimit-limit"], upsert.headers["x-ratelimit-remaining"]) == ("200", "199")
    assert (lists.headers["x-ratelimit-limit"], lists.headers["x-ratelimit-remaining"]) == ("600", "599")
    assert "X-RateLimit-Limit" not in list(upsert.headers)  # recorded in lower case


def test_over_the_limit_is_too_many_for_that_route_alone(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(rate_window=AGES, rate_limits={f"GET {LISTS}": 1})
    assert api.call("GET", LISTS).status_code == 200
    refused = api.call("GET", LISTS)
    assert refused.status_code == 429
    assert messages(refused) == [(None, "too many requests")]
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in refused.headers
    assert api.call("GET", FIELDS).status_code == 200


def test_a_new_window_starts_from_nothing(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(rate_window=0.05, rate_limits={f"GET {LISTS}": 1})
    deadline = time.monotonic() + 30
    taken = 0
    while taken < 3:
        taken += api.call("GET", LISTS).status_code == 200
        assert time.monotonic() < deadline


def test_reset_is_in_seconds_from_now_or_since_the_epoch(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(rate_window=60)
    assert 1 <= int(api.call("GET", LISTS).headers["x-ratelimit-reset"]) <= 60
    sim.configure(rate_window=AGES, rate_reset="epoch")
    assert api.call("GET", LISTS).headers["x-ratelimit-reset"] == str(2 * AGES)


def test_limits_can_be_switched_off(sim: SimulatedSendGrid, api: Api) -> None:
    sim.configure(rate_limited=False, rate_limits={f"GET {LISTS}": 0})
    response = api.call("GET", LISTS)
    assert response.status_code == 200
    assert "x-ratelimit-limit" not in response.headers
