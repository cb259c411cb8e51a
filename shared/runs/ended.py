"""What is told of a run when it begins and when it has ended: a line in the log, a span, and what it came to."""

from shared import telemetry
from shared.runs.record import RunRecord, State
from shared.telemetry import OUTCOMES, Event, Metric, Span

_REJECTS = ("malformed", "no_email", "invalid_email", "rejected_by_sendgrid")


def tell_started(run: RunRecord) -> None:
    waited = (run.started_at - run.submitted_at).total_seconds() if run.started_at else 0
    telemetry.info(Event.RUN_STARTED, waited=round(waited, 1), **_asked(run))


def tell(run: RunRecord) -> None:
    """The run has ended. Its reason stays in the record: it may say who canceled the run."""
    began, over = run.started_at or run.submitted_at, run.ended_at or run.submitted_at
    seconds = (over - began).total_seconds()
    what = _asked(run) | {"state": run.state.value, "code": run.error.code if run.error else None}
    say = {
        State.FAILED: telemetry.error,
        State.SKIPPED: telemetry.warning,
        State.COMPLETED_WITH_WARNINGS: telemetry.warning,
    }.get(run.state, telemetry.info)
    say(
        Event.RUN_ENDED,
        **what,
        cautions=[caution.value for caution in run.cautions],
        seconds=round(seconds, 1),
        slices=run.slice + 1,
        counts=run.counts,
        rejects_share=_share_of_rejects(run.counts),
    )
    about = what | {"run_id": run.run_id, "export_id": run.export_id}
    telemetry.span_between(Span.RUN, began, over, about, failed=run.state is State.FAILED)
    telemetry.measure(Metric.RUN_DURATION, seconds, about)
    if not run.dry_run:
        for outcome in OUTCOMES:
            if count := run.counts.get(outcome, 0):
                telemetry.measure(Metric.CONTACTS, count, about | {"outcome": outcome})


def _asked(run: RunRecord) -> dict[str, object]:
    return {"kind": run.kind.value, "mode": run.mode.value, "dry_run": run.dry_run}


def _share_of_rejects(counts: dict[str, int]) -> float:
    """Of all rows, those that could not reach the list though nobody meant to leave them out; 0 to 1."""
    rows = counts.get("rows", 0)
    return round(sum(counts.get(name, 0) for name in _REJECTS) / rows, 4) if rows else 0.0
