import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.destinations.documents import read_connection, read_destination
from shared.destinations.schemas import FOLDER, connection_schema, export_schema, files
from shared.errors import InvalidDocument
from tests.unit.destinations import build

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "config"
MAPPING = build.EXPORT["mapping"]


@pytest.mark.parametrize("name", sorted(files()))
def test_the_committed_files_are_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == files()[name], "run `make schemas`"


@pytest.mark.parametrize("schema", [connection_schema(), export_schema()], ids=["connection", "export"])
def test_they_are_schemas(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.json")), ids=lambda path: path.stem)
def test_each_example_names_its_schema_and_keeps_to_it(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    schema = json.loads((path.parent / document["$schema"]).read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize(
    ("document", "good"),
    [
        (build.EXPORT, True),
        (build.DESTINATION, True),
        (build.DESTINATION | {"consent": build.CONSENT, "contact_limit": 1}, True),
        (build.EXPORT | {"id": "newsletter", "timezone": None, "mapping": MAPPING | {"city": None}}, True),
        (build.EXPORT | {"api_key_secret": "x"}, False),
        (build.EXPORT | {"region": "eu"}, False),
        (build.EXPORT | {"colour": "red"}, False),
        (build.EXPORT | {"list_id": "abc"}, False),
        (build.EXPORT | {"segments": []}, False),
        (build.EXPORT | {"segments": ["a/b"]}, False),
        (build.EXPORT | {"display_name": "  "}, False),
        (build.EXPORT | {"display_name": "a\tb"}, False),
        (build.EXPORT | {"max_profiles": 0}, False),
        (build.EXPORT | {"only_where": {"C": [True]}}, False),
        (build.EXPORT | {"only_where": {"C": []}}, False),
        (build.EXPORT | {"only_where": {" ": ["a"]}}, False),
        (build.EXPORT | {"removal": "all"}, False),
        (build.EXPORT | {"mapping": MAPPING | {"phone": "P"}}, False),
        (build.EXPORT | {"mapping": MAPPING | {"custom_fields": {"a b": "C"}}}, False),
        ({key: value for key, value in build.EXPORT.items() if key != "connection"}, False),
        ({key: value for key, value in build.EXPORT.items() if key != "mapping"}, False),
    ],
)
def test_the_export_schema_and_the_app_are_of_one_mind(document: dict[str, Any], good: bool) -> None:
    assert Draft202012Validator(export_schema()).is_valid(document) is good
    assert _is_read(read_destination, "newsletter", document) is good


@pytest.mark.parametrize(
    ("document", "good"),
    [
        (build.CONNECTION, True),
        (build.CONNECTION | {"consent": build.CONSENT, "region": "eu", "contact_limit": None}, True),
        (build.CONNECTION | {"allowed_roles": ["admin", "contributor"]}, True),
        (build.CONNECTION | {"allowed_roles": ["viewer"]}, False),
        (build.CONNECTION | {"allowed_roles": []}, False),
        (build.CONNECTION | {"api_key_secret": "my_key"}, False),
        (build.CONNECTION | {"consent": {}}, False),
        (build.CONNECTION | {"contact_limit": 0}, False),
        (build.CONNECTION | {"list_id": build.LIST_ID}, False),
        ({"display_name": "Marketing"}, False),
    ],
)
def test_the_connection_schema_and_the_app_are_of_one_mind(document: dict[str, Any], good: bool) -> None:
    assert Draft202012Validator(connection_schema()).is_valid(document) is good
    assert _is_read(read_connection, "marketing", document) is good


def _is_read(read: Any, document_id: str, document: dict[str, Any]) -> bool:
    try:
        read(document_id, build.content(document))
    except InvalidDocument:
        return False
    return True
