from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from shared.runs.messages import Message
from shared.runs.record import Kind, Mode, Request, RunRecord, State, export_of, new_run_id

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def request(**more: object) -> Request:
    return Request.model_validate({"kind": "on_demand", "submitted_by": "ada", "submitted_at": NOON, **more})


def test_run_ids_sort_by_time_and_name_their_export() -> None:
    ids = [new_run_id("news-letter-2", NOON + timedelta(seconds=seconds)) for seconds in range(3)]
    assert sorted(ids) == ids
    assert {export_of(run_id) for run_id in ids} == {"news-letter-2"}
    assert ids[0].startswith("news-letter-2-20261121T120000Z-")


def test_two_runs_of_one_second_have_two_ids() -> None:
    assert len({new_run_id("newsletter", NOON) for _ in range(20)}) == 20


def test_a_run_id_is_in_utc() -> None:
    athens = NOON.astimezone(timezone(timedelta(hours=2)))
    assert new_run_id("newsletter", athens)[:-6] == new_run_id("newsletter", NOON)[:-6]


@pytest.mark.parametrize("text", ["", "newsletter", "newsletter-1"])
def test_what_is_no_run_id_belongs_to_no_export(text: str) -> None:
    assert export_of(text) == ""


def test_requests_are_alike_whoever_asked_and_when() -> None:
    other = request(kind="scheduled", submitted_by="schedule", submitted_at=NOON + timedelta(hours=1))
    assert request().is_like(other)


@pytest.mark.parametrize("change", [{"mode": "full"}, {"dry_run": True}, {"force": True}], ids=str)
def test_requests_that_ask_for_something_else_are_not_alike(change: dict[str, object]) -> None:
    assert not request().is_like(request(**change))


def test_a_record_begins_queued_with_what_was_asked_for() -> None:
    run = RunRecord.of("newsletter-1-2", "newsletter", request(mode="full", force=True))
    assert (run.state, run.mode, run.force, run.kind) == (State.QUEUED, Mode.FULL, True, Kind.ON_DEMAND)


def test_a_record_survives_its_json() -> None:
    run = RunRecord.of("newsletter-1-2", "newsletter", request())
    assert RunRecord.model_validate_json(run.model_dump_json()) == run


def test_only_queued_and_processing_runs_have_not_ended() -> None:
    assert {state for state in State if not state.ended} == {State.QUEUED, State.PROCESSING}


def test_a_message_is_small_and_survives_its_json() -> None:
    message = Message(run_id=new_run_id("e" * 63, NOON), export_id="e" * 63, slice=12)
    text = message.model_dump_json()
    assert Message.model_validate_json(text) == message
    assert len(text) < 1024


def test_a_message_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        Message.model_validate_json('{"run_id": 1}')
