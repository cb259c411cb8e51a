"""Why rows and contacts did not get where they should, counted from a run's report."""

from dataclasses import dataclass

from shared.contacts.reading import quoted
from shared.errors import NotFound
from shared.runs.report import MESSAGES
from shared.runs.store import RunStore

_OTHER_MEANINGS = {
    "refused_by_sendgrid": "SendGrid refused the contact; its own words are in the report",
    "job_failed": "SendGrid could not process the batch",
    "not_sent": "the run ended before the contact was sent",
    "unconfirmed": "SendGrid took it and did not say what became of it; it is done again next time",
    "refused_by_search": "SendGrid does not take the address in a search, so it could not be taken off the list",
    "still_on_list": "SendGrid reported the removal as done, and the contact is still on the list",
    "removal_failed": "SendGrid did not carry out the removal; it is tried again next time",
    "not_removed": "the run ended before the contact was taken off the list",
    "stranger": "on the list, and put there by none of its exports; the run has not touched the contact",
}
_MEANINGS = {str(code): text for code, text in MESSAGES.items()} | _OTHER_MEANINGS


@dataclass(frozen=True, slots=True)
class Reason:
    """So many lines of the report have this code; `stage` is the phase that wrote them."""

    stage: str
    code: str
    count: int
    meaning: str


def reasons(runs: RunStore, run_id: str) -> list[Reason]:
    """The most frequent first. Empty if the run has no report (yet)."""
    from shared.contacts.engine import engine, work_folder

    with work_folder() as folder, engine(folder) as database:
        try:
            path = runs.fetch_report(run_id, folder / "report.csv")
        except NotFound:
            return []
        source = f"read_csv({quoted(str(path))}, header=true, all_varchar=true, delim=',', quote='\"', escape='\"')"
        found = database.execute(
            f"SELECT stage, code, count(*) AS lines FROM {source} GROUP BY ALL ORDER BY lines DESC, stage, code"
        ).fetchall()
    return [
        Reason(stage or "", code or "", lines, _MEANINGS.get(code, "see the report")) for stage, code, lines in found
    ]
