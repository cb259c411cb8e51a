"""Segments through the API: what has landed, columns with masked values, and a preview of contacts."""

import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest

from local.stack import Stack
from shared.api.preview import CHUNKS
from shared.segments.beginning import BEGINNING
from tests.integration.api.conftest import Api, assert_problem, export_of

CUSTOMER_INSIGHTS = Path(__file__).parents[2] / "data" / "customer-insights-export"
PEOPLE = (
    b"CustomerId,EMail,FirstName,Country,Amount,Since\n"
    b"C1,Ada@Example.com,Ada,Greece,12.5,2024-02-29\n"
    b"C2,bob@example.com,Bob,Latvia,7,2024-03-01\n"
    b"C3,not an address,Eve,,8,2024-03-02\n"
    b"C4,bob@example.com,Bob again,Latvia,7,2024-03-01\n"
)

Document = dict[str, Any]


def listed(api: Api, name: str) -> Document:
    found: list[Document] = api.get("/segments")["segments"]
    return next(each for each in found if each["name"] == name)


def columns(api: Api, name: str) -> Document:
    return api.get(f"/segments/{quote(name, safe='')}/columns")


def preview(api: Api, name: str, mapping: Document, **more: Any) -> Document:
    answer = api("POST", f"/segments/{quote(name, safe='')}/preview", {"mapping": mapping, **more})
    assert answer.status == 200, answer.body
    return answer.json()


def parquet(folder: Path, select: str, options: str = "") -> bytes:
    path = folder / "rows.parquet"
    with duckdb.connect() as database:
        database.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet{options})")
    return path.read_bytes()


def test_a_segment_is_listed_with_rows_size_age_and_users(api: Api, stack: Stack, fresh: str) -> None:
    stack.land(f"{fresh}.csv", PEOPLE)
    stack.put_config(
        f"exports/uses-{fresh}.json", export_of(None, "0" * 8 + "-0000-0000-0000-" + "0" * 12, segments=[fresh])
    )
    found = listed(api, fresh)
    assert {
        "state": "complete",
        "reason": None,
        "rows": 4,
        "rows_are": "counted",
        "bytes": len(PEOPLE),
        "files": 1,
        "format": "CSV",
        "used_by": [f"uses-{fresh}"],
    }.items() <= found.items()
    assert found["landed_at"].startswith("20")
    assert found["produced_at"].startswith("20")


def test_an_incomplete_segment_says_what_is_missing(api: Api, stack: Stack, fresh: str) -> None:
    stack.land(f"{fresh}/part-00000.csv", PEOPLE)
    found = listed(api, fresh)
    assert (found["state"], found["rows"], found["produced_at"]) == ("incomplete", None, None)
    assert "_SUCCESS" in found["reason"]
    assert_problem(api("GET", f"/segments/{fresh}/columns"), 409, code="segment_incomplete")
    assert_problem(api("GET", "/segments/Nobody/columns"), 404, code="not_found")


def test_rows_of_a_large_file_are_estimated_from_its_beginning(api: Api, stack: Stack, fresh: str) -> None:
    rows = 60_000
    content = b"EMail,Note\n" + b"".join(b'p%06d@example.com,"two\nlines"\n' % number for number in range(rows))
    stack.land(f"{fresh}.csv", content)
    stack.land(f"packed-{fresh}.csv.gz", gzip.compress(content))
    found = listed(api, fresh)
    assert found["rows_are"] == "estimated"
    assert found["rows"] == pytest.approx(rows, rel=0.1)
    found = listed(api, f"packed-{fresh}")  # so small that all of it was looked at
    assert (found["rows"], found["rows_are"]) == (rows, "counted")


def test_rows_of_parquet_files_are_counted_by_their_footers(api: Api, stack: Stack, fresh: str, tmp_path: Path) -> None:
    for part in (1, 2):
        stack.land(f"{fresh}/part-{part}.parquet", parquet(tmp_path, "SELECT 'x' AS EMail FROM range(1234)"))
    stack.land(f"{fresh}/_SUCCESS", b"")
    found = listed(api, fresh)
    assert (found["rows"], found["rows_are"], found["files"], found["format"]) == (2468, "counted", 2, "Parquet")


def test_columns_come_with_types_and_masked_values_only(api: Api, stack: Stack, fresh: str) -> None:
    stack.land(f"{fresh}.csv", PEOPLE)
    answer = api("GET", f"/segments/{fresh}/columns")
    types = {column["name"]: column["type"] for column in answer.json()["columns"]}
    assert list(types) == ["CustomerId", "EMail", "FirstName", "Country", "Amount", "Since"]
    assert (types["Amount"], types["Since"], types["FirstName"]) == ("number", "date", "text")
    samples = {column["name"]: column["sample"] for column in answer.json()["columns"]}
    assert samples["FirstName"] == ["A••", "B••", "E••"]
    assert samples["EMail"][:2] == ["A•••@E•••.com", "b•••@e•••.com"]
    assert not [secret for secret in ("Ada", "bob@", "example", "Greece", "12.5") if secret in answer.body]


def test_columns_of_every_format_are_the_same(api: Api, stack: Stack, fresh: str, tmp_path: Path) -> None:
    text = "CustomerId,EMail,FirstName\nC1,ada@example.com,Ada\n"
    rows = [{"CustomerId": "C1", "EMail": "ada@example.com", "FirstName": "Ada"}]
    files = {
        "plain.csv": text.encode(),
        "bom.csv": text.encode("utf-8-sig"),
        "wide.csv": text.encode("utf-16"),
        "packed.csv.gz": gzip.compress(text.encode()),
        "lines.ndjson": json.dumps(rows[0]).encode(),
        "rows.parquet": parquet(tmp_path, "SELECT 'C1' AS CustomerId, 'ada@example.com' AS EMail, 'Ada' AS FirstName"),
    }
    for name, content in files.items():
        stack.land(f"{fresh}-{name}", content)
        found = columns(api, f"{fresh}-{name.split('.')[0]}")
        assert {column["name"]: column["sample"] for column in found["columns"]} == {
            "CustomerId": ["C•"],
            "EMail": ["a•••@e•••.com"],
            "FirstName": ["A••"],
        }, name
        assert found["suggestions"] == {"email": "EMail", "first_name": "FirstName"}


def test_an_export_of_customer_insights_is_understood(api: Api, stack: Stack) -> None:
    """Files without a header, whose columns only model.json names."""
    here = f"{stack.azurite.blob_url}/{stack.segments.name}".encode()
    producer = b"https://contosociexports.blob.core.windows.net/dynamics365customerinsights"
    for path in sorted(CUSTOMER_INSIGHTS.glob("*/**/*.*"), key=lambda path: path.name == "model.json"):
        stack.land(path.relative_to(CUSTOMER_INSIGHTS).as_posix(), path.read_bytes().replace(producer, here))
    found = listed(api, "HighValueCustomers")
    assert (found["state"], found["files"], found["rows"], found["rows_are"]) == ("complete", 2, 20, "counted")
    looked = columns(api, "HighValueCustomers")
    assert looked["suggestions"] == {
        "email": "EMail",
        "first_name": "FirstName",
        "last_name": "LastName",
        "country": "Country",
        "state_province_region": "State",
        "city": "City",
        "postal_code": "PostCode",
    }
    shown = preview(api, "HighValueCustomers", looked["suggestions"])
    assert len(shown["contacts"]) == 5
    assert shown["rows_looked_at"] == 10  # of the first file


def test_five_contacts_are_shown_masked_as_sendgrid_will_get_them(api: Api, stack: Stack, fresh: str) -> None:
    stack.land(f"{fresh}.csv", PEOPLE)
    mapping = {"email": "email", "first_name": "FirstName", "custom_fields": {"spent": "Amount"}}
    found = preview(api, fresh, mapping)
    assert found["rows_looked_at"] == 4
    assert found["problems"] == {"duplicate": 1, "invalid_email": 1}
    shown = sorted(found["contacts"], key=lambda contact: contact["email"])
    assert shown == [
        {"email": "a•••@e•••.com", "first_name": "A••", "custom_fields": {"spent": "1•••"}},
        {"email": "b•••@e•••.com", "first_name": "B••", "custom_fields": {"spent": "•"}},
    ]


def test_a_preview_knows_the_types_of_the_accounts_fields_and_filters(api: Api, stack: Stack, fresh: str) -> None:
    stack.put_connection(f"c-{fresh}")
    field = stack.sendgrid.define_field(f"spent_{fresh}", "Number")
    stack.land(f"{fresh}.csv", PEOPLE)
    mapping = {"email": "EMail", "custom_fields": {f"Spent_{fresh}": "Amount"}}
    found = preview(api, fresh, mapping, only_where={"Country": ["Greece"]}, connection=f"c-{fresh}")
    assert found["contacts"] == [{"email": "a•••@e•••.com", "custom_fields": {field: "1•••"}}]
    assert found["problems"] == {"filtered": 3}


def test_a_column_that_is_not_there_is_a_problem_that_names_it(
    api: Api, stack: Stack, fresh: str, tmp_path: Path
) -> None:
    stack.land(f"{fresh}.csv", PEOPLE)
    stack.land(f"p-{fresh}.parquet", parquet(tmp_path, "SELECT 'ada@example.com' AS EMail"))
    for name in (fresh, f"p-{fresh}"):
        answer = api("POST", f"/segments/{name}/preview", {"mapping": {"email": "Mail"}})
        assert_problem(answer, 409, code="missing_column")
        assert "'Mail'" in answer.json()["detail"]
    answer = api("POST", f"/segments/{fresh}/preview", {"mapping": {"first_name": "A"}})
    assert_problem(answer, 400, field="mapping.email")


def test_hostile_names_are_only_text(api: Api, stack: Stack, fresh: str) -> None:
    name, column = f"<img src=x onerror=alert(1)> {fresh}", '"); DROP TABLE rows; --<script>'
    stack.land(f"{name}.csv", f'EMail,"{column.replace(chr(34), chr(34) * 2)}"\nada@example.com,v\n'.encode())
    found = columns(api, name)
    assert [each["name"] for each in found["columns"]] == ["EMail", column]
    shown = preview(api, name, {"email": "EMail", "city": column})
    assert shown["contacts"] == [{"email": "a•••@e•••.com", "city": "•"}]


def test_of_a_large_segment_only_the_beginning_is_fetched(api: Api, stack: Stack, fresh: str, tmp_path: Path) -> None:
    """The rest of these files cannot be read as rows: it would be an error to look at it."""
    people = b"".join(b"p%06d@example.com,Ada\n" % number for number in range(60_000))
    assert len(people) > BEGINNING
    stack.land(f"{fresh}.csv", b"EMail,FirstName\n" + people + b"\xff" * (4 * BEGINNING))
    found = preview(api, fresh, {"email": "EMail", "first_name": "FirstName"})
    assert found["problems"] == {}
    assert 0 < found["rows_looked_at"] < 60_000
    assert len(found["contacts"]) == 5

    select = (
        "SELECT 'p' || i || '@example.com' AS EMail, repeat(md5(i::VARCHAR), 20) AS Note FROM range(200000) AS r(i)"
    )
    content = parquet(tmp_path, select, ", COMPRESSION uncompressed, ROW_GROUP_SIZE 20480")
    assert len(content) > 2 * CHUNKS
    hole = len(content) // 2
    stack.land(f"p-{fresh}.parquet", content[:hole] + b"\0" * (len(content) - hole - BEGINNING) + content[-BEGINNING:])
    found = preview(api, f"p-{fresh}", {"email": "EMail"})
    assert (len(found["contacts"]), found["problems"]) == (5, {})
    assert listed(api, f"p-{fresh}")["rows"] == 200_000


def test_a_file_that_is_not_what_its_name_says_is_a_problem(api: Api, stack: Stack, fresh: str) -> None:
    for name, content in ((f"{fresh}-a.parquet", PEOPLE), (f"{fresh}-b.csv.gz", PEOPLE), (f"{fresh}-c.ndjson", b"[1]")):
        stack.land(name, content)
        assert_problem(api("GET", f"/segments/{name.split('.')[0]}/columns"), 409, code="unreadable_file")
    assert api("GET", "/segments").status == 200


@pytest.mark.parametrize(
    "content",
    [
        b"PAR1" + b"\xff" * 40 + (20).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + bytes(40) + (20).to_bytes(4, "little") + b"PAR1",
        b"not Parquet",
    ],
)
def test_one_damaged_file_hides_no_other_segment(api: Api, stack: Stack, fresh: str, content: bytes) -> None:
    stack.land(f"{fresh}-bad.parquet", content)
    stack.land(f"{fresh}-good.csv", PEOPLE)
    assert listed(api, f"{fresh}-good")["rows"] == 4
    assert listed(api, f"{fresh}-bad")["rows"] is None
    assert_problem(api("GET", f"/segments/{fresh}-bad/columns"), 409, code="unreadable_file")
    stack.segments.delete(f"{fresh}-bad.parquet")
