"""What can go wrong, by weight. Every strike gives what it was, `kind: details`, for the figures and the story."""

import os
import signal
import time
from base64 import b64decode
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from shared.runs.messages import Message
from shared.runs.record import Mode
from tests.faults.instance import Death

if TYPE_CHECKING:
    from tests.faults.scenario import Scenario

UPSERT = {"route": "/v3/marketing/contacts", "method": "PUT"}
REMOVAL = {"route": "/v3/marketing/lists/{id}/contacts", "method": "DELETE"}
OFFSET = 240.0  # seconds that a clock may be off, either way


class Trouble:
    """The trouble of one scenario."""

    def __init__(self, scenario: "Scenario") -> None:
        self._scenario, self._rng, self._lane = scenario, scenario.rng, scenario.lane
        # For what depends on the moment, so that the rest is drawn the same always.
        self._luck = Random(scenario.outcome.seed)  # noqa: S311 - no secret
        self._seen: list[Message] = []  # messages of any age, for late deliveries
        self._kinds: list[tuple[int, Callable[[], str]]] = [
            (6, self._landing),
            (2, self._relanding),
            (3, self._request),
            (5, self._kill),
            (1, self._sigterm),
            (1, self._freeze),
            (1, self._broken_lease),
            (1, self._outage),
            (2, self._vault),
            (8, self._sendgrid),
            (4, self._job),
            (1, self._nothing_removed),
            (3, self._duplicate),
            (2, self._config),
            (1, self._edited_export),
            (1, self._cancel),
            (1, self._rotation),
            (1, self._rows_fail),
            (1, self._lost_message),
        ]

    def strike(self) -> str:
        weights = [weight for weight, _ in self._kinds]
        return self._rng.choices([kind for _, kind in self._kinds], weights)[0]()

    def offset(self) -> float:
        return self._luck.choice([0.0, self._luck.uniform(-OFFSET, OFFSET)])

    def death(self) -> Death | None:
        """How the next instance dies, if it does so by itself."""
        rng = self._luck
        if rng.random() < 0.5:
            return None
        service = rng.choice(["", "storage", "sendgrid"])
        return Death(rng.randint(1, 15 if service == "sendgrid" else 60), service, after=rng.random() < 0.7)

    # Segments and requests

    def _landing(self) -> str:
        segment = self._scenario.segments[self._rng.choice(sorted(self._scenario.segments))]
        segment.change(self._rng)
        self._scenario.land(segment)
        return "landing: a new one"

    def _relanding(self) -> str:
        """The same again, twice in a row: other ETags, and the files of a run go from under it."""
        segment = self._scenario.segments[self._rng.choice(sorted(self._scenario.segments))]
        for _ in range(2):
            self._scenario.land(segment)
        return "landing: the same again"

    def _request(self) -> str:
        mode, dry_run = self._rng.choice(list(Mode)), self._rng.random() < 0.2
        self._scenario.start(self._export(), mode=mode, dry_run=dry_run, force=self._rng.random() < 0.5)
        return f"request: {mode}{' dry' if dry_run else ''}"

    # Instances

    def _kill(self) -> str:
        for instance in self._luck.sample(self._lane.instances, self._luck.randint(1, len(self._lane.instances))):
            self._lane.end_instance(instance, kill=True)
            self._scenario.outcome.tally["kills"] += 1
        return "kill at random"

    def _sigterm(self) -> str:
        self._lane.end_instance(self._luck.choice(self._lane.instances), kill=False)
        return "sigterm"

    def _freeze(self) -> str:
        """An instance stands still for so long that its leases end and another takes over; then it goes on."""
        instance = self._luck.choice(self._lane.instances)
        pid = instance.process.pid
        if pid is None or not instance.alive:
            return "nothing: the instance was dead"
        os.kill(pid, signal.SIGSTOP)
        try:
            for export in self._scenario.exports:
                self._lane.break_lease(export.id)
            time.sleep(self._rng.uniform(0.2, 1.5))
        finally:
            os.kill(pid, signal.SIGCONT)
        return "frozen instance"

    def _broken_lease(self) -> str:
        self._lane.break_lease(self._export().id)
        return "broken lease"

    def _outage(self) -> str:
        self._lane.outage(self._rng.uniform(0, 0.5))
        return "storage outage"

    def _vault(self) -> str:
        status, times = self._rng.choice([503, 429, 500]), self._rng.randint(1, 6)
        self._lane.vault.fail(status, times=times)
        return f"vault fault: {status}"

    def _duplicate(self) -> str:
        """A message again: one that is in the queue, or one from long ago."""
        waiting = self._scenario.services.storage.export_runs.client.peek_messages(max_messages=32)
        self._seen += [Message.model_validate_json(b64decode(each.content)) for each in waiting]
        for message in self._luck.sample(self._seen, min(len(self._seen), 3)):
            self._scenario.send(message)
        return "duplicate messages"

    def _lost_message(self) -> str:
        self._scenario.services.storage.export_runs.client.clear_messages()
        return "lost messages"

    # SendGrid

    def _sendgrid(self) -> str:
        rng = self._rng
        reset = str(rng.choice([1, 30, int(time.time()) + 20]))
        kinds: dict[str, dict[str, Any]] = {
            "429 with Retry-After": {"status": 429, "headers": {"retry-after": "20"}},
            "429 with a reset": {
                "status": 429,
                "headers": {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset, "x-ratelimit-limit": "9"},
            },
            "429 without a word": {"status": 429},
            "500": {"status": 500},
            "413": {**UPSERT, "status": 413},
            "503": {"status": 503, "body": "<html>oops</html>", "content_type": "text/html"},
            "slow": {"latency": 0.3},
            "slower than our patience": {"latency": 0.8},
            "cut before": {"drop": "before"},
            "cut after": {"drop": "after"},
            "temporary block": {"status": 403, "message": "You are temporarily blocked"},
        }
        kind = rng.choice(list(kinds))
        where = rng.choice([{}, {}, UPSERT, REMOVAL])
        self._lane.sim.fault(**{**where, "times": rng.randint(1, 6), "skip": rng.randint(0, 4), **kinds[kind]})
        return f"SendGrid, {kind}"

    def _job(self) -> str:
        fate = self._rng.choice(["failed", "never", "errors_missing", "errors_gone", "errors_garbled"])
        where = self._rng.choice([UPSERT, UPSERT, REMOVAL])
        if fate.startswith("errors"):
            self._rows_fail()
            where = UPSERT
        self._lane.sim.fault(**where, job=fate, times=self._rng.randint(1, 2))
        return f"job {fate}"

    def _nothing_removed(self) -> str:
        self._lane.sim.fault(**REMOVAL, job="nothing", times=self._rng.randint(1, 2))
        return "removal that does nothing"

    def _rows_fail(self) -> str:
        """Jobs report errors for some people from now on."""
        everybody = sorted(set().union(*(segment.ever for segment in self._scenario.segments.values())))
        named = [address for address in everybody if address.endswith("@people.example")]
        self._lane.sim.fail_rows(self._rng.sample(named, min(len(named), self._rng.randint(0, 4))))
        return "rows that fail"

    def _rotation(self) -> str:
        self._lane.rotate_key()
        return "rotated key"

    # Documents

    def _config(self) -> str:
        """What people take back a moment later."""
        scenario, rng = self._scenario, self._rng
        if rng.random() < 0.5:
            scenario.put_connection(consent=False)
            time.sleep(rng.uniform(0, 0.3))
            scenario.put_connection()
            return "consent withdrawn for a while"
        export = self._export()
        scenario.put_export(export, enabled=False)
        time.sleep(rng.uniform(0, 0.3))
        scenario.put_export(export)
        return "export disabled for a while"

    def _edited_export(self) -> str:
        """Other segments, other fields: for good, the list stays."""
        export = self._export()
        names = sorted(self._scenario.segments)
        export.give(self._rng.sample(names, self._rng.randint(1, len(names))))
        export.tier = not export.tier
        self._scenario.put_export(export)
        return "edited export"

    def _cancel(self) -> str:
        scenario = self._scenario
        active = scenario.services.turns.load(self._export().id).active
        if active is None:
            return "nothing: there was no run to cancel"
        scenario.services.runs.cancel(active, "a person")
        return "cancel"

    def _export(self) -> Any:
        return self._rng.choice(self._scenario.exports)
