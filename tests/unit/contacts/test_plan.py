"""The difference that has to be sent."""

from dataclasses import replace
from typing import Any

import pytest

from shared.contacts.mapping import FieldType, Mapping
from shared.contacts.problems import Problem
from tests.unit.contacts.build import Planned, custom, mapping, plan, reserved

pytestmark = pytest.mark.usefixtures("joined")

BY_NAME = mapping(custom("n", "Name"))
FIRST = b"EMail,Name,Other,CustomerId\na@b.co,Ann,x,1\nb@b.co,Bob,x,2\nc@b.co,Cid,x,3\n"


def members(of: Planned) -> list[tuple[str, int]]:
    return [(address, fingerprint) for address, fingerprint, *_ in of.upserts]


def test_the_first_row_wins_by_file_then_row() -> None:
    found = plan(
        b"EMail,Name,CustomerId\nb@b.co,first,1\nB@b.co,second,2\nbad,x,3\n",
        b"Name,EMail,CustomerId\nthird,b@b.co,4\nnew,a@b.co,5\n",
        by=BY_NAME,
    )
    assert found.contacts["b@b.co"] == {"custom_fields": {"n": "first"}}
    assert [upsert[2:] for upsert in found.upserts] == [("file0", 1, "1"), ("file1", 2, "5")]
    assert found.rejects == [
        ("file0", 2, "2", "b@b.co", Problem.DUPLICATE),
        ("file0", 3, "3", "bad", Problem.INVALID_EMAIL),
        ("file1", 1, "4", "b@b.co", Problem.DUPLICATE),
    ]


def test_only_what_is_new_or_changed_is_sent_and_who_is_gone_leaves() -> None:
    before = members(plan(FIRST, by=BY_NAME))
    now = b"EMail,Name,Other,CustomerId\na@b.co,Ann,changed,9\nb@b.co,Rob,x,2\nd@b.co,Dan,x,4\n"
    found = plan(now, by=BY_NAME, members=before)
    assert set(found.contacts) == {"b@b.co", "d@b.co"}
    assert found.leavers == [("c@b.co", False)]
    assert (found.counts.contacts, found.counts.unchanged, found.counts.upserts, found.counts.members) == (3, 1, 2, 3)


def test_an_unchanged_segment_sends_nothing() -> None:
    found = plan(FIRST, by=BY_NAME, members=members(plan(FIRST, by=BY_NAME)))
    assert not found.contacts
    assert not found.leavers
    assert found.counts.unchanged == 3


def test_full_mode_sends_everybody() -> None:
    before = members(plan(FIRST, by=BY_NAME))
    assert len(plan(FIRST, by=BY_NAME, members=before, everything=True).contacts) == 3


def test_who_was_not_confirmed_is_sent_again() -> None:
    before = [(address, 0) for address, _ in members(plan(FIRST, by=BY_NAME))]
    assert len(plan(FIRST, by=BY_NAME, members=before).contacts) == 3


def test_without_removal_nobody_leaves() -> None:
    found = plan(FIRST, members=[("gone@b.co", 1)], leave=False)
    assert not found.leavers
    assert found.counts.leavers == 0


def test_who_is_on_the_list_by_another_export_is_kept() -> None:
    gone = [(f"{name}@b.co", 1) for name in "zyxwv"]
    found = plan(FIRST, members=gone, others=[["z@b.co", "other@b.co"], ["v@b.co"]])
    assert sorted(found.leavers) == [
        ("v@b.co", True), ("w@b.co", False), ("x@b.co", False), ("y@b.co", False), ("z@b.co", True),
    ]  # fmt: skip
    assert found.portions == [["w@b.co", "x@b.co"], ["y@b.co"]]
    assert (found.counts.leavers, found.counts.kept_by_other_export) == (5, 2)


def test_without_files_everybody_leaves() -> None:
    found = plan(members=[("a@b.co", 1)])
    assert found.leavers == [("a@b.co", False)]
    assert found.counts.rows == 0


@pytest.mark.parametrize(
    "other",
    [
        mapping(custom("other", "Name")),
        mapping(custom("n", "Other")),
        mapping(custom("n", "Name", FieldType.NUMBER)),
        mapping(custom("n", "Name"), custom("m", "Other")),
        mapping(reserved("city", "Name")),
        mapping(),
        replace(BY_NAME, clear_empty=True),
    ],
)
def test_another_mapping_sends_everybody_again(other: Mapping) -> None:
    before = members(plan(FIRST, by=BY_NAME))
    assert len(plan(FIRST, by=other, members=before).contacts) == 3


def test_the_order_of_columns_and_the_format_of_the_file_do_not_matter() -> None:
    before = members(plan(FIRST, by=BY_NAME))
    assert not plan(b"Name,EMail\r\nAnn,A@b.co\r\nBob,b@b.co\r\nCid,c@b.co\r\n", by=BY_NAME, members=before).contacts


def test_every_row_is_accounted_for() -> None:
    content = b"EMail,Consent\na@b.co,y\nA@b.co,y\nb@b.co,n\n,y\nbad,y\nx\nc@b.co,y\n"
    counts: dict[str, Any] = plan(content, by=mapping(Consent=("y",)), members=[("z@b.co", 1)]).counts.as_dict()
    assert counts == {
        "rows": 7, "malformed": 1, "filtered": 1, "no_email": 1, "invalid_email": 1, "duplicate": 1, "contacts": 2,
        "unchanged": 0, "upserts": 2, "leavers": 1, "kept_by_other_export": 0, "members": 1,
    }  # fmt: skip


def test_leavers_whom_one_of_fifty_other_exports_holds_are_kept() -> None:
    gone = [("v@b.co", 1), ("w@b.co", 1)]
    found = plan(FIRST, members=gone, others=[["x@b.co"]] * 49 + [["v@b.co"]])
    assert sorted(found.leavers) == [("v@b.co", True), ("w@b.co", False)]
