"""The main job before your eyes: `make demo`.

A Customer Insights export of some thousand profiles, dirt included, lands on the local stack, and the blob trigger does
the rest. Then a changed one lands, and in the end a run is asked for over HTTP. Everything is checked against what the
generator knows to be right; the exit code is 1 if the list is not what it should be.
"""

import argparse
import datetime as dt
import sys
import time
from collections.abc import Collection
from typing import Any

from rich.console import Console

from local import process, show
from local.generator import Difference, Manifest, Segment, write_export
from local.stack import ENDED, Stack

EXPORT = "newsletter"
MAPPING = {
    "email": "EMail",
    "first_name": "FirstName",
    "last_name": "LastName",
    "city": "City",
    "state_province_region": "State",
    "postal_code": "PostCode",
    "country": "Country",
    "custom_fields": {"loyalty_tier": "LoyaltyTier", "total_spend": "TotalSpend", "date_of_birth": "DateOfBirth"},
}
_FIELDS = {"loyalty_tier": "Text", "total_spend": "Number", "date_of_birth": "Date"}
_WAIT = 300  # seconds; a patient limit for slow machines

Document = dict[str, Any]


def set_the_scene(stack: Stack, segment: Segment) -> str:
    """A SendGrid account with a list and fields, a connection to it and an export of the segment. Gives the list id."""
    list_id = stack.sendgrid.create_list("Newsletter")
    for name, kind in _FIELDS.items():
        stack.sendgrid.define_field(name, kind)
    stack.put_connection("marketing")
    stack.put_export(EXPORT, list_id=list_id, segments=[segment.name], mapping=MAPPING)
    return list_id


def land(stack: Stack, segment: Segment, produced_at: dt.datetime) -> Manifest:
    """Land the segment's files, then its model.json."""
    folder = stack.folder / f"export-{segment.generation}"
    url = f"{stack.azurite.blob_url}/{stack.segments.name}"
    manifest = write_export(segment, folder, container_url=url, produced_at=produced_at)
    stack.land_folder(folder)
    return manifest


class Demo:
    """The three acts. `wrong` collects what did not come out as it should."""

    def __init__(self, stack: Stack, segment: Segment, console: Console) -> None:
        self._stack, self._segment, self._console = stack, segment, console
        self._list_id = set_the_scene(stack, segment)
        self._known: list[str] = []
        self.wrong: list[str] = []

    def play(self) -> None:
        today = dt.datetime.now(dt.UTC)
        self.first_landing(today - dt.timedelta(minutes=5))
        self.changed_landing(today)
        self.on_demand()

    def first_landing(self, produced_at: dt.datetime) -> None:
        self._console.rule("1. A segment lands in storage", align="left")
        manifest = land(self._stack, self._segment, produced_at)
        run = self._wait()
        self._show(run)
        expected = {
            "rows": manifest.rows,
            "no_email": manifest.no_email,
            "invalid_email": manifest.invalid_email,
            "duplicate": manifest.duplicate,
            "contacts": manifest.contacts,
            "accepted": manifest.contacts,
        }
        self._check(run, expected, self._segment)

    def changed_landing(self, produced_at: dt.datetime) -> None:
        self._console.rule("2. The next snapshot lands: people came, changed and left", align="left")
        following = self._segment.next()
        difference = following.difference()
        land(self._stack, following, produced_at)
        run = self._wait()
        self._show(run)
        self._console.print(_sentence(difference))
        expected = {
            "accepted": difference.new + difference.changed,
            "removed": difference.gone,
            "unchanged": difference.unchanged,
        }
        self._check(run, expected, following)

    def on_demand(self) -> None:
        self._console.rule("3. A run on demand, over HTTP", align="left")
        sent = self._stack.sendgrid.stats()["contacts"]
        answer = self._stack.http("POST", f"/api/exports/{EXPORT}/runs", json={})
        self._expect("the answer to POST", answer.status_code, 202)
        where = answer.headers["Location"]
        self._console.print(f"  POST /api/exports/{EXPORT}/runs: {answer.status_code}, Location {where}")
        path = where.removeprefix(self._stack.url)
        deadline = time.monotonic() + _WAIT
        while (run := self._stack.http("GET", path).json())["state"] not in ENDED and time.monotonic() < deadline:
            time.sleep(min(0.5, float(answer.headers["Retry-After"])))
        self._show(run)
        self._expect("contacts sent again", self._stack.sendgrid.stats()["contacts"] - sent, 0)
        self._check(run, {"upserts": 0, "leavers": 0}, self._segment.next())

    def _wait(self) -> Document:
        with show.progress(self._console) as watch:
            run = self._stack.wait_for_run(EXPORT, known=self._known, seconds=_WAIT, watch=watch)
        self._known.append(run["run_id"])
        return run

    def _show(self, run: Document) -> None:
        self._console.print(show.accounting(run))
        if run.get("error"):
            self._console.print(f"  {run['error']['message']} {run['error']['advice']}", style="red")
        if run["state"] == "completed_with_warnings":
            self._console.print(show.rejects(self._stack.report(run)))

    def _check(self, run: Document, counts: dict[str, int], segment: Segment) -> None:
        if run["state"] not in {"successful", "completed_with_warnings"}:
            self.wrong.append(f"run {run['run_id']} ended {run['state']}: {run.get('reason')}")
        for name, value in counts.items():
            self._expect(name, run["counts"].get(name, 0), value)
        members = {member["email"] for member in self._stack.sendgrid.iter_members(self._list_id)}
        self._expect_people(members, set(segment.addresses()))
        self._console.print(f"  the list holds {len(members):,} contacts\n")

    def _expect(self, what: str, value: int, expected: int) -> None:
        if value != expected:
            self.wrong.append(f"{what}: {value:,} instead of {expected:,}")

    def _expect_people(self, members: Collection[str], expected: set[str]) -> None:
        missing, strange = len(expected.difference(members)), len(set(members) - expected)
        if missing or strange:
            self.wrong.append(f"the list lacks {missing:,} contacts and has {strange:,} that do not belong there")


def _sentence(difference: Difference) -> str:
    return (
        f"  of the people with an address {difference.new:,} are new, {difference.changed:,} changed, "
        f"{difference.gone:,} are gone; {difference.unchanged:,} are as before and were not sent"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--people", type=int, default=5000, help="profiles in the segment (default: 5000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    process.end_on_sigterm()
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    with Stack() as stack:
        console.print(f"local stack up after {time.monotonic() - started:.1f} s")
        demo = Demo(stack, Segment(people=options.people, seed=options.seed), console)
        demo.play()
    console.print(f"{time.monotonic() - started:.0f} s in all")
    for line in demo.wrong:
        console.print(f"wrong: {line}", style="red")
    if not demo.wrong:
        console.print("The list is the segment.", style="green")
    return 1 if demo.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
