"""Contacts of a refresh come from copies of the few rows that are sent, whatever stands around those in the files."""

from pathlib import Path

import duckdb
import pytest

from shared.contacts import sources
from shared.contacts.engine import engine
from shared.contacts.plan import Planner
from shared.contacts.reading import LocalFile
from tests.unit.contacts.build import HEADED, Planned, custom, mapping, plan

BY = mapping(custom("n", "Name"), custom("t", "Note"))


def rows(start: int, *, changed: int | None = None, ends: str = "\n", last: bool = True) -> bytes:
    """A file of ten rows, of which one may be changed."""
    lines = [f'p{i}@b.co,{"new" if i == changed else "Ann"},"a, b{i}"' for i in range(start, start + 10)]
    return ends.join(["EMail,Name,Note", *lines, *([""] if last else [])]).encode()


def refreshed(before: list[bytes], after: list[bytes]) -> Planned:
    known = [(address, fingerprint) for address, fingerprint, *_ in plan(*before, by=BY).upserts]
    return plan(*after, by=BY, members=known)


def contact(i: int) -> dict[str, object]:
    return {"custom_fields": {"n": "new", "t": f"a, b{i}"}}


@pytest.mark.parametrize("most", [1, 2, 50_000])
def test_the_rows_of_many_files_are_sent(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_COPIED", most)
    before = [rows(start) for start in (0, 10, 20, 30, 40)]
    after = [
        rows(0, changed=9, last=False),  # a row without a line break, before another file's
        rows(10, changed=10, ends="\r\n"),
        rows(20),
        b"EMail,Note,Name\n" + b"".join(b'p%d@b.co,"a, b%d",new\n' % (i, i) for i in range(30, 40)),  # other columns
        rows(40, changed=44),
    ]
    found = refreshed(before, after)
    assert found.contacts == {f"p{i}@b.co": contact(i) for i in (9, 10, *range(30, 40), 44)}


def test_rows_of_other_columns_are_not_mixed() -> None:
    turned = b"EMail,Note,Name\n" + b"".join(
        b'p%d@b.co,"a, b%d",%s\n' % (i, i, b"new" if i == 13 else b"Ann") for i in range(10, 20)
    )
    found = refreshed([rows(0), rows(10), rows(20)], [rows(0, changed=3), turned, rows(20, changed=23)])
    assert found.contacts == {f"p{i}@b.co": contact(i) for i in (3, 13, 23)}


@pytest.mark.parametrize("everything", [True, False])
def test_a_file_that_reads_otherwise_the_second_time_sends_nobody_what_is_another_persons(
    everything: bool, tmp_path: Path
) -> None:
    lines = [b"EMail,Name,Note\n", *(b"p%d@b.co,Ann %d,x\n" % (i, i) for i in range(1000))]
    path = tmp_path / "in"
    path.write_bytes(b"".join(lines))
    with engine(tmp_path) as database:
        planner = Planner(database, BY)
        planner.add(LocalFile("people", path, HEADED, None))
        members = tmp_path / "members"
        database.execute(
            f"COPY (SELECT '' AS address, 0::UBIGINT AS fingerprint LIMIT 0) TO '{members}' (FORMAT parquet)"
        )
        planner.decide(members=members, others=[], everything=everything, leave=False)
        path.write_bytes(b"".join([*lines[:1], *lines[2:], b"q@b.co,Eve,x\n"]))  # every row is one earlier
        with pytest.raises(duckdb.Error, match="reads otherwise"):
            for _ in planner.contacts():
                pass
