"""One random world, and what happens to it: everything is drawn from the seed but the moments at which it hits."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from shared.errors import ExportError
from shared.runs.messages import Message
from shared.runs.record import Kind, Mode, Request
from shared.runs.start import segment_landed, start
from shared.runs.sweep import sweep
from tests.faults.checks import violations
from tests.faults.lane import Lane
from tests.faults.people import FIELD, Export, Segment
from tests.faults.trouble import Trouble

CONSENT = {"agreed_by": "an administrator", "agreed_at": "2026-11-21T10:00:00Z", "text_version": "2026-11"}
SWEEP_SECONDS = 3.0
REST_POLL = 0.4
PATIENCE = 300.0  # seconds until everything has to be at rest; generous, because the machine may be busy


@dataclass(slots=True)
class Outcome:
    """What came of a scenario. `tally`: kinds of trouble and states of runs, counted."""

    seed: int
    tally: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)


class Scenario:
    """Exports, segments and lists on a lane."""

    def __init__(self, lane: Lane, seed: int) -> None:
        self.lane, self.rng = lane, Random(seed)  # noqa: S311 - no secret
        self.outcome = Outcome(seed)
        rng = self.rng
        self.services = lane.begin(batch=rng.randint(2, 8))
        lane.sim.configure(job_seconds=rng.choice([0.0, 0.02, 0.2]))
        lane.sim.define_field(FIELD)
        self.segments = {
            name: Segment(name, rng.choice(["csv", "ndjson", "parts"]))
            for name in [f"Seg{i}" for i in range(rng.randint(1, 3))]
        }
        self.lists = [lane.sim.create_list(f"List {i}") for i in range(rng.randint(1, 2))]
        self.exports = [self._export(i) for i in range(rng.randint(1, 3))]
        self.strangers = {list_id: {f"stranger{i}@people.example" for i in range(3)} for list_id in self.lists}
        self.trouble = Trouble(self)

    def _export(self, number: int) -> Export:
        rng = self.rng
        return Export(
            id=f"export-{number}",
            list_id=rng.choice(self.lists),
            segments=rng.sample(sorted(self.segments), rng.randint(1, len(self.segments))),
            tier=rng.random() < 0.5,
            only_consenting=rng.random() < 0.5,
            removal="leavers" if rng.random() < 0.85 else "none",
        )

    def run(self) -> Outcome:
        """Play it, let it come to rest, run every export once more, and look."""
        try:
            self._play()
            self._settle_down()
            if self._rest("after the trouble"):
                self._last_runs()
                self.outcome.violations += violations(self)
        finally:
            self.lane.kill_all()
        return self.outcome

    def _play(self) -> None:
        self.put_connection()
        for list_id, addresses in self.strangers.items():
            self.put_on_list(list_id, addresses)
        for export in self.exports:
            self.put_export(export)
        for segment in self.segments.values():
            segment.change(self.rng)
            self.land(segment)
        for _ in range(self.rng.randint(1, 2)):
            self.lane.start_instance(offset=self.trouble.offset())
        for _ in range(self.rng.randint(4, 10)):
            self.note(self.trouble.strike())
            time.sleep(self.rng.uniform(0, 0.25))
            if self.rng.random() < 0.3:
                self.sweep()
            self.revive()

    def note(self, what: str) -> None:
        self.outcome.story.append(what)
        self.outcome.tally[what.split(":", maxsplit=1)[0]] += 1

    def revive(self) -> None:
        """There are always one or two instances: the platform sees to it."""
        self.outcome.tally["kills"] += self.lane.bury_the_dead()
        while len(self.lane.instances) < 2:
            self.lane.start_instance(offset=self.trouble.offset(), death=self.trouble.death())

    def _settle_down(self) -> None:
        """Nothing goes wrong any more, and everybody who was interrupted is heard out."""
        for instance in list(self.lane.instances):
            self.lane.end_instance(instance, kill=True)
        self.lane.sim.clear_faults()
        self.lane.vault.clear_faults()
        self.lane.sim.fail_rows([])
        self.lane.sim.configure(rate_limited=False)
        self.put_connection()
        for export in self.exports:
            self.put_export(export)
        for _ in range(2):
            self.lane.start_instance()

    def _rest(self, when: str) -> bool:
        """Wait until no run is active or waiting and the queue is empty."""
        deadline = time.monotonic() + PATIENCE
        swept = time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(REST_POLL)
            self.lane.bury_the_dead()
            if self._at_rest():
                return True
            if time.monotonic() - swept > SWEEP_SECONDS:
                self.sweep()
                swept = time.monotonic()
        stuck = [run_id for export in self.exports if (run_id := self.services.turns.load(export.id).active)]
        self.outcome.violations.append(f"not at rest {when}: {stuck or 'runs or messages wait'}")
        return False

    def _at_rest(self) -> bool:
        turns = (self.services.turns.load(export.id) for export in self.exports)
        if any(turn.active or turn.waiting for turn in turns):
            return False
        queue = self.services.storage.export_runs.client
        return not queue.get_queue_properties().approximate_message_count

    def _last_runs(self) -> None:
        for export in self.exports:
            self.start(export, force=True)
            if not self._rest(f"in the last run of {export.id}"):
                return
        self.lane.sim.finish_jobs()

    # What people and triggers do

    def put_connection(self, *, consent: bool = True) -> None:
        given = {"consent": CONSENT} if consent else {}
        self._put("connections/marketing.json", {"display_name": "M", "api_key_secret": "sendgrid", **given})

    def put_export(self, export: Export, **more: object) -> None:
        self._put(f"exports/{export.id}.json", export.document(**more))

    def _put(self, name: str, document: dict[str, object]) -> None:
        self.services.storage.config.write(name, json.dumps(document).encode())

    def put_on_list(self, list_id: str, addresses: set[str]) -> None:
        import requests

        answer = requests.put(
            f"{self.lane.sim.url}/v3/marketing/contacts",
            json={"list_ids": [list_id], "contacts": [{"email": address} for address in sorted(addresses)]},
            headers={"Authorization": f"Bearer {self.lane.key}"},
            timeout=30,
        )
        answer.raise_for_status()
        self.lane.sim.finish_jobs()

    def land(self, segment: Segment) -> None:
        """Write the segment's files; each is an event, and some events come twice."""
        for name, content in segment.files().items():
            self.services.storage.segments.write(name, content)
            for _ in range(1 + (self.rng.random() < 0.2)):
                self.triggered(lambda name=name: segment_landed(self.services, name))  # type: ignore[misc]

    def start(self, export: Export, *, mode: Mode = Mode.INCREMENTAL, dry_run: bool = False, force: bool) -> None:
        request = Request(
            kind=Kind.ON_DEMAND,
            mode=mode,
            dry_run=dry_run,
            force=force,
            submitted_by="driver",
            submitted_at=self.services.now(),
        )
        self.triggered(lambda: start(self.services, export.id, request))

    def sweep(self) -> None:
        self.triggered(lambda: sweep(self.services))

    def triggered(self, function: Callable[[], object]) -> None:
        """Call a trigger; the host would call it again if it failed."""
        try:
            function()
        except ExportError as error:
            self.note(f"trigger failed: {error.code}")
            function()

    def send(self, message: Message) -> None:
        self.services.storage.export_runs.send(message.model_dump_json())
