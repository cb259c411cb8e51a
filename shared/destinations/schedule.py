"""When an export is to run by the clock.

Cron expressions have five fields and Debian's meaning: a time that the clocks skip in spring comes right after the gap,
one that they repeat in autumn comes the first time only; every-so-often expressions (`*/15 * * * *`) follow the elapsed
time. All comparisons are made in UTC, because Python compares times of one zone by what the clock on the wall says.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim

from shared.destinations.forms import cron_problem
from shared.destinations.models import Export
from shared.errors import RunFailed


def due(export: Export, *, since: datetime, now: datetime, default_schedule: str, default_timezone: str) -> bool:
    """Whether the export's schedule has a time after `since` and not after `now`; both are aware.

    Several such times are one: what was missed is caught up with one run. An export that is disabled or detached is
    never due. RunFailed if the app's default schedule is wrong.
    """
    first = next(_times(export, since, default_schedule, default_timezone), None)
    return first is not None and first <= now.astimezone(UTC)


def next_times(
    export: Export, *, after: datetime, count: int, default_schedule: str, default_timezone: str
) -> list[datetime]:
    """The export's next `count` times after an aware one, in the schedule's time zone; none if it does not run."""
    zone = _zone(export, default_timezone)
    times = islice(_times(export, after, default_schedule, default_timezone), count)
    return [time.astimezone(zone) for time in times]


def _times(export: Export, after: datetime, default_schedule: str, default_timezone: str) -> Iterator[datetime]:
    """All times after `after`, in UTC, rising."""
    cron = default_schedule if export.schedule == "default" else export.schedule
    if cron == "off" or not export.enabled or export.connection is None:
        return
    problem = cron_problem(cron)
    if problem:
        raise RunFailed(
            f"app setting DEFAULT_SCHEDULE: {cron!r} {problem}",
            code="invalid_setting",
            advice="Use a cron expression such as 0 5 * * *, or off.",
        )
    last = after.astimezone(UTC)
    for tick in CronSim(cron, after.astimezone(_zone(export, default_timezone))):
        time = tick.astimezone(UTC)
        # CronSim goes by the wall clock: in the repeated hour it names times again that have been.
        if time > last:
            yield time
            last = time


def _zone(export: Export, default_timezone: str) -> ZoneInfo:
    return ZoneInfo(export.timezone or default_timezone)
