"""docs/security.md names tests: each is there."""

import re

from release.package import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named: list[tuple[str, str]] = []
    file = ""
    for word in re.findall(r"`((?:tests/[\w/]+\.py)|test_\w+)`", PAGE):
        if word.startswith("tests/"):
            file = word
        else:
            named.append((file, word))
    assert len(named) > 40
    assert [each for each in named if f"def {each[1]}(" not in (ROOT / each[0]).read_text()] == []


def test_every_threat_has_one() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and line.count("|") == 4]
    threats = [row for row in rows if not row.startswith(("| threat", "|---"))]
    assert len(threats) > 25
    assert [row for row in threats if "`tests/" not in row] == []
