"""Plans that know who is really on the list, and the books of memberships that may be lost."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contacts.engine import engine
from shared.contacts.membership import count_steady, is_membership
from tests.unit.contacts.build import Planned, parquet, plan

pytestmark = pytest.mark.usefixtures("joined")

FIRST = b"EMail\na@b.co\nb@b.co\nc@b.co\n"
PEOPLE = [f"{name}@b.co" for name in "abcdefgh"]
SOME = st.sets(st.sampled_from(PEOPLE))


def fingerprints(of: Planned) -> list[tuple[str, int]]:
    return [(address, fingerprint) for address, fingerprint, *_ in of.upserts]


def test_who_is_missing_from_the_list_is_sent_though_nothing_has_changed() -> None:
    before = fingerprints(plan(FIRST))
    found = plan(FIRST, members=before, listed=[["a@b.co"], ["c@b.co"]])
    assert set(found.contacts) == {"b@b.co"}
    assert (found.counts.unchanged, found.counts.missing_from_list, found.counts.listed) == (2, 1, 2)


def test_members_who_are_not_on_the_list_any_more_do_not_leave_it() -> None:
    found = plan(FIRST, members=[("left@b.co", 1), ("gone@b.co", 1)], listed=[["left@b.co"]])
    assert found.portions == [["left@b.co"]]
    assert (found.counts.leavers, found.counts.gone_elsewhere) == (1, 1)
    assert sorted(found.leavers) == [("gone@b.co", True), ("left@b.co", False)]  # neither is a member any longer


def test_who_was_not_confirmed_is_looked_for_though_the_list_does_not_show_them() -> None:
    found = plan(FIRST, members=[("late@b.co", 0)], listed=[[]])
    assert found.portions == [["late@b.co"]]
    assert found.counts.gone_elsewhere == 0


def test_without_removal_who_is_gone_is_a_member_no_longer_all_the_same() -> None:
    found = plan(FIRST, members=[("gone@b.co", 1), ("left@b.co", 1)], listed=[["left@b.co"]], leave=False)
    assert found.leavers == [("gone@b.co", True)]
    assert found.portions == []
    assert found.counts.leavers == 0


def test_strangers_are_those_whom_no_export_put_on_the_list() -> None:
    found = plan(
        FIRST,
        members=[("left@b.co", 1)],
        others=[["theirs@b.co"]],
        listed=[["stranger@b.co", "theirs@b.co", "left@b.co", "a@b.co", "stranger@b.co"]],
    )
    assert found.strangers == ["stranger@b.co"]
    assert (found.counts.strangers, found.counts.listed) == (1, 4)
    assert found.portions == [["left@b.co"]]


def test_an_empty_list_is_filled_again_and_nobody_leaves() -> None:
    found = plan(FIRST, members=[*fingerprints(plan(FIRST)), ("gone@b.co", 1)], listed=[])
    assert len(found.contacts) == found.counts.missing_from_list == 3
    assert (found.counts.leavers, found.counts.gone_elsewhere) == (0, 1)


def test_a_list_that_nobody_has_read_has_no_counts() -> None:
    found = plan(FIRST, members=[("gone@b.co", 1)])
    assert {"listed", "missing_from_list", "gone_elsewhere", "strangers"}.isdisjoint(found.counts.as_dict())
    assert found.strangers == []
    assert found.counts.leavers == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(segment=SOME, members=SOME, others=SOME, listed=SOME)
def test_the_list_becomes_what_sets_say(
    segment: set[str], members: set[str], others: set[str], listed: set[str]
) -> None:
    found = plan(
        "\n".join(["EMail", *sorted(segment)]).encode(),
        members=[(address, 1) for address in sorted(members)],
        others=[sorted(others)] if others else [],
        listed=[sorted(listed)],
    )
    taken_off = {address for portion in found.portions for address in portion}
    assert taken_off == (members & listed) - segment - others
    assert set(found.strangers) == listed - segment - members - others
    assert segment | (listed & (others | set(found.strangers))) == (listed | found.contacts.keys()) - taken_off
    counts = found.counts
    assert members - segment == {address for address, _ in found.leavers}
    assert len(members - segment) == counts.leavers + (counts.gone_elsewhere or 0)


def readable(folder: Path, path: Path) -> bool:
    with engine(folder) as database:
        return is_membership(database, path)


def members_file(folder: Path, rows: Iterable[tuple[str | None, int | None]]) -> Path:
    return parquet(folder / "members", "address, fingerprint", rows)


@pytest.mark.parametrize("rows", [[], [("a@b.co", 0)], [(f"a{i}@b.co", 2**64 - 1 - i) for i in range(300)]], ids=len)
def test_a_membership_is_one(tmp_path: Path, rows: list[tuple[str | None, int | None]]) -> None:
    assert readable(tmp_path, members_file(tmp_path, rows))


def test_what_is_cut_off_damaged_or_something_else_is_no_membership(tmp_path: Path) -> None:
    whole = members_file(tmp_path, [(f"a{i}@b.co", i) for i in range(300)]).read_bytes()
    broken = {
        "empty": b"",
        "cut off": whole[:-20],
        "no Parquet": b"address,fingerprint\n",
        "damaged": whole[:10] + bytes(200) + whole[210:],
        "other columns": parquet(tmp_path / "x", "address, name", [("a@b.co", "1")]).read_bytes(),
        "other types": parquet(tmp_path / "x", "fingerprint, address", [(1, "1")]).read_bytes()[:-1],
        "nobody": members_file(tmp_path, [(None, 1)]).read_bytes(),
    }
    for what, content in broken.items():
        path = tmp_path / "broken"
        path.write_bytes(content)
        folder = tmp_path / what
        folder.mkdir()
        assert not readable(folder, path), what


def test_only_who_was_and_is_a_member_is_on_the_list_for_certain(tmp_path: Path) -> None:
    columns = "address, fingerprint"
    before = parquet(tmp_path / "before", columns, [("stays", 1), ("left", 1), ("open", 0), ("opened", 1)])
    after = parquet(tmp_path / "after", columns, [("stays", 2), ("new", 1), ("open", 1), ("opened", 0)])
    other = parquet(tmp_path / "other", columns, [("stays", 1), ("theirs", 1), ("their-open", 0)])
    with engine(tmp_path) as database:
        assert count_steady(database, before, after) == 1
        assert count_steady(database, before, after, [other]) == 2
        assert count_steady(database, None, after) == 0
