"""Any order of landings, edits, faults and runs: a model says what the list must be, and the list must be it."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from shared.runs.record import Mode, RunRecord, State
from tests.integration.runs.world import World

PEOPLE = [f"{name}@example.com" for name in ("one", "two", "three", "four", "five", "six")]
STRANGERS = {"stranger@example.com", "guest@example.com"}
EXPORTS = ["newsletter", "other"]
UPSERT = {"route": "/v3/marketing/contacts", "method": "PUT"}
REMOVAL = {"route": "/v3/marketing/lists/{id}/contacts", "method": "DELETE"}
FAULTS: list[dict[str, Any]] = [
    *({"status": status, "times": 3} for status in (401, 403, 413, 429, 500, 503)),
    *({"drop": drop, "times": times} for drop in ("before", "after") for times in (1, 9)),
    *({**where, "job": job} for where in (UPSERT, REMOVAL) for job in ("failed", "never", "nothing")),
    *({**UPSERT, "job": job} for job in ("errors_missing", "errors_gone", "errors_garbled")),
]


@dataclass
class Model:
    """One export as it should be. `put`: whom it has put on the list, and as what; None where trouble left it open."""

    name: str
    now: dict[str, str] = field(default_factory=dict)
    put: dict[str, str | None] = field(default_factory=dict)
    enabled: bool = True

    @property
    def leavers(self) -> set[str]:
        return self.put.keys() - self.now.keys()

    def allows(self, *, force: bool) -> bool:
        """Whether the guards let a run pass: max_shrink_percent is 50."""
        return force or (bool(self.now) and len(self.leavers) * 2 <= len(self.put))


class Machine(RuleBasedStateMachine):
    """Two exports of one list, each with a segment of its own; some people are in both."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.models = {name: Model(name) for name in EXPORTS}
        self.on_list = set(STRANGERS)
        self.names: dict[str, str] = {}  # first names of contacts, where they are certain
        self.consent = self.troubled = False

    @initialize()
    def begin(self) -> None:
        world = self.world
        world.sim.reset()
        world.sim.add_key("SG.integration-key.0123456789abcdef")
        world.sim.configure(job_seconds=0.0, rate_limited=False)
        world.begin_anew()
        world.services.storage.segments.delete_all("")
        world.put_on_list(*STRANGERS)
        world.services.storage.state.delete_all("")
        self.consent_is(given=True)
        for name in EXPORTS:
            self.export_is(name, enabled=True)
            self.segment_lands(name, set(PEOPLE[:4]), "Ada")

    @rule(name=st.sampled_from(EXPORTS), people=st.sets(st.sampled_from(PEOPLE)), first=st.sampled_from(["Ada", "Ana"]))
    def segment_lands(self, name: str, people: set[str], first: str) -> None:
        self.world.land(*sorted(people), name=f"{name}.csv", first_name=first)
        self.models[name].now = dict.fromkeys(people, first)

    @rule(name=st.sampled_from(EXPORTS), enabled=st.booleans())
    def export_is(self, name: str, *, enabled: bool) -> None:
        self.world.put_export(name, segments=[name], enabled=enabled)
        self.models[name].enabled = enabled

    @rule(given=st.booleans())
    def consent_is(self, *, given: bool) -> None:
        more: dict[str, Any] = {} if given else {"consent": None}
        self.world.put_connection(**more)
        self.consent = given

    @rule(fault=st.sampled_from(FAULTS), skip=st.integers(0, 6))
    def something_breaks(self, fault: dict[str, Any], skip: int) -> None:
        self.world.sim.fault(**{**fault, "skip": 0 if "job" in fault else skip})
        self.troubled = True

    @rule(people=st.sets(st.sampled_from(PEOPLE), min_size=1))
    def rows_fail(self, people: set[str]) -> None:
        self.world.sim.fail_rows(sorted(people))
        self.troubled = True

    @rule(name=st.sampled_from(EXPORTS), mode=st.sampled_from([Mode.INCREMENTAL, Mode.FULL]), force=st.booleans())
    def run(self, name: str, mode: Mode, *, force: bool) -> None:
        run_id = self.world.start(name, mode=mode, force=force).run_id
        if self.troubled:
            self.world.work_for_hours(4)
        else:
            self.world.work()
        run = self.world.ended(run_id)
        if self.troubled:
            self._after_trouble(run)
        else:
            self._after_a_clean_run(run)

    @rule(name=st.sampled_from(EXPORTS))
    def dry_run(self, name: str) -> None:
        if not self.troubled:
            self.world.run(name, dry_run=True)

    def _after_a_clean_run(self, run: RunRecord) -> None:
        """The model does what the run must have done."""
        model = self.models[run.export_id]
        if not (model.enabled and self.consent and model.allows(force=run.force)):
            assert run.state is State.SKIPPED, run.reason
            return
        assert run.state is State.SUCCESSFUL, run.reason
        others = {who for other in self.models.values() if other is not model for who in other.put}
        self.on_list = (self.on_list - (model.leavers - others)) | model.now.keys()
        for who, first in model.now.items():
            before = model.put.get(who, "")
            if before is None and run.mode is not Mode.FULL:
                self.names.pop(who, None)
            elif before != first or run.mode is Mode.FULL:
                self.names[who] = first
        model.put = dict(model.now)

    def _after_trouble(self, run: RunRecord) -> None:
        """What came of it is open; but whoever was put on the list is known, so that nobody is left there for good."""
        self.world.sim.clear_faults()
        self.world.sim.fail_rows([])
        self.troubled = False
        self.on_list = self.world.on_list()
        self.names = {}
        for model in self.models.values():
            model.put = dict.fromkeys(self.world.members(model.name))
        known = {who for model in self.models.values() for who in model.put}
        assert self.on_list - known == STRANGERS, run.reason

    @invariant()
    def the_list_is_what_it_should_be(self) -> None:
        if self.troubled:
            return
        there = self.world.sim.members(self.world.list_id)
        assert there.keys() == self.on_list
        assert {who: there[who]["first_name"] for who in self.names if who in there} == {
            who: first for who, first in self.names.items() if who in there
        }

    def teardown(self) -> None:
        """Whatever has happened: one more run of each, and the list is the segments."""
        self.world.sim.clear_faults()
        self.world.sim.fail_rows([])
        self.world.put_connection()
        for name in EXPORTS:
            self.world.put_export(name, segments=[name])
            self.world.run(name, force=True)
        wanted = {who: first for model in self.models.values() for who, first in model.now.items()}
        assert self.world.on_list() == STRANGERS | wanted.keys()
        for name, model in self.models.items():
            assert self.world.members(name) == dict.fromkeys(model.now, True)


def test_whatever_the_order_the_list_is_the_segments(world: World) -> None:
    class InThisWorld(Machine):
        def __init__(self) -> None:
            super().__init__(world)

    run_state_machine_as_test(
        InThisWorld,
        settings=settings(
            max_examples=6,
            stateful_step_count=10,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # looking for a smaller failure would take many times as long
            suppress_health_check=list(HealthCheck),
        ),
    )
