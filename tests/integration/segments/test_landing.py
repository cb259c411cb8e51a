"""`latest` and `known_segments` on a real container."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.cloud.storage import Container
from shared.errors import UnreadableSegment
from shared.segments.landing import known_segments, latest
from shared.segments.snapshot import CsvFormat, Incomplete, NdjsonFormat, ParquetFormat, Snapshot
from tests.integration.segments.conftest import Land
from tests.integration.segments.models import entity, write_model

EXPORT = Path(__file__).parents[2] / "data" / "customer-insights-export"
FOREIGN = "https://contosociexports.blob.core.windows.net/dynamics365customerinsights"


def snapshot(container: Container, segment: str = "Seg") -> Snapshot:
    found = latest(container, segment)
    assert isinstance(found, Snapshot), found
    return found


def incomplete(container: Container, segment: str = "Seg") -> Incomplete:
    found = latest(container, segment)
    assert isinstance(found, Incomplete), found
    return found


def names(found: Snapshot) -> list[str]:
    return [file.name for file in found.files]


def upload_export(container: Container, *, url: str) -> None:
    for path in sorted(EXPORT.glob("*/**/*.*")):
        content = path.read_bytes().replace(FOREIGN.encode(), url.encode())
        container.write(path.relative_to(EXPORT).as_posix(), content)


def test_nothing_has_landed_in_an_empty_container(container: Container) -> None:
    assert latest(container, "Seg") is None
    assert known_segments(container) == []


def test_a_customer_insights_export_is_a_snapshot_of_its_segment(container: Container) -> None:
    upload_export(container, url=container.client.url)
    found = snapshot(container, "HighValueCustomers")
    folder = "CustomerInsights_0b1c2d3e-4f50-4a61-8b72-93a4b5c6d7e8/SendGridBlobDrop/"
    run = f"{folder}HighValueCustomers/2022/04/27/0300/"
    assert names(found) == [f"{run}HighValueCustomers_1.csv", f"{run}HighValueCustomers_2.csv"]
    assert [file.etag for file in found.files] == [container.properties(file.name).etag for file in found.files]
    assert [file.size for file in found.files] == [(EXPORT / file.name).stat().st_size for file in found.files]
    assert {file.format for file in found.files} == {CsvFormat(header=False)}
    assert found.columns
    assert len(found.columns) == 18
    assert found.marker == f"{folder}model.json"
    assert found.produced_at == datetime(2022, 4, 27, 3, 4, 11, tzinfo=UTC)
    assert found.landed_at == container.properties(found.marker).last_modified
    assert known_segments(container) == [found]


def test_an_export_whose_locations_are_on_another_account_is_refused(container: Container) -> None:
    upload_export(container, url=FOREIGN)
    with pytest.raises(UnreadableSegment) as refused:
        latest(container, "HighValueCustomers")
    assert refused.value.code == "foreign_location"
    assert "contosociexports" in refused.value.message
    assert "SEGMENTS_CONTAINER" in refused.value.advice
    assert [type(each) for each in known_segments(container)] == [Incomplete]


def test_a_half_landed_folder_is_incomplete_and_says_what_is_missing(container: Container, land: Land) -> None:
    land("drop/Seg/2026/11/21/0300/Seg_1.csv")
    blobs = [f"drop/Seg/2026/11/21/0300/Seg_{number}.csv" for number in (1, 2, 3)]
    write_model(container, "drop/", entity(container, "Seg", *blobs))
    found = incomplete(container)
    assert found.missing == tuple(blobs[1:])
    assert found.marker == "drop/model.json"
    assert "2 of the 3 files" in found.reason
    land(*blobs[1:], after="drop/model.json")
    complete = snapshot(container)
    assert names(complete) == blobs
    assert complete.landed_at == container.properties(blobs[2]).last_modified


def test_partitions_in_several_folders_with_odd_names_are_found(container: Container, land: Land) -> None:
    blobs = ["drop/Seg/a b/p#1.csv", "drop/Seg/ä/100%.csv", "root.csv"]
    land(*blobs)
    encoded = ["drop/Seg/a%20b/p%231.csv?snapshot=2026-11-21T03:00:00Z", "drop/Seg/%C3%A4/100%25.csv", "root.csv"]
    write_model(container, "drop/", entity(container, "Seg", *encoded))
    assert names(snapshot(container)) == blobs


def test_an_empty_partition_is_part_of_the_snapshot(container: Container, land: Land) -> None:
    land("drop/Seg/1.csv", content=b"")
    write_model(container, "drop/", entity(container, "Seg", "drop/Seg/1.csv"))
    assert [file.size for file in snapshot(container).files] == [0]


def test_an_entity_without_partitions_is_an_empty_snapshot(container: Container) -> None:
    write_model(container, "drop/", entity(container, "Seg"))
    assert snapshot(container).files == ()


def test_what_was_produced_last_wins_whatever_its_path_says(container: Container, land: Land) -> None:
    old, new = "a/Seg/2026/11/22/0300/Seg_1.csv", "a/Seg/2026/11/22/0200/Seg_1.csv"
    land(old, new)
    write_model(container, "b/", entity(container, "Seg", old), modifiedTime="2026-11-22T03:00:00.1234567Z")
    write_model(container, "a/", entity(container, "Seg", new), modifiedTime="2026-11-22T02:00:00-04:00")
    assert names(snapshot(container)) == [new]


def test_refresh_time_stands_in_for_a_missing_time_of_production(container: Container, land: Land) -> None:
    land("a/1.csv")
    listed = entity(container, "Seg", "a/1.csv")
    listed["partitions"][0]["refreshTime"] = "2026-11-21T03:00:00Z"
    write_model(container, "a/", listed)
    assert snapshot(container).produced_at == datetime(2026, 11, 21, 3, tzinfo=UTC)
    del listed["partitions"][0]["refreshTime"]
    write_model(container, "a/", listed)
    assert snapshot(container).produced_at == container.properties("a/model.json").last_modified


def test_a_complete_snapshot_stands_in_for_a_newer_one_that_is_not(container: Container, land: Land) -> None:
    land("old/1.csv")
    write_model(container, "half/", entity(container, "Seg", "half/1.csv"), modifiedTime="2026-11-20T12:00:00Z")
    write_model(container, "old/", entity(container, "Seg", "old/1.csv"), modifiedTime="2026-11-20T03:00:00Z")
    write_model(container, "new/", entity(container, "Seg", "new/1.csv"), modifiedTime="2026-11-21T03:00:00Z")
    found = snapshot(container)
    assert found.marker == "old/model.json"
    assert found.newer_incomplete
    assert found.newer_incomplete.missing == ("new/1.csv",)
    land("new/1.csv")
    assert snapshot(container).marker == "new/model.json"
    assert snapshot(container).newer_incomplete is None


def test_a_broken_landing_is_no_reason_to_use_an_older_one(container: Container, land: Land) -> None:
    land("old/1.csv")
    write_model(container, "old/", entity(container, "Seg", "old/1.csv"), modifiedTime="2026-11-20T03:00:00Z")
    broken = entity(container, "Seg", "1.csv", url=FOREIGN)
    write_model(container, "new/", broken, modifiedTime="2026-11-21T03:00:00Z")
    with pytest.raises(UnreadableSegment):
        latest(container, "Seg")
    write_model(container, "new/", broken, modifiedTime="2026-11-19T03:00:00Z")
    assert snapshot(container).marker == "old/model.json"


def test_a_landing_in_progress_outshines_the_broken_one_before_it(container: Container) -> None:
    broken = entity(container, "Seg", "1.csv", url=FOREIGN)
    write_model(container, "old/", broken, modifiedTime="2026-11-20T03:00:00Z")
    write_model(container, "new/", entity(container, "Seg", "new/1.csv"), modifiedTime="2026-11-21T03:00:00Z")
    assert incomplete(container).missing == ("new/1.csv",)


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "Invalid JSON"), (b'{"entities": 1}', "entities"), (b" " * (16 * 1024**2 + 1), "larger than 16 MiB")],
)
def test_a_model_that_cannot_be_read_is_refused_by_name(
    container: Container, land: Land, content: bytes, says: str
) -> None:
    land("drop/Seg/2026/11/21/0300/Seg_1.csv", "other/Fine.csv")
    land("drop/model.json", content=content, after="other/Fine.csv")
    with pytest.raises(UnreadableSegment, match=rf"^drop/model\.json.*{says}"):
        latest(container, "Seg")
    assert names(snapshot(container, "Fine")) == ["other/Fine.csv"]


def test_an_unreadable_model_is_named_where_nothing_else_has_the_segment(container: Container) -> None:
    container.write("drop/model.json", b"{")
    with pytest.raises(UnreadableSegment, match=r"drop/model\.json"):
        latest(container, "Seg")


def test_parts_wait_for_their_model(container: Container, land: Land) -> None:
    land("drop/Seg/2026/11/21/0300/Seg_1.csv")
    found = incomplete(container)
    assert "drop/Seg/2026/11/21/0300/" in found.reason
    assert found.missing == ()
    land("drop/Seg/2026/11/20/0300/Seg_1.csv", after="drop/Seg/2026/11/21/0300/Seg_1.csv")
    assert incomplete(container).marker == "drop/Seg/2026/11/20/0300/Seg_1.csv"
    assert [each.segment for each in known_segments(container)] == ["Seg"]


def test_new_parts_below_a_model_do_not_count_until_it_lists_them(container: Container, land: Land) -> None:
    old, new = "drop/Seg/2026/11/20/0300/Seg_1.csv", "drop/Seg/2026/11/21/0300/Seg_1.csv"
    land(old)
    write_model(container, "drop/", entity(container, "Seg", old))
    assert snapshot(container).newer_incomplete is None
    land(new, after="drop/model.json")
    found = snapshot(container)
    assert names(found) == [old]
    assert found.newer_incomplete
    assert found.newer_incomplete.marker == new
    write_model(container, "drop/", entity(container, "Seg", new))
    assert names(snapshot(container)) == [new]
    assert snapshot(container).newer_incomplete is None


def test_below_a_model_only_what_it_lists_counts(container: Container, land: Land) -> None:
    write_model(container, "drop/", entity(container, "Other", "drop/Other.csv"))
    land("drop/Seg.csv", "drop/Seg/part-0.csv", "drop/Seg/_SUCCESS", "drop/deeper/still/Seg.parquet")
    found = incomplete(container)
    assert found.marker == "drop/Seg/part-0.csv"


def test_a_folder_of_parts_is_complete_with_its_success_file(container: Container, land: Land) -> None:
    parts = [
        "x/Seg/2026-11-21/part-00000-1f.csv",
        "x/Seg/2026-11-21/part-00001-1f.csv.gz",
        "x/Seg/2026-11-21/part-00002-1f.json",
        "x/Seg/2026-11-21/part-00003-1f.snappy.parquet",
        "x/Seg/2026-11-21/region=EU/part-0.ndjson",
    ]
    land(*parts, "x/Seg/2026-11-21/.part-00000-1f.csv.crc", "x/Seg/2026-11-21/notes.txt", "x/Seg/2026-11-21/deep/p.csv")
    land("x/Seg/2026-11-21/part-00009.csv", "x/Seg/2026-11-21/region=EU", content=b"")
    assert "no _SUCCESS yet" in incomplete(container).reason
    land("x/Seg/2026-11-21/_SUCCESS", content=b"")
    found = snapshot(container)
    assert names(found) == parts
    assert [file.format for file in found.files] == [
        CsvFormat(header=True),
        CsvFormat(header=True, gzip=True),
        NdjsonFormat(),
        ParquetFormat(),
        NdjsonFormat(),
    ]
    assert found.columns is None
    assert found.marker == "x/Seg/2026-11-21/_SUCCESS"
    assert found.produced_at == container.properties(found.marker).last_modified


def test_the_folder_whose_success_file_came_last_wins(container: Container, land: Land) -> None:
    land("Seg/2026/11/22/_SUCCESS", "Seg/2026/11/22/part-0.csv")
    land("Seg/2026/11/21/part-0.csv", "Seg/2026/11/21/_SUCCESS", after="Seg/2026/11/22/_SUCCESS")
    assert names(snapshot(container)) == ["Seg/2026/11/21/part-0.csv"]


def test_a_folder_with_nothing_but_its_success_file_is_an_empty_snapshot(container: Container, land: Land) -> None:
    land("Seg/_SUCCESS", content=b"")
    assert snapshot(container).files == ()


def test_a_folder_of_unknown_files_is_refused(container: Container, land: Land) -> None:
    land("Seg/part-0.orc", "Seg/_SUCCESS")
    with pytest.raises(UnreadableSegment) as refused:
        latest(container, "Seg")
    assert refused.value.code == "unknown_format"


def test_a_single_file_is_a_snapshot(container: Container, land: Land) -> None:
    land("crm/Seg.CSV.gz", "crm/Seg2.csv", "crm/seg.csv", "crm/MySeg.csv", "crm/Seg.txt", "crm/_Seg.csv")
    found = snapshot(container)
    assert names(found) == ["crm/Seg.CSV.gz"]
    assert found.files[0].format == CsvFormat(header=True, gzip=True)
    assert found.marker == "crm/Seg.CSV.gz"
    assert found.produced_at == found.landed_at == container.properties("crm/Seg.CSV.gz").last_modified


def test_the_file_that_came_last_wins_whatever_its_stamp_says(container: Container, land: Land) -> None:
    land("Seg_20261122.csv")
    land("Seg_20261121.csv", after="Seg_20261122.csv")
    assert names(snapshot(container)) == ["Seg_20261121.csv"]
    assert names(snapshot(container, "Seg_20261122")) == ["Seg_20261122.csv"]
    assert [each.segment for each in known_segments(container)] == ["Seg"]


def test_a_file_in_a_folder_of_parts_belongs_to_that_folder(container: Container, land: Land) -> None:
    land("Parts/Seg.csv", "Parts/x=1/Seg.csv", "Parts/_SUCCESS")
    assert latest(container, "Seg") is None
    assert names(snapshot(container, "Parts")) == ["Parts/Seg.csv", "Parts/x=1/Seg.csv"]
    assert [each.segment for each in known_segments(container)] == ["Parts"]


def test_an_empty_file_is_still_being_written_and_hides_nothing(container: Container, land: Land) -> None:
    land("Seg_20261122.csv", content=b"")
    assert incomplete(container).missing == ("Seg_20261122.csv",)
    land("Seg_20261121.csv")
    assert names(snapshot(container)) == ["Seg_20261121.csv"]


def test_the_mark_of_a_folder_that_is_named_like_a_file_is_no_file(container: Container, land: Land) -> None:
    land("Seg.csv", content=b"")
    land("Seg.csv/part-0.csv")
    assert incomplete(container).marker == "Seg.csv/part-0.csv"
    land("Seg.csv/_SUCCESS", content=b"")
    found = snapshot(container)
    assert names(found) == ["Seg.csv/part-0.csv"]
    assert found.newer_incomplete is None


def test_an_other_version_of_a_file_is_another_snapshot(container: Container, land: Land) -> None:
    land("Seg.csv")
    first = snapshot(container)
    assert snapshot(container).id == first.id
    land("Seg.csv", content=b"Id,EMail\n1,a@example.com\n")
    assert snapshot(container).id != first.id


def test_known_segments_are_all_that_landed_in_any_way(container: Container, land: Land) -> None:
    land("drop/a.csv", "Parts/part-0.csv", "Parts/_SUCCESS", "Single.parquet", "Waits/2026/11/21/0300/Waits_1.csv")
    land("readme.md", "$logs/x.csv", "_temporary/Hidden.csv", "part-0.csv", "2026/11/_SUCCESS", "_staging/0/_SUCCESS")
    write_model(container, "_staging/", entity(container, "Hidden", "drop/a.csv"))
    listed = [entity(container, "Listed", "drop/a.csv"), entity(container, "Half", "drop/b.csv")]
    write_model(container, "drop/", *listed)
    assert [(each.segment, type(each)) for each in known_segments(container)] == [
        ("Half", Incomplete),
        ("Listed", Snapshot),
        ("Parts", Snapshot),
        ("Single", Snapshot),
        ("Waits", Incomplete),
    ]
