"""Finding the mapping's columns, and what a message says of a file that does not have them."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from shared.contacts.mapping import Mapping
from shared.contacts.problems import Problem
from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat
from tests.unit.contacts.build import HEADED, custom, mapping, parquet_bytes, plan, table

NDJSON = NdjsonFormat()
HOSTILE = [
    "'); DROP TABLE rows; --",
    'a"b',
    "a/b",
    "c~1d",
    "Straße 🎉",
    "malformed",
    "address",
    "odd",
    "c0",
    "rowid",
    " x ",
]


def refusal(content: bytes, how: FileFormat = HEADED, by: Mapping | None = None) -> UnreadableSegment:
    with pytest.raises(UnreadableSegment) as raised:
        plan(content, how=how, by=by)
    return raised.value


@pytest.mark.parametrize("how", [HEADED, NDJSON, ParquetFormat()], ids=["csv", "ndjson", "parquet"])
def test_names_that_look_like_sql_are_only_names(how: FileFormat) -> None:
    values = {"EMail": "a@b.co"} | {name: f"v{i}" for i, name in enumerate(HOSTILE)}
    if isinstance(how, CsvFormat):
        content = table(list(values), list(values.values()))
    elif isinstance(how, NdjsonFormat):
        content = json.dumps(values).encode()
    else:
        cells = ", ".join("'{}' AS \"{}\"".format(v, k.replace('"', '""')) for k, v in values.items())
        content = parquet_bytes(f"SELECT {cells}")
    by = replace(
        mapping(*(custom(f"e{i}_T", name) for i, name in enumerate(HOSTILE))),
        only_where=((HOSTILE[0], ("v0", "') OR 1=1 --")),),
    )
    sent = plan(content, how=how, by=by).contacts
    assert sent == {"a@b.co": {"custom_fields": {f"e{i}_T": f"v{i}" for i in range(len(HOSTILE))}}}


def test_names_may_differ_in_case_if_only_one_does() -> None:
    assert plan(b"EMAIL,x\na@b.co,1\n").counts.contacts == 1
    assert plan(b"email,EMail\nx@b.co,a@b.co\n").rows() == {1: "a@b.co"}


@pytest.mark.parametrize("header", [b"EMail,EMail", b"email,EMAIL"])
def test_a_name_that_is_there_twice_is_ambiguous(header: bytes) -> None:
    assert refusal(header + b"\na@b.co,c@d.co\n").code == "ambiguous_column"


def test_two_thousand_columns() -> None:
    names = [f"column {i}" for i in range(2000)]
    content = table(["EMail", *names], ["a@b.co", *map(str, range(2000))])
    by = mapping(*(custom(f"e{i}", f"column {i}") for i in range(0, 2000, 50)))
    assert plan(content, by=by).contacts["a@b.co"]["custom_fields"]["e1950"] == "1950"


@pytest.mark.parametrize(
    "first",
    [
        b"joe@example.org,Joe",
        b"Smith,Anna",
        "Müller,Straße 5".encode(),
        b"4711,+49 30 1234",
        b"Anna Smith;joe@example.org",
    ],
)
def test_what_may_be_a_person_is_not_in_the_message(first: bytes) -> None:
    said = refusal(first + b"\nx,y\n")
    assert said.code == "missing_column"
    assert not any(
        word in said.message + said.advice for word in ("joe", "Smith", "Anna", "ller", "Stra", "4711", "49")
    )


def test_columns_are_named_if_some_of_them_are_known_for_names() -> None:
    assert "'CustomerId', 'Mail'" in refusal(b"CustomerId,Mail\n1,a@b.co\n").message
    assert "'Mail'" in refusal(b'{"Mail":"a@b.co"}\n', NDJSON).message
    assert "joe@" not in refusal(b'{"joe@b.co":"a@b.co"}\n', NDJSON).message


def test_keys_of_ndjson_may_be_missing_rare_nested_and_of_any_type() -> None:
    lines: list[dict[str, Any]] = [{"EMail": f"a{i}@b.co"} for i in range(1500)]
    lines += [{"EMail": f"b{i}@b.co", "v": v} for i, v in enumerate([1, 1.5, True, None, {"a": [1]}, "", "x"])]
    content = "\n".join(map(json.dumps, lines)).encode()
    sent = plan(content, how=NDJSON, by=mapping(custom("v", "v"))).contacts
    assert len(sent) == 1507
    found = [sent[f"b{i}@b.co"].get("custom_fields", {}).get("v") for i in range(7)]
    assert found == ["1", "1.5", "true", None, '{"a":[1]}', None, "x"]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_lines_of_ndjson_that_are_no_objects_keep_their_place(bom: bytes, *, gzipped: bool) -> None:
    lines = [
        b'{"EMail":"a@b.co"}',
        b"[1]",
        b'"x"',
        b"null",
        b"{broken",
        b'{"EMail":"\xff"}',
        b'{"EMail":"c@b.co"}',
        b"{}",
    ]
    content = bom + b"\r\n".join(lines)
    found = plan(gzip.compress(content) if gzipped else content, how=NdjsonFormat(gzip=gzipped))
    assert found.rows() == {1: "a@b.co", 7: "c@b.co"}
    assert found.codes() == dict.fromkeys(range(2, 7), Problem.MALFORMED) | {8: Problem.NO_EMAIL}


@pytest.mark.parametrize("content", [b"{broken\n", b'[{"EMail":"a@b.co"},\n{"EMail":"b@b.co"}]', b"\n"])
def test_ndjson_without_an_object_is_refused(content: bytes) -> None:
    assert refusal(content, NDJSON).code == "unreadable_file"


def test_parquet_of_other_types() -> None:
    content = parquet_bytes(
        "SELECT 'a@b.co' AS EMail, 5 AS CustomerId, 1.50::DECIMAL(9, 2) AS d, true AS b, DATE '2021-03-04' AS day, "
        "TIMESTAMPTZ '2021-03-04 05:06:07.5+02' AS moment, [1, 2] AS l, NULL AS n, 'x'::BLOB AS raw"
    )
    by = mapping(*(custom(name, name) for name in ("d", "b", "day", "moment", "l", "n", "raw")))
    found = plan(content, how=ParquetFormat(), by=by)
    assert found.contacts["a@b.co"]["custom_fields"] == {
        "d": "1.50", "b": "true", "day": "2021-03-04", "moment": "2021-03-04 03:06:07.5+00", "l": "[1, 2]", "raw": "x",
    }  # fmt: skip
    assert found.upserts[0][4] == "5"


def test_parquet_without_rows() -> None:
    assert plan(parquet_bytes("SELECT 'x' AS EMail WHERE false"), how=ParquetFormat()).counts.rows == 0


@pytest.mark.parametrize("damage", ["cut", "foreign", "flipped"])
def test_damaged_parquet_is_refused(damage: str) -> None:
    content = bytearray(parquet_bytes("SELECT 'a' || i || '@b.co' AS EMail FROM range(50000) AS t(i)"))
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "foreign":
        content[:] = b"EMail\na@b.co\n"
    else:
        content[1000:5000] = b"\xff" * 4000
    assert refusal(bytes(content), ParquetFormat()).code == "unreadable_file"


@pytest.mark.parametrize("how", [HEADED, NDJSON, ParquetFormat()], ids=["csv", "ndjson", "parquet"])
def test_rows_of_large_files_keep_their_order_and_their_values(how: FileFormat) -> None:
    rows = 125_000  # more than DuckDB keeps in one row group
    if isinstance(how, CsvFormat):
        content = b"EMail,Name,CustomerId\n" + b"".join(b"a%d@b.co,n%d,%d\n" % (i, i, i) for i in range(rows))
    elif isinstance(how, NdjsonFormat):
        line = b'{"EMail":"a%d@b.co","Name":"n%d","CustomerId":%d}\n'
        content = b"".join(line % (i, i, i) for i in range(rows))
    else:
        content = parquet_bytes(
            f"SELECT 'a' || i || '@b.co' AS EMail, 'n' || i AS Name, i AS CustomerId FROM range({rows}) t(i)"
        )
    found = plan(content, how=how, by=mapping(custom("n", "Name")))
    assert all(row == int(customer) + 1 for _, _, _, row, customer in found.upserts)
    assert len(found.contacts) == rows
    assert all(sent["custom_fields"]["n"] == f"n{address[1:-5]}" for address, sent in found.contacts.items())


def test_objects_of_some_kilobytes_fit_beside_everything_else() -> None:
    fields = [f"n{number}" for number in range(10)]
    rows = (json.dumps({"EMail": f"p{i}@b.co"} | dict.fromkeys(fields, "x" * 300)) for i in range(5000))
    found = plan("\n".join(rows).encode(), how=NdjsonFormat(), by=mapping(*(custom(name, name) for name in fields)))
    assert found.counts.contacts == 5000
