"""Checks answers against SendGrid's own OpenAPI files, in tests/data/sendgrid-openapi."""

import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import requests
import yaml

_FILES = Path(__file__).parents[2] / "data" / "sendgrid-openapi"
# Answers that the files do not list for every path; recorded, or documented for the whole of v3.
UNLISTED = {400, 401, 403, 404, 406, 411, 413, 414, 429, 500, 503}


@cache
def _specifications() -> tuple[dict[str, Any], ...]:
    loaded = tuple(yaml.safe_load(path.read_text()) for path in sorted(_FILES.glob("*.yaml")))
    for specification in loaded:
        _say_null(specification)
        _correct(specification["components"]["schemas"])
        for path in specification["paths"].values():
            _correct_path(path)
    return loaded


def _say_null(node: object) -> None:
    """Write OpenAPI 3.0's `nullable`, which these 3.1 files still use, as JSON Schema."""
    if isinstance(node, dict):
        if node.pop("nullable", False) and "type" in node:
            node["type"] = [node["type"], "null"]
        for value in node.values():
            _say_null(value)
    elif isinstance(node, list):
        for value in node:
            _say_null(value)


def _correct(schemas: dict[str, Any]) -> None:
    """Put what was recorded of the real service in the place of what the files say."""
    for name in ("ContactsError", "Error", "CustomFieldsError"):
        if name in schemas:  # every recorded error of the whole request has "field": null
            schemas[name]["properties"]["field"]["type"] = ["string", "null"]
    if "ContactDetails3" in schemas:  # recorded in 2021 and 2026: both are null when there are none
        for name in ("segment_ids", "alternate_emails"):
            schemas["ContactDetails3"]["properties"][name]["type"] = ["array", "null"]


def _correct_path(path: dict[str, Any]) -> None:
    for operation in path.values():
        if not isinstance(operation, dict):
            continue
        for status, response in operation.get("responses", {}).items():
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            job_id = schema.get("properties", {}).get("job_id", {})
            if job_id.get("type") == "object":  # recorded: a string, as for every other job
                job_id["type"] = "string"
            if status == "404" and schema.get("type") == "array":  # the other 404s of lists are objects
                schema["type"] = "object"
                schema.pop("items")


def _find(method: str, path: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    found = [
        ("{" in template, specification, operations[method.lower()])
        for specification in _specifications()
        for template, operations in specification["paths"].items()
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    found.sort(key=lambda match: match[0])
    return (found[0][1], found[0][2]) if found else None


def check(response: requests.Response) -> None:
    """Assert that this answer is one that SendGrid's files (with the corrections above) allow."""
    request = response.request
    path = urlsplit(str(request.url)).path
    operation = _find(str(request.method), str(path))
    assert operation is not None, f"{request.method} {path} is not in SendGrid's files"
    specification, description = operation
    answer = description["responses"].get(str(response.status_code))
    if answer is None:
        assert response.status_code in UNLISTED, f"{request.method} {path} never answers {response.status_code}"
        return
    if "$ref" in answer:
        answer = specification["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    if schema is None or response.status_code == 204:
        return
    assert response.headers["content-type"] == "application/json"
    root = {"components": specification["components"], **schema}
    jsonschema.Draft202012Validator(root, format_checker=jsonschema.FormatChecker()).validate(response.json())
