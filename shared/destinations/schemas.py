"""JSON Schemas of the documents, for editors to complete and check them while they are written.

`python -m shared.destinations.schemas` writes `schemas/connection.schema.json` and `schemas/export.schema.json`. They
say what a schema can; what needs a parser (cron, time zones, names twice) is checked when the document is read.
"""

import json
from pathlib import Path
from typing import Any

from shared.destinations.documents import CONNECTION_ONLY, OWN_NAME, VERSION
from shared.destinations.models import Connection, Document, Export

FOLDER = Path(__file__).parents[2] / "schemas"

Schema = dict[str, Any]


def connection_schema() -> Schema:
    """What `connections/<id>.json` may hold."""
    return _schema(Connection, "A SendGrid account that exports can use")


def export_schema() -> Schema:
    """What `exports/<id>.json` may hold: an export, or an export and its connection in one."""
    schema, connection = _schema(Export, "Segments that are kept on a SendGrid list"), _schema(Connection, "")
    own = {key: value for key, value in connection["properties"].items() if key in CONNECTION_ONLY}
    own[OWN_NAME] = connection["properties"]["display_name"] | {"description": "the connection's own name, if any"}
    schema["properties"] |= own
    schema["$defs"] |= connection["$defs"]
    schema["required"].remove("connection")
    schema["oneOf"] = [
        {"required": ["connection"], "properties": dict.fromkeys(own, False)},
        {"required": ["api_key_secret"], "properties": {"connection": False}},
    ]
    return schema


def files() -> dict[str, str]:
    """The text of each file, by name."""
    schemas = {"connection.schema.json": connection_schema(), "export.schema.json": export_schema()}
    return {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}


def _schema(model: type[Document], title: str) -> Schema:
    schema: Schema = _tidied(model.model_json_schema())
    own = {
        "$schema": {"description": "where this schema is", "type": "string"},
        "version": {"description": f"the version of the format, {VERSION}, or leave the key out", "const": VERSION},
    }
    schema["properties"] = own | schema["properties"]
    schema["required"].remove("id")  # it is the document's name
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | schema


def _tidied(schema: Any) -> Any:
    """Without pydantic's titles, which repeat the names, and strict about the names that people choose."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidied(part) for key, part in schema.items() if key != "title"}
    return tidied | {"additionalProperties": False} if "patternProperties" in tidied else tidied


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
