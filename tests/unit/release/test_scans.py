"""The lock, the licences, the SBOM, and what the scans make of what they are told."""

import json
import re
from importlib import metadata

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.inventory import TABLE, Package, packages, sbom, table
from release.package import LOCK, REQUIREMENTS, ROOT
from release.scan import NotDone, advisories, unknown

DEPLOYED = {
    "python_version": "3.13",
    "python_full_version": "3.13.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
}


@pytest.fixture(scope="module")
def locked() -> dict[str, Package]:
    return {each.name: each for each in packages()}


def test_every_package_that_is_asked_for_is_pinned_within_its_range(locked: dict[str, Package]) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / REQUIREMENTS).read_text().splitlines()]
    for asked in map(Requirement, filter(None, lines)):
        if asked.marker is None or asked.marker.evaluate(DEPLOYED):
            assert asked.specifier.contains(locked[canonicalize_name(asked.name)].version), asked


def test_whatever_they_need_is_pinned_too(locked: dict[str, Package]) -> None:
    for name in locked:
        for asked in map(Requirement, metadata.requires(name) or []):
            if asked.marker is None or asked.marker.evaluate({**DEPLOYED, "extra": ""}):
                assert canonicalize_name(asked.name) in locked, f"{name} needs {asked}"


def test_every_line_of_the_lock_is_a_pin_or_a_hash(locked: dict[str, Package]) -> None:
    text = (ROOT / LOCK).read_text()
    pins = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert len(pins) == len(locked) >= 25
    assert all(re.fullmatch(r"[a-z0-9._-]+==\S+ \\", pin) for pin in pins)
    assert all(each.hashes for each in locked.values())
    assert "://" not in text


def test_every_package_has_a_licence_that_is_allowed(locked: dict[str, Package]) -> None:
    assert {each.name: each.licence for each in locked.values() if not each.is_allowed} == {}


@pytest.mark.parametrize("licence", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-or-later", "LicenseRef-Proprietary"])
def test_other_licences_are_not(licence: str) -> None:
    assert not Package("x", "1", (), licence).is_allowed


def test_the_page_of_licences_is_up_to_date() -> None:
    assert TABLE.read_text() == table(packages()), "make licences"


def test_the_sbom_is_cyclonedx_and_the_same_each_time(locked: dict[str, Package]) -> None:
    made = json.dumps(sbom(packages()))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(made) is None
    assert made == json.dumps(sbom(packages()))
    assert {each["name"] for each in json.loads(made)["components"]} == locked.keys()


def test_an_advisory_is_a_finding_and_a_package_nobody_was_asked_about_is_not_done() -> None:
    sound, bad = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}]}
    skipped = {"name": "c", "skip_reason": "not found"}
    assert advisories({"dependencies": [sound]}) == []
    assert advisories({"dependencies": [sound, bad, skipped]}) == ["b 2: PYSEC-1"]
    with pytest.raises(NotDone, match="1 of 2"):
        advisories({"dependencies": [sound, skipped]})


def test_a_secret_is_known_by_its_value_in_its_file_not_by_its_line() -> None:
    one = {"filename": "a.py", "type": "T", "hashed_secret": "x", "line_number": 1}
    moved, other, elsewhere = one | {"line_number": 9}, one | {"hashed_secret": "y"}, one | {"filename": "b.py"}
    assert unknown({"a.py": [moved]}, {"a.py": [one]}) == []
    assert unknown({"a.py": [one, other], "b.py": [elsewhere]}, {"a.py": [one]}) == ["a.py:1 T", "b.py:1 T"]
