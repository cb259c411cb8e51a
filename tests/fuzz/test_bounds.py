"""Files that are meant to hurt: what they cost is measured in a process of its own, by peak memory and writes.

`plan_of` gives DuckDB 96 MiB, what an instance of 512 MB gets. The interpreter and DuckDB take 70 MiB before any file.
"""

import gzip
import json
import struct
import tempfile
from pathlib import Path

import duckdb
import pytest

from shared.errors import UnreadableSegment
from shared.segments import cdm
from tests.fuzz.measure import measured
from tests.fuzz.oracles import CONTAINER

MIB = 1024 * 1024
PEAK = 300  # MiB; an instance of 512 MB has about that beside the worker
HEADER = b"EMail,CustomerId,FirstName,Points,Since,Note\n"
GOOD = b"a@b.co,1,A,,,\n"


@pytest.mark.parametrize("kind", ["csv.gz", "ndjson.gz"])
def test_a_gzip_bomb_ends_before_it_fills_the_disk(kind: str) -> None:
    """512 MiB in one: the rest of it is never unpacked."""
    content = gzip.compress(GOOD * (16 * MIB // len(GOOD)), mtime=0) * 32
    found = measured(content, kind)
    assert found.code == "too_large_unpacked"
    assert found.written < 64 + 200 * len(content) // MIB + 20
    assert found.peak < PEAK


def test_a_segment_that_shrinks_well_is_no_bomb() -> None:
    found = measured(gzip.compress(HEADER + (GOOD.strip() + b"x" * 200 + b"\n") * 400_000), "csv.gz")
    assert (found.code, found.counts["contacts"]) == (None, 1)


@pytest.mark.parametrize(
    "line",
    [b"x\n", b"a,b,c,d,e,f,g,h\n", b'"x"y,1,,,,\n', b"\xff,1,,,,\n", b'"",1,"x"y,,,\n'],
    ids=["few cells", "many cells", "after quote", "encoding", "later quote"],
)
def test_a_million_malformed_rows_are_refused_in_little_memory(line: bytes) -> None:
    found = measured(HEADER + line * min(1_000_000, 60 * MIB // len(line)), "csv")
    assert found.code == "too_many_malformed"
    assert found.peak < PEAK


@pytest.mark.parametrize(("kind", "code"), [("csv", None), ("csv.gz", "too_many_malformed")])
def test_60_mib_of_long_malformed_rows_take_little_memory(kind: str, code: str | None) -> None:
    """A file that is not read in pieces is refused, for DuckDB would hold all of them at once."""
    content = HEADER + b"".join(b"%d" % i + b"x" * 20_000 + b"\n" for i in range(3000))
    found = measured(gzip.compress(content, 1, mtime=0) if kind == "csv.gz" else content, kind)
    assert (found.code, found.counts.get("malformed", 3000)) == (code, 3000)
    assert found.peak < PEAK


def test_some_malformed_rows_in_many_are_no_reason_to_refuse() -> None:
    found = measured(HEADER + (GOOD * 9 + b"x\n") * 20_000, "csv")
    assert (found.code, found.counts["malformed"], found.counts["rows"]) == (None, 20_000, 200_000)
    assert found.peak < PEAK


def test_quoted_cells_with_delimiters_and_line_breaks_are_not_taken_for_malformed() -> None:
    found = measured(HEADER + b'a@b.co,1,"Doe, ""J""\n, x",,,\n' * 150_000, "csv")
    assert (found.code, found.counts["duplicate"]) == (None, 149_999)


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_cell_of_10_mib_is_a_malformed_row(quote: bytes) -> None:
    found = measured(HEADER + GOOD + b"b@b.co,2,B,,," + quote + b"x" * 10 * MIB + quote + b"\nc@b.co,3,C,,,\n", "csv")
    assert (found.counts["malformed"], found.counts["contacts"]) == (1, 2)
    assert found.peak < PEAK


def test_json_objects_of_20_mib_are_malformed_rows() -> None:
    small = b'{"EMail": "a@b.co", "CustomerId": 1, "FirstName": "", "Points": "", "Since": "", "Note": ""}\n'
    large = small.replace(b'"Note": "', b'"Note": "' + b"x" * 20 * MIB)
    found = measured(large + small + large + small.replace(b"a@", b"b@") + large[:-3], "ndjson")
    assert (found.counts["malformed"], found.counts["contacts"]) == (3, 2)
    assert found.peak < PEAK


def test_json_that_is_nested_a_hundred_thousand_deep_harms_nobody() -> None:
    small = b'{"EMail": "a@b.co", "CustomerId": 1, "FirstName": "", "Points": "", "Since": "", "Note": ""}\n'
    found = measured(small + small.replace(b'Note": ""', b'Note": ' + b"[" * 100_000 + b"]" * 100_000), "ndjson")
    assert found.code in {None, "unreadable_file"}
    assert found.peak < PEAK


def test_2000_columns_are_read() -> None:
    wide = HEADER.strip() + b"," + b",".join(b"c%d" % i for i in range(1994)) + b"\n"
    row = GOOD.strip() + b",x" * 1994 + b"\n"
    found = measured(wide + row * 2000, "csv")
    assert (found.code, found.counts["rows"], found.counts["contacts"]) == (None, 2000, 1)
    assert found.peak < PEAK


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (", ".join(f"{i} AS x{i}" for i in range(3000)), 1),
        ("[" * 200 + "1" + "]" * 200 + " AS x", 1),
        ("repeat('x', 1000) AS x", 300_000),
        ("repeat('x', 20000000) AS x", 1),
    ],
    ids=["3,000 columns", "200 levels", "300 MB in little", "a cell of 20 MB"],
)
def test_hostile_parquet_beside_what_is_wanted_costs_little(columns: str, rows: int) -> None:
    """Columns that no export maps are never read, whatever they hold."""
    people = "'a@b.co' AS EMail, '1' AS CustomerId, '' AS FirstName, '' AS Points, '' AS Since, '' AS Note"
    found = measured(_parquet(f"SELECT {people}, {columns} FROM range({rows})"), "parquet")
    assert (found.code, found.counts["rows"], found.counts["contacts"]) == (None, rows, 1)
    assert found.peak < PEAK


def test_parquet_cells_of_150_mb_in_a_mapped_column_end_in_a_sentence() -> None:
    people = "'a@b.co' AS EMail, '1' AS CustomerId, '' AS FirstName, '' AS Points, '' AS Since"
    found = measured(_parquet(f"SELECT {people}, repeat('x', 150000000) AS Note FROM range(2)"), "parquet")
    assert found.code in {"out_of_memory", "unreadable_file"}
    assert found.peak < 2 * PEAK


PEOPLE = (
    "'a' || i || '@b.co' AS EMail, i::VARCHAR AS CustomerId, '' AS FirstName, '' AS Points, '' AS Since, '' AS Note "
    "FROM range(54321) AS numbers(i)"
)


@pytest.mark.parametrize("rows", [0, 54_320, 54_322, 10**9, 2**62, -1], ids=str)
def test_a_parquet_file_that_lies_about_its_rows_costs_little(rows: int) -> None:
    """What it holds beyond the number that all of its metadata agree on is not there for any reader."""
    data, footer = _parts(_parquet(f"SELECT {PEOPLE}"))
    found = measured(_file(data, footer.replace(_number(54_321), _number(rows))), "parquet")
    assert (found.code, found.counts.get("rows")) == ((None, rows) if 0 <= rows < 54_321 else ("unreadable_file", None))
    assert found.peak < PEAK


def test_a_parquet_file_that_lies_about_its_rows_in_one_place_is_read_to_its_end() -> None:
    data, footer = _parts(_parquet(f"SELECT {PEOPLE}"))
    found = measured(_file(data, footer.replace(_number(54_321), _number(2**62), 1)), "parquet")
    assert (found.code, found.counts["contacts"]) == (None, 54_321)
    assert found.peak < PEAK


# Version 1, one column of bytes, no rows.
SCHEMA = b"\x15\x02\x19\x2c\x48\x01r\x15\x02\x00\x15\x0c\x25\x02\x18\x01a\x00\x16\x00"
METADATA = {
    "column chunks": (SCHEMA + b"\x19\x1c\x19\xfcCOUNT", b"\x26\x00\x00", b"\x16\x00\x16\x00\x00\x00"),
    "row groups": (SCHEMA + b"\x19\xfcCOUNT", b"\x19\x0c\x16\x00\x16\x00\x00", b"\x00"),
    "columns": (b"\x15\x02\x19\xfcCOUNT", b"\x48\x00\x00", b"\x16\x00\x19\x0c\x00"),
}


@pytest.mark.parametrize("kind", ["parquet", "columns"])
@pytest.mark.parametrize("bomb", METADATA)
def test_metadata_that_ask_for_a_gigabyte_are_not_given_it(bomb: str, kind: str) -> None:
    """4 MiB of the smallest entries that there are: DuckDB would take a gigabyte for the chunks."""
    start, entry, end = METADATA[bomb]
    count = 4 * MIB // len(entry)
    found = measured(_file(b"PAR1", start.replace(b"COUNT", _varint(count)) + entry * count + end), kind)
    assert found.code == "unreadable_file"
    assert found.peak < PEAK


def test_many_columns_in_many_row_groups_are_no_bomb() -> None:
    people = "'a@b.co' AS EMail, '1' AS CustomerId, '' AS FirstName, '' AS Points, '' AS Since, '' AS Note"
    wide = ", ".join(f"i AS x{i}" for i in range(400))
    found = measured(_parquet(f"SELECT {people}, {wide} FROM range(40960) AS n(i)", ", ROW_GROUP_SIZE 2048"), "parquet")
    assert (found.code, found.counts["rows"]) == (None, 40_960)


def test_a_look_at_cells_of_400_mb_costs_little() -> None:
    """Some KB in the file, that unpack to more than an instance has; the other columns are shown all the same."""
    large = _parquet("SELECT 'a@b.co' AS EMail, repeat('x', 400000000) AS Note FROM range(2)")
    assert len(large) < MIB
    found = measured(large, "columns")
    assert (found.code, found.counts) == (None, {"EMail": 1, "Note": 0})
    assert found.peak < PEAK


@pytest.mark.parametrize("columns", [0, 7, 2**31 - 1, -1], ids=str)
def test_a_parquet_file_that_lies_about_its_columns_is_refused(columns: int) -> None:
    data, footer = _parts(_parquet(f"SELECT {PEOPLE}"))
    root = b"\x0dduckdb_schema\x15"  # its name, then how many children it has
    assert root + _number(6) in footer
    found = measured(_file(data, footer.replace(root + _number(6), root + _number(columns))), "parquet")
    assert found.code == "unreadable_file"
    assert found.peak < PEAK


@pytest.mark.parametrize("size", [0, 1, 2**31 - 1, 2**32 - 1], ids=str)
def test_a_parquet_file_that_lies_about_its_metadatas_size_is_refused(size: int) -> None:
    found = measured(_parquet(f"SELECT {PEOPLE}")[:-8] + struct.pack("<I", size) + b"PAR1", "parquet")
    assert found.code == "unreadable_file"
    assert found.peak < PEAK


@pytest.mark.parametrize("lie", [b"~~~~~~~", b"!!!!!!!"], ids=["high", "low"])
def test_nobody_is_overlooked_because_a_parquet_file_lies_about_its_least_and_greatest_value(lie: bytes) -> None:
    data, footer = _parts(_parquet(f"SELECT {PEOPLE}"))
    assert b"a0@b.co" in footer
    found = measured(_file(data, footer.replace(b"a0@b.co", lie)), "parquet")
    assert (found.code, found.counts["contacts"]) == (None, 54_321)


def _parts(parquet: bytes) -> tuple[bytes, bytes]:
    """The data and the metadata, whose length and a mark are a Parquet file's last eight bytes."""
    start = len(parquet) - 8 - int.from_bytes(parquet[-8:-4], "little")
    return parquet[:start], parquet[start:-8]


def _file(data: bytes, footer: bytes) -> bytes:
    return data + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _number(value: int) -> bytes:
    """As the metadata hold it: seven bits a byte, the lowest first, the sign in the lowest of all."""
    return _varint(value * 2 if value >= 0 else -value * 2 - 1)


def _varint(rest: int) -> bytes:
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def _parquet(select: str, options: str = "") -> bytes:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{folder}/x' (FORMAT parquet, COMPRESSION zstd{options})")
        return Path(folder, "x").read_bytes()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"[" * 1_000_000,
        b'{"entities":' * 100_000,
        b'{"entities":[' + b'{"name":"x","partitions":[{"location":"x"}]},' * 100_000 + b"{}]}",
        b'{"entities":[{"name":' + b"[" * 500 + b"]" * 500 + b"}]}",
        b'{"entities":[{"name":"x","entities":[{"$ref":"#/entities/0"}],"partitions":[{"location":{"$ref":"#"}}]}]}',
        b'{"entities":[{"name":"x","partitions":[{"name":"' + b"x" * 2_000_000 + b'","location":"x"}]}]}',
        b'{"entities":1' + b"0" * 1_000_000 + b"}",
        b'{"entities":[' + b'{"":0},' * 600_000 + b"{}]}",
        b'{"entities":[{"x":[' + b"0," * 1_100_000 + b"0]}]}",
    ],
    ids=[
        *("brackets", "nested objects", "one name again", "nested name", "cycles", "long name", "long number"),
        *("many objects", "many numbers"),
    ],
)
def test_nonsense_in_a_model_ends_in_a_short_sentence(nonsense: bytes) -> None:
    with pytest.raises(UnreadableSegment) as raised:
        cdm.Model("model.json", nonsense).entity("x", CONTAINER)
    assert raised.value.code == "invalid_model"
    assert len(raised.value.message) < 500


def test_10000_partitions_are_one_entity() -> None:
    partitions = [
        {"name": f"p{i}", "location": f"{CONTAINER}/HighValue/{i}.csv", "refreshTime": "2026-11-21T03:00:00Z"}
        for i in range(10_000)
    ]
    entity = {"name": "HighValue", "attributes": [{"name": "EMail"}], "partitions": partitions}
    model = cdm.Model("model.json", json.dumps({"entities": [entity]}).encode())
    found = model.entity("HighValue", CONTAINER)
    assert found
    assert len({partition.blob for partition in found.partitions}) == 10_000
