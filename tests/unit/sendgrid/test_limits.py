"""The pace: header-driven, a bucket a route, safe for threads, on a clock that moves when told."""

import threading
import time

import pytest

from shared.sendgrid import limits, routes
from shared.sendgrid.limits import LONGEST_WINDOW, ROUNDING, SETTLING, RateLimits
from tests.unit.sendgrid.conftest import Clock


def told(remaining: int, reset: float | str, limit: int = 200) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": str(reset)}


def send(pace: RateLimits, headers: dict[str, str]) -> None:
    assert pace.reserve(routes.UPSERT) == 0
    pace.settle(routes.UPSERT, headers)


def test_a_route_that_has_not_answered_yet_is_free(clock: Clock) -> None:
    pace = RateLimits(clock)
    assert [pace.reserve(routes.UPSERT) for _ in range(10)] == [0] * 10


def test_a_reset_in_seconds_is_waited_for(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(0, 25))
    assert pace.reserve(routes.UPSERT) == 25 + ROUNDING
    clock.now += 25 + ROUNDING
    assert pace.reserve(routes.UPSERT) == 0


def test_a_reset_as_epoch_is_waited_for(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(0, int(clock.now) + 25))
    assert pace.reserve(routes.UPSERT) == 25 + ROUNDING


def test_an_epoch_is_read_by_the_servers_clock_when_ours_is_off(clock: Clock) -> None:
    pace = RateLimits(clock)
    server = 1_799_999_700  # ours is five minutes fast
    send(pace, told(0, server + 20) | {"Date": "Fri, 15 Jan 2027 07:55:00 GMT"})
    assert pace.reserve(routes.UPSERT) == 20 + ROUNDING


def test_header_names_are_read_in_any_case(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, {name.lower(): value for name, value in told(0, 5).items()})
    assert pace.reserve(routes.UPSERT) == 5 + ROUNDING


def test_each_route_has_a_limit_of_its_own(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(0, 25))
    assert pace.reserve(routes.LISTS) == 0


def test_requests_in_flight_count(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(2, 25))
    assert [pace.reserve(routes.UPSERT) for _ in range(3)] == [0, 0, SETTLING]
    pace.settle(routes.UPSERT, told(1, 25))
    pace.settle(routes.UPSERT, told(0, 25))
    assert pace.reserve(routes.UPSERT) == 25 + ROUNDING


def test_an_answer_that_is_overtaken_does_not_raise_what_is_left(clock: Clock) -> None:
    pace = RateLimits(clock)
    for _ in range(2):
        assert pace.reserve(routes.UPSERT) == 0
    pace.settle(routes.UPSERT, told(0, 25))
    pace.settle(routes.UPSERT, told(1, 26))
    assert pace.reserve(routes.UPSERT) > 0


def test_a_new_window_starts_with_the_whole_limit(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(0, 5, limit=2))
    clock.now += 6
    assert [pace.reserve(routes.UPSERT) for _ in range(3)] == [0, 0, SETTLING]


def test_a_new_window_that_another_request_saw_first_is_believed(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(1, 2))
    clock.now += 1
    send(pace, told(199, 60))
    assert pace.reserve(routes.UPSERT) == 0


def test_a_request_without_an_answer_counts_as_one(clock: Clock) -> None:
    pace = RateLimits(clock)
    send(pace, told(1, 25))
    send(pace, {})
    assert pace.reserve(routes.UPSERT) == 25 + ROUNDING


def test_a_hold_is_for_its_route_or_for_all(clock: Clock) -> None:
    pace = RateLimits(clock)
    pace.hold(7, routes.UPSERT)
    assert (pace.reserve(routes.UPSERT), pace.reserve(routes.LISTS)) == (7, 0)
    pace.hold(9)
    assert (pace.reserve(routes.UPSERT), pace.reserve(routes.JOB)) == (9, 9)
    pace.hold(3)
    assert pace.reserve(routes.JOB) == 9, "a shorter hold does not end a longer one"


@pytest.mark.parametrize("reset", ["", "soon", "-5", "nan", "inf", "1e3", "0x10", "9" * 40])
def test_a_reset_that_is_no_number_is_passed_over(clock: Clock, reset: str) -> None:
    pace = RateLimits(clock)
    send(pace, told(0, reset))
    assert pace.reserve(routes.UPSERT) == 0


@pytest.mark.parametrize("reset", [1_800_000_000_000, 999_999])
def test_a_reset_far_away_is_bounded(clock: Clock, reset: int) -> None:
    pace = RateLimits(clock)
    send(pace, told(0, reset))
    assert pace.reserve(routes.UPSERT) == LONGEST_WINDOW + ROUNDING


def test_a_reset_in_the_past_holds_nobody_up(clock: Clock) -> None:
    assert limits.until_reset({"x-ratelimit-reset": str(int(clock.now) - 100)}, clock.now) == ROUNDING


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0", 0.0),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("later", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(clock: Clock, text: str, seconds: float | None) -> None:
    assert limits.retry_after({"Retry-After": text}, clock.now) == seconds


class Window:
    """A server that counts the requests of one window, and tells as SendGrid does."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> dict[str, str]:
        with self._lock:
            self.taken += 1
            return told(self.limit - self.taken, 30, self.limit)


def test_many_threads_together_keep_the_limit_and_use_it_up(clock: Clock) -> None:
    pace = RateLimits(clock)

    def work(server: Window) -> None:
        while (wait := pace.reserve(routes.UPSERT)) <= SETTLING:
            if wait:
                time.sleep(0)  # only requests in flight are in the way
            else:
                headers = server.take()
                time.sleep(0)
                pace.settle(routes.UPSERT, headers)

    for _ in range(3):
        server = Window(100)
        threads = [threading.Thread(target=work, args=(server,)) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.taken == server.limit
        clock.now += 31
