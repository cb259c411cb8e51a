"""The way of a run, from a landed segment to a list that equals it, and what it leaves behind."""

import re

from shared.runs.record import Kind, Mode, State
from tests.integration.runs.world import REMOVAL, UPSERT, World


def test_a_list_follows_its_segment(world: World) -> None:
    world.land("ada@example.com", "grace@example.com")
    first = world.run()
    assert first.state is State.SUCCESSFUL
    assert first.counts["accepted"] == first.counts["created"] == 2
    assert world.on_list() == {"ada@example.com", "grace@example.com"}

    world.land("ada@example.com", "hedy@example.com")
    second = world.run()
    assert second.state is State.SUCCESSFUL
    assert (second.counts["unchanged"], second.counts["accepted"], second.counts["removed"]) == (1, 1, 1)
    assert world.on_list() == set(world.members()) == {"ada@example.com", "hedy@example.com"}
    assert set(world.sim.addresses()) == {"ada@example.com", "grace@example.com", "hedy@example.com"}


def test_an_unchanged_segment_sends_nothing(world: World) -> None:
    world.land("ada@example.com")
    world.run()
    before = world.requests(UPSERT, REMOVAL)
    run = world.run()
    assert run.state is State.SUCCESSFUL
    assert run.counts["unchanged"] == 1
    assert world.requests(UPSERT, REMOVAL) == before


def test_a_full_run_sends_everything_again(world: World) -> None:
    world.land("ada@example.com")
    world.run()
    run = world.run(mode=Mode.FULL)
    assert (run.counts["upserts"], run.counts["unchanged"], run.counts["updated"]) == (1, 0, 1)


def test_a_dry_run_counts_and_reports_and_changes_nothing(world: World) -> None:
    world.land("ada@example.com", "grace@example.com")
    world.run()
    before, members = world.requests(UPSERT, REMOVAL), world.members()
    world.land("ada@example.com", "hedy@example.com", "no address")
    run = world.run(dry_run=True)
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert run.reason == "dry run: nothing was sent, 1 row with an unusable e-mail address"
    assert (run.counts["upserts"], run.counts["leavers"], run.counts["invalid_email"]) == (1, 1, 1)
    assert [line["code"] for line in world.report(run)] == ["invalid_email"]
    assert world.requests(UPSERT, REMOVAL) == before
    assert world.members() == members
    assert world.run().counts["removed"] == 1  # what was planned only is still to be done


def test_rows_that_are_no_contacts_are_reported_with_their_place(world: World) -> None:
    world.land("ada@example.com", "ADA@example.com ", "", "nobody", "a@example.com;b@example.com")
    run = world.run()
    assert run.state is State.COMPLETED_WITH_WARNINGS
    assert [(line["file"], line["row"], line["customer_id"], line["code"]) for line in world.report(run)] == [
        ("People.csv", "2", "C2", "duplicate"),
        ("People.csv", "3", "C3", "no_email"),
        ("People.csv", "4", "C4", "invalid_email"),
        ("People.csv", "5", "C5", "multiple_addresses"),
    ]


def test_a_cell_that_looks_like_a_formula_is_defused_in_the_report(world: World) -> None:
    world.land("=HYPERLINK(1)", "+1", "ada@example.com")
    assert [line["email"] for line in world.report(world.run())] == ["'=HYPERLINK(1)", "'+1"]


def test_two_segments_become_one_list(world: World) -> None:
    world.put_export(segments=["People", "Guests"])
    world.land("ada@example.com")
    world.land("ada@example.com", "grace@example.com", name="Guests.csv", first_name="Grace")
    run = world.run()
    assert set(run.snapshots) == {"People", "Guests"}
    assert world.on_list() == {"ada@example.com", "grace@example.com"}
    assert run.counts["duplicate"] == 1


def test_the_record_keeps_its_contract(world: World) -> None:
    world.land("ada@example.com", "grace@example.com", "nobody")
    run = world.run(kind=Kind.SCHEDULED)
    document = world.document(run)
    assert set(document) >= {
        *("run_id", "export_id", "kind", "mode", "dry_run", "state", "reason", "phase", "submitted_by", "submitted_at"),
        *("started_at", "ended_at", "snapshots", "counts", "batches", "progress", "attempts", "error"),
    }
    assert set(document["counts"]) == {
        *("rows", "malformed", "filtered", "no_email", "invalid_email", "duplicate", "contacts", "unchanged"),
        *("upserts", "accepted", "rejected_by_sendgrid", "unconfirmed", "created", "updated"),
        *("leavers", "removed", "not_found", "kept_by_other_export", "failed_removals", "members"),
    }
    assert set(document["batches"][0]) >= {"number", "contacts", "bytes", "job_id", "state"}
    assert document["progress"] == {"done": 2, "total": 2}
    assert (document["kind"], document["mode"], document["phase"]) == ("scheduled", "incremental", "finish")
    assert document["error"] is None
    assert re.fullmatch(r"newsletter-\d{8}T\d{6}Z-[0-9a-f]{6}", run.run_id)


def test_the_report_keeps_its_header_when_there_is_nothing_to_report(world: World) -> None:
    world.land("ada@example.com")
    assert world.report_text(world.run()).splitlines() == ["file,row,customer_id,email,stage,code,message"]


def test_progress_is_whole_in_the_end_though_others_keep_somebody(world: World) -> None:
    world.put_export("other", segments=["Others"])
    world.land("ada@example.com", name="Others.csv")
    world.run("other")
    world.land("ada@example.com", "grace@example.com")
    world.run()
    world.land("grace@example.com")
    run = world.run()
    assert run.counts["kept_by_other_export"] == 1
    assert run.progress.done == run.progress.total == 0
    assert world.on_list() == {"ada@example.com", "grace@example.com"}
    assert set(world.members()) == {"grace@example.com"}
