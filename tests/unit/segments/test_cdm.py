import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import UnreadableSegment
from shared.segments.cdm import Model
from shared.segments.snapshot import CsvFormat, FileFormat, NdjsonFormat, ParquetFormat

CONTAINER = "https://contoso.blob.core.windows.net/segments"
EXPORT = next((Path(__file__).parents[2] / "data" / "customer-insights-export").glob("*/SendGridBlobDrop"))


def model(*entities: Any, **root: Any) -> Model:
    content = {"name": "Drop", "version": "1.0", "entities": list(entities)} | root
    return Model("Drop/model.json", json.dumps(content).encode())


def entity(*partitions: Any, attributes: Any = ("Id", "EMail"), **more: Any) -> dict[str, Any]:
    columns = [{"name": name, "dataType": "string"} for name in attributes]
    return {"$type": "LocalEntity", "name": "Seg", "attributes": columns, "partitions": list(partitions)} | more


def partition(file: str | None = "Seg_1.csv", settings: Any = None, **more: Any) -> dict[str, Any]:
    location = file and f"{CONTAINER}/Drop/Seg/{file}"
    return {"name": "Seg_1", "location": location, "fileFormatSettings": settings} | more


def format_with(file: str = "Seg_1.csv", **settings: Any) -> FileFormat:
    found = model(entity(partition(file, {"$type": "CsvFormatSettings"} | settings))).entity("Seg", CONTAINER)
    assert found
    return found.partitions[0].format


def test_the_customer_insights_export_is_read_as_its_producer_meant_it() -> None:
    drop = Model("x/model.json", (EXPORT / "model.json").read_bytes())
    assert drop.segments() == ("HighValueCustomers",)
    assert drop.modified_at == datetime(2022, 4, 27, 3, 4, 11, tzinfo=UTC)  # written with seven decimals
    found = drop.entity(
        "HighValueCustomers", "https://contosociexports.blob.core.windows.net/dynamics365customerinsights"
    )
    assert found
    assert found.columns
    assert len(found.columns) == 18
    assert found.columns[:5] == ("CustomerId", "FirstName", "LastName", "FullName", "EMail")
    assert [Path(each.blob).name for each in found.partitions] == [
        "HighValueCustomers_1.csv",
        "HighValueCustomers_2.csv",
    ]
    assert {each.format for each in found.partitions} == {CsvFormat(header=False)}
    assert found.refreshed_at == datetime(2022, 4, 27, 3, 3, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, CsvFormat(header=False)),
        ({"columnHeaders": True}, CsvFormat(header=True)),
        ({"columnHeaders": "true"}, CsvFormat(header=True)),
        ({"columnHeaders": "False"}, CsvFormat(header=False)),
        ({"columnHeaders": None, "delimiter": None, "encoding": None, "quoteStyle": None}, CsvFormat(header=False)),
        ({"delimiter": "\t"}, CsvFormat(header=False, delimiter="\t")),
        ({"delimiter": ";", "quoteStyle": "QuoteStyle.None"}, CsvFormat(header=False, delimiter=";", quote=False)),
        ({"encoding": "utf8"}, CsvFormat(header=False)),
        ({"encoding": "UTF-16"}, CsvFormat(header=False, encoding="utf-16")),
        ({"encoding": "ISO-8859-1"}, CsvFormat(header=False, encoding="latin-1")),
        ({"csvStyle": "CsvStyle.QuoteAfterDelimiter", "pbi:other": {"x": 1}}, CsvFormat(header=False)),
    ],
)
def test_file_format_settings_say_how_a_partition_is_read(settings: dict[str, Any], expected: CsvFormat) -> None:
    assert format_with(**settings) == expected


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"encoding": "windows-1253"}, "windows-1253"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": "||"}, "delimiter"),
        ({"delimiter": '"'}, "delimiter"),
        ({"quoteStyle": "QuoteStyle.Odd"}, "quoteStyle"),
        ({"$type": "OrcFormatSettings"}, "OrcFormatSettings"),
    ],
)
def test_what_cannot_be_read_is_refused_with_file_entity_and_reason(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UnreadableSegment) as refused:
        format_with(**settings)
    assert refused.value.code == "unknown_format"
    assert refused.value.message.startswith("Drop/model.json: entity Seg, partition Seg_1: ")
    assert says in refused.value.message
    assert refused.value.advice


def test_a_partitions_name_says_what_its_settings_do_not() -> None:
    files = ["a.csv", "b.csv.gz", "c.parquet", "d.ndjson", "e.txt"]
    found = model(entity(*map(partition, files))).entity("Seg", CONTAINER)
    assert found
    assert [each.format for each in found.partitions] == [
        CsvFormat(header=False),
        CsvFormat(header=False, gzip=True),
        ParquetFormat(),
        NdjsonFormat(),
        CsvFormat(header=False),
    ]
    assert format_with("a.csv.gz", columnHeaders=True) == CsvFormat(header=True, gzip=True)
    assert format_with("a.parquet", **{"$type": "ParquetFormatSettings"}) == ParquetFormat()


def test_a_partition_without_location_is_schema_only() -> None:
    drop = model(entity(partition(None), partition("Seg_2.csv")), entity(partition(None), name="Schema"))
    assert drop.segments() == ("Seg",)
    found, schema = drop.entity("Seg", CONTAINER), drop.entity("Schema", CONTAINER)
    assert found
    assert schema
    assert [each.blob for each in found.partitions] == ["Drop/Seg/Seg_2.csv"]
    assert schema.partitions == ()


def test_a_partition_that_is_listed_twice_is_read_once() -> None:
    found = model(entity(partition(), partition(name="again"))).entity("Seg", CONTAINER)
    assert found
    assert len(found.partitions) == 1


def test_reference_entities_do_not_count() -> None:
    drop = model({"$type": "ReferenceEntity", "name": "Seg", "source": "x", "modelId": "y"})
    assert drop.segments() == ()
    assert drop.entity("Seg", CONTAINER) is None


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert Model("model.json", b'\xef\xbb\xbf{"entities": []}').segments() == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T03:00:00Z", datetime(2026, 11, 21, 3, tzinfo=UTC)),
        ("2026-11-21T05:00:00.1234567+02:00", datetime(2026, 11, 21, 3, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-21T03:00:00", datetime(2026, 11, 21, 3, tzinfo=UTC)),
        ("21.11.2026", None),
        ("0001-01-01T00:00:00+10:00", None),
        (1795230000, None),
        (None, None),
    ],
)
def test_the_time_of_production_is_taken_as_utc_and_left_out_if_it_is_none(
    text: object, expected: datetime | None
) -> None:
    assert model(modifiedTime=text).modified_at == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Invalid JSON"),
        (b"<html>", "Invalid JSON"),
        (b"[]", "object"),
        (b"{}", "entities"),
        (b'{"entities": {}}', "entities"),
        (b'{"entities": [1]}', "entities.0"),
        (b'{"entities": [' * 100_000, "Invalid JSON"),
        (b'{"entities": "\xff"}', "Invalid JSON"),
    ],
)
def test_what_is_no_model_is_refused_by_name(content: bytes, says: str) -> None:
    with pytest.raises(UnreadableSegment) as refused:
        Model("Drop/model.json", content)
    assert refused.value.code == "invalid_model"
    assert refused.value.message.startswith("Drop/model.json")
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (entity(attributes=()) | {"attributes": [{"dataType": "string"}]}, "attributes.0.name: Field required"),
        (entity(partition(), attributes=()), "neither attributes nor files with a header"),
        (entity() | {"partitions": {}}, "partitions"),
        (entity(partition(settings="csv")), "partitions.0.fileFormatSettings"),
        (entity({"name": "p", "location": 7}), "partitions.0.location"),
        (entity({"name": "p", "location": "https://elsewhere.example/segments/a.csv"}), "elsewhere.example"),
    ],
)
def test_a_broken_entity_is_refused_and_does_not_spoil_the_others(broken: dict[str, Any], says: str) -> None:
    drop = model(broken, entity(partition(), name="Fine"))
    with pytest.raises(UnreadableSegment) as refused:
        drop.entity("Seg", CONTAINER)
    assert refused.value.message.startswith("Drop/model.json: entity Seg")
    assert says in refused.value.message
    assert drop.entity("Fine", CONTAINER)
    assert "Fine" in drop.segments()


def test_an_entity_that_is_there_twice_is_refused() -> None:
    with pytest.raises(UnreadableSegment, match="there 2 times"):
        model(entity(), entity()).entity("Seg", CONTAINER)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("Seg")
nonsense = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
settings = st.fixed_dictionaries(
    {},
    optional={
        "$type": st.just("CsvFormatSettings") | nonsense,
        "columnHeaders": st.booleans() | nonsense,
        "delimiter": st.just(";") | nonsense,
        "encoding": st.just("UTF-8") | nonsense,
        "quoteStyle": nonsense,
    },
)
partitions = st.fixed_dictionaries(
    {"name": st.just("p") | nonsense, "location": st.just(f"{CONTAINER}/a.csv") | nonsense},
    optional={"fileFormatSettings": settings | nonsense, "refreshTime": nonsense},
)
entities = st.fixed_dictionaries(
    {"name": st.just("Seg") | nonsense},
    optional={
        "$type": st.just("LocalEntity") | nonsense,
        "attributes": st.lists(st.fixed_dictionaries({"name": st.just("Id") | nonsense}), max_size=3) | nonsense,
        "partitions": st.lists(partitions | nonsense, max_size=3) | nonsense,
    },
)
roots = st.fixed_dictionaries(
    {"entities": st.lists(entities | nonsense, max_size=3) | nonsense, "modifiedTime": nonsense}
)


@given(roots | nonsense)
def test_json_of_any_shape_gives_an_entity_or_an_error_of_ours(root: Any) -> None:
    try:
        drop = Model("model.json", json.dumps(root).encode())
        for segment in {*drop.segments(), "Seg"}:
            found = drop.entity(segment, CONTAINER)
            assert found is None or found.name == segment
    except UnreadableSegment as error:
        assert error.message.startswith("model.json")  # noqa: PT017 - most shapes do not raise


@given(st.binary(max_size=200))
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(UnreadableSegment):
        Model("model.json", content)
