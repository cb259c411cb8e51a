"""docs/privacy.md says what the code does, where that is a number, a name or a host."""

import re
from pathlib import Path

from shared.api.consent import TEXT_VERSION
from shared.app import HOSTS
from shared.erasures.record import Erasure
from shared.runs.delivery import AUTO_ABOVE
from shared.runs.forgetting import KEPT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")


def default(setting: str) -> str:
    """What the deployment sets if nobody says otherwise."""
    found = re.search(rf"\$\{{{setting}=(\d+)\}}", (ROOT / "infra" / "main.parameters.json").read_text())
    assert found, setting
    return found[1]


def test_every_version_of_the_consents_text_is_explained() -> None:
    assert re.findall(r"^\| `([\d.-]+)` \|", PAGE, re.MULTILINE)[-1] == TEXT_VERSION


def test_hosts_that_data_goes_to_are_named() -> None:
    for host in HOSTS.values():
        assert f"`{host.removeprefix('https://')}`" in PAGE


def test_times_are_those_of_the_code_and_of_the_deployment() -> None:
    assert f"or {KEPT.days} days after its document is gone" in PAGE
    assert f"`auto` above {AUTO_ABOVE:,} contacts" in PAGE
    assert f"`RUN_RETENTION_DAYS` after it was written, {default('RUN_RETENTION_DAYS')} if not told otherwise" in PAGE
    assert f"`LOG_RETENTION_DAYS`, {default('LOG_RETENTION_DAYS')} |" in PAGE


def test_an_erasures_record_has_no_place_for_an_address() -> None:
    schema = str(Erasure.model_json_schema()).lower()
    assert "address" not in re.sub(r"'description': .*?(?=, '|\})", "", schema)
    assert "digest" not in schema
