"""The books after a run: everybody's fate, and who is a member now."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.contacts.engine import engine
from shared.contacts.membership import Fates, SettledCounts, count_steady, settle, write_known, write_members
from tests.unit.contacts.build import parquet, rows_of

pytestmark = pytest.mark.usefixtures("joined")


class Books:
    """A plan's files in a folder, and what became of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fates: list[tuple[Any, ...]] = []

    def ndjson(self, name: str, objects: Iterable[dict[str, Any]]) -> list[Path]:
        path = self.folder / name
        path.write_bytes(b"\n".join(map(orjson.dumps, objects)))
        return [path]

    def close(
        self,
        upserts: dict[str, int],
        *,
        previous: dict[str, int] | None = None,
        outcomes: Iterable[tuple[str, str, str]] = (),
        refused: Iterable[str] = (),
        unsent: Iterable[str] = (),
        unconfirmed: Iterable[str] = (),
        leavers: Iterable[str] = (),
        kept: Iterable[str] = (),
    ) -> tuple[SettledCounts, dict[str, int]]:
        columns = "address, fingerprint"
        said = [{"email": e, "stage": stage, "code": code, "message": f"why {e}"} for e, stage, code in outcomes]

        def batches(name: str, emails: Iterable[str]) -> list[Path]:
            return self.ndjson(name, [{"email": email} for email in emails]) if emails else []

        gone = [(each, "false") for each in leavers] + [(each, "true") for each in kept]
        fates = Fates(
            None if previous is None else parquet(self.folder / "previous", columns, previous.items()),
            parquet(self.folder / "rows", columns, upserts.items()),
            self.ndjson("outcomes", said) if said else [],
            batches("refused", refused),
            batches("unsent", unsent),
            batches("unconfirmed", unconfirmed),
            parquet(self.folder / "leavers", "address, kept", gone),
        )
        (self.folder / "work.duckdb").unlink(missing_ok=True)
        with engine(self.folder) as database:
            counts = settle(database, fates)
            self.fates = database.execute("SELECT address, stage, code, message FROM fates ORDER BY 1").fetchall()
            write_members(database, fates, self.folder / "members")
            return counts, dict(rows_of(database, self.folder / "members", columns))


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path)


def test_the_first_run_makes_members_of_all_who_were_accepted(books: Books) -> None:
    assert books.close({"a": 1, "b": 2**64 - 1}) == (SettledCounts(2, 0, 0), {"a": 1, "b": 2**64 - 1})


def test_every_fate_and_what_it_means_for_the_membership(books: Books) -> None:
    everything: dict[str, Any] = {
        "upserts": {
            "ok": 11, "new-refused": 12, "old-refused": 13, "failed": 14, "unsent": 15, "old-unsent": 16, "open": 17,
        },
        "previous": {
            "old-refused": 3, "old-unsent": 6, "unchanged": 8, "left": 9, "stuck": 10, "kept": 10, "later": 10,
        },
        "outcomes": [
            ("new-refused", "send", "refused_by_sendgrid"),
            ("old-refused", "settle", "errored"),
            ("stuck", "remove", "failed_removal"),
            ("later", "remove", "not_removed"),
            ("nobody", "settle", "errored"),
        ],
        "refused": ["failed"],
        "unsent": ["unsent", "old-unsent"],
        "unconfirmed": ["open"],
        "leavers": ["left", "stuck", "later"],
        "kept": ["kept"],
    }  # fmt: skip
    counts, members = books.close(**everything)
    assert counts == SettledCounts(accepted=1, rejected_by_sendgrid=3, unconfirmed=3)
    assert members == {
        "ok": 11, "open": 0, "old-refused": 3, "old-unsent": 6, "unchanged": 8, "stuck": 10, "later": 10,
    }  # fmt: skip
    again = books.close(**everything | {"previous": members})
    assert again == (counts, members)


def test_leavers_are_no_longer_members_whoever_keeps_them(books: Books) -> None:
    _, members = books.close({}, previous={"left": 1, "kept": 2}, leavers=["left"], kept=["kept"])
    assert members == {}


def test_the_first_outcome_counts_and_its_words_stay_together(books: Books) -> None:
    outcomes = [("a", "send", "first"), ("a", "settle", "second")]
    counts, members = books.close({"a": 1, "b": 2}, outcomes=outcomes, unconfirmed=["a", "b"])
    assert counts == SettledCounts(accepted=0, rejected_by_sendgrid=1, unconfirmed=1)
    assert books.fates[0] == ("a", "send", "first", "why a")
    assert members == {"b": 0}


def test_a_run_that_sent_nothing_changes_nothing(books: Books) -> None:
    before = {"a": 1, "b": 2}
    stays = [("b", "remove", "not_removed")]
    counts, members = books.close({"a": 5, "c": 6}, previous=before, unsent=["a", "c"], leavers=["b"], outcomes=stays)
    assert counts == SettledCounts(0, 0, 2)
    assert members == before


def test_many_memberships_and_batches_take_the_memory_of_one(tmp_path: Path) -> None:
    own = parquet(tmp_path / "own", "address, fingerprint", [("a@b.co", 1)])
    others = [
        parquet(tmp_path / f"other{number}", "address, fingerprint", [(f"p{number}@b.co", 1), ("a@b.co", 1)])
        for number in range(50)
    ]
    begun = [tmp_path / f"batch{number}" for number in range(50)]
    for number, batch in enumerate(begun):
        batch.write_bytes(orjson.dumps({"email": f"q{number}@b.co"}))
    with engine(tmp_path) as database:
        assert count_steady(database, own, own, others) == 51
        known = write_known(database, own, begun, tmp_path / "known")
        assert len(rows_of(database, known, "address")) == 51
