import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.segments import names
from shared.segments.snapshot import CsvFormat, NdjsonFormat, ParquetFormat


@pytest.mark.parametrize(
    ("folder", "segment"),
    [
        ("HighValue/", "HighValue"),
        ("exports/HighValue/", "HighValue"),
        ("exports/HighValue/2026/11/21/0300/", "HighValue"),
        ("exports/HighValue/20261121T0300Z/", "HighValue"),
        ("exports/HighValue/2026-11-21/", "HighValue"),
        ("exports/HighValue/2026-11-21T03:00:00.000Z/", "HighValue"),
        ("exports/HighValue/2026-11/T03:00Z/", "HighValue"),
        ("exports/HighValue/2026-11-21_03-00-15/", "HighValue"),
        ("exports/HighValue/1795230000/", "HighValue"),
        ("exports/HighValue/date=2026-11-21/hour=3/", "HighValue"),
        ("exports/HighValue.parquet/", "HighValue"),
        ("exports/HighValue.csv/2026/", "HighValue"),
        ("exports/Ages 20-30/", "Ages 20-30"),
        ("exports/20-30/", "20-30"),
        ("exports/2024-2025/", "2024-2025"),
        ("exports/v2.1/", "v2.1"),
        ("2026/11/21/", None),
        ("", None),
    ],
)
def test_a_folder_of_parts_is_named_by_its_last_folder_that_is_no_date_or_time(
    folder: str, segment: str | None
) -> None:
    assert names.folder_segment(folder) == segment


@pytest.mark.parametrize(
    ("name", "segments"),
    [
        ("HighValue.csv", ("HighValue",)),
        ("crm/HighValue.CSV.GZ", ("HighValue",)),
        ("crm/High Value.parquet", ("High Value",)),
        ("crm/v2.1.ndjson", ("v2.1",)),
        ("HighValue_1613059542.csv", ("HighValue", "HighValue_1613059542")),
        ("HighValue_20261121.csv", ("HighValue", "HighValue_20261121")),
        ("HighValue_20261121T030000Z.jsonl.gz", ("HighValue", "HighValue_20261121T030000Z")),
        ("HighValue-2026-11-21.csv", ("HighValue", "HighValue-2026-11-21")),
        ("HighValue_2026-11-21_03-00.csv", ("HighValue", "HighValue_2026-11-21_03-00")),
        ("HighValue/HighValue_1613059542.csv", ("HighValue", "HighValue_1613059542")),
        ("exports/2026-11-21/HighValue.csv", ("HighValue",)),
        ("HighValue_20269921.csv", ("HighValue_20269921",)),
        ("HighValue_1.csv", ("HighValue_1",)),
        ("HighValue/HighValue_1.csv", ()),
        ("exports/HighValue/2026/11/21/0300/HighValue_1.csv", ()),
        ("exports/HighValue/2026/11/21/0300/anything.csv", ()),
        ("crm/part-00000-0f7c.csv", ()),
        ("crm/000000_0.csv", ()),
        ("crm/settings.json", ()),
        ("crm/HighValue.xlsx", ()),
        ("crm/.csv", ()),
        ("crm/_HighValue.csv", ()),
        ("_temporary/0/HighValue.csv", ()),
        ("$logs/2026/HighValue.csv", ()),
    ],
)
def test_a_single_file_answers_to_its_name_with_and_without_its_stamp(name: str, segments: tuple[str, ...]) -> None:
    assert names.file_segments(name) == segments


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("exports/HighValue/2026/11/21/0300/HighValue_1.csv", "HighValue"),
        ("HighValue/part-00000-0f7c.snappy.parquet", "HighValue"),
        ("HighValue/HighValue_1.csv", "HighValue"),
        ("HighValue/other.csv", None),
        ("HighValue/.part-0.csv.crc", None),
        ("part-0.csv", None),
    ],
)
def test_a_part_waits_for_the_marker_of_its_folder(name: str, segment: str | None) -> None:
    assert names.part_segment(name) == segment


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("Seg/part-0.csv", True),
        ("Seg/anything.parquet", True),
        ("Seg/part-0.json.gz", True),
        ("Seg/country=GR/city=Athens/part-0.csv", True),
        ("Seg/2026/part-0.csv", False),
        ("Seg/_SUCCESS", False),
        ("Seg/.part-0.csv.crc", False),
        ("Seg/readme.txt", False),
    ],
)
def test_parts_are_the_data_files_of_the_folder_and_of_its_key_value_folders(name: str, counts: bool) -> None:
    assert names.is_part("Seg/", name) == counts


def test_the_extension_says_how_a_file_is_read() -> None:
    assert names.format_of("a/b.csv") == CsvFormat(header=True)
    assert names.format_of("a/b.Csv.Gz") == CsvFormat(header=True, gzip=True)
    assert names.format_of("a/b.PARQUET") == ParquetFormat()
    assert names.format_of("a/b.jsonl") == NdjsonFormat()
    assert names.format_of("a/b.ndjson.gz") == NdjsonFormat(gzip=True)
    assert names.format_of("a/b.json") is None
    assert names.format_of("a/b.json", part=True) == NdjsonFormat()
    assert names.format_of("a.csv/b") is None
    assert names.format_of("a/gz") is None


def test_folders_above_go_from_the_nearest_to_the_root() -> None:
    assert list(names.folders_above("a/b/c.csv")) == ["a/b/", "a/", ""]
    assert list(names.folders_above("c.csv")) == [""]


def test_a_marker_counts_across_key_value_folders_only() -> None:
    assert list(names.partitioned_folders("s/x=1/y=2/p.csv")) == ["s/x=1/y=2/", "s/x=1/", "s/"]
    assert list(names.partitioned_folders("s/t/p.csv")) == ["s/t/"]


pieces = st.sampled_from(
    ["Seg", "2026", "11", "0300", "x=1", "_SUCCESS", "part-0", "Seg_1", ".csv", ".gz", "/", ".", "_"]
)


@given(st.lists(pieces | st.text(max_size=5)).map("".join))
@example(".csv")
@example(".csv.gz/")
def test_every_name_that_a_path_gives_is_a_text_of_that_path(name: str) -> None:
    given_names = {*names.file_segments(name), names.part_segment(name), names.folder_segment(name)} - {None}
    assert all(each and each in name for each in given_names)
    assert not (names.file_segments(name) and names.part_segment(name))
