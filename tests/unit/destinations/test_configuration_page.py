import json
import re
from pathlib import Path

import pytest

from shared.destinations.forms import RESERVED_FIELDS
from shared.destinations.models import Connection, Consent, Export, Mapping

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = sorted((DOCS / "examples" / "config").glob("*/*.json"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_page_shows_the_examples_as_they_are(path: Path) -> None:
    link = f"(examples/config/{path.parent.name}/{path.name})"
    shown = re.search(re.escape(link) + r"\n\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert shown, link
    example = json.loads(path.read_text(encoding="utf-8"))
    del example["$schema"]
    assert json.loads(shown[1]) == example


@pytest.mark.parametrize("name", sorted({*Connection.model_fields, *Export.model_fields} - {"id"}))
def test_every_key_has_a_line_in_a_table(name: str) -> None:
    assert f"\n| `{name}` |" in PAGE


def test_the_keys_inside_are_explained() -> None:
    for name in Consent.model_fields:
        assert f"\n| `consent.{name}` |" in PAGE
    for name in {*Mapping.model_fields, *RESERVED_FIELDS}:
        assert f"`{name}`" in PAGE


@pytest.mark.parametrize("model", [Connection, Export])
def test_the_defaults_in_the_tables_are_the_models(model: type[Connection | Export]) -> None:
    for name, field in model.model_fields.items():
        if name == "id" or (field.default is None and name == "consent"):
            continue
        plain = list(field.default) if isinstance(field.default, tuple) else field.default
        default = "required" if field.is_required() else f"`{plain if isinstance(plain, str) else json.dumps(plain)}`"
        assert f"\n| `{name}` | {default} |" in PAGE


def test_every_setting_that_the_code_reads_is_explained() -> None:
    source = (Path(__file__).parents[3] / "shared" / "settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"([A-Z][A-Z_]{5,}|AzureWebJobsStorage|SegmentStorage)"', source))
    assert len(names) >= 11
    assert [name for name in sorted(names) if f"\n| `{name}` |" not in PAGE] == []
