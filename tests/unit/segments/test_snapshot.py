from datetime import UTC, datetime
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from shared.segments.snapshot import CsvFormat, Snapshot, SnapshotFile

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
files = st.builds(SnapshotFile, name=st.text(), etag=st.text(), size=st.integers(0), format=st.just(CsvFormat(True)))


def snapshot(*found: SnapshotFile) -> Snapshot:
    return Snapshot("Seg", found, None, NOON, NOON, "model.json")


@given(st.lists(files, min_size=1), st.randoms())
def test_the_id_is_16_hex_digits_and_does_not_depend_on_the_order_of_the_files(
    some: list[SnapshotFile], random: Random
) -> None:
    shuffled = some.copy()
    random.shuffle(shuffled)
    assert snapshot(*some).id == snapshot(*shuffled).id
    assert len(snapshot(*some).id) == 16
    assert set(snapshot(*some).id) <= set("0123456789abcdef")


@given(st.lists(files), st.lists(files))
def test_other_names_or_etags_make_another_id(some: list[SnapshotFile], others: list[SnapshotFile]) -> None:
    same = sorted((f.name, f.etag) for f in some) == sorted((f.name, f.etag) for f in others)
    assert (snapshot(*some).id == snapshot(*others).id) == same


def test_a_file_written_again_makes_another_id() -> None:
    first = SnapshotFile("a.csv", "0x1", 9, CsvFormat(header=True))
    again = SnapshotFile("a.csv", "0x2", 9, CsvFormat(header=True))
    assert snapshot(first).id != snapshot(again).id
