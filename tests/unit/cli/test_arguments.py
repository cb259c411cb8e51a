"""What can be typed, and that no key is repeated."""

import re
from pathlib import Path

import pytest

from shared.cli.arguments import EXIT_CODES, parse

APP = "https://exports.azurewebsites.net"


def test_address_and_key_come_from_the_environment() -> None:
    options = parse(["status"], {"EXPORTS_URL": f"{APP}/api/", "EXPORTS_KEY": "key"})
    assert (options.url, options.key) == (APP, "key")


def test_without_an_address_it_is_storage() -> None:
    assert parse(["status"], {"EXPORTS_KEY": "of-another-app"}).url is None


def test_what_is_typed_goes_before_the_environment() -> None:
    options = parse(
        ["status", "--url", APP, "--key", "typed"], {"EXPORTS_URL": "https://x.example", "EXPORTS_KEY": "k"}
    )
    assert (options.url, options.key) == (APP, "typed")


def test_a_token_comes_from_the_environment_too() -> None:
    options = parse(["status", "--token"], {"EXPORTS_URL": APP, "EXPORTS_TOKEN": "token", "EXPORTS_KEY": "key"})
    assert (options.bearer, options.key) == ("token", None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "--url", "http://exports.example"],
        ["status", "--url", f"{APP}/api/exports?code=s3cret-key"],
        ["status", "--url", "https://somebody:s3cret-key@exports.example"],
        ["status", "--url", APP],
        ["status", "--url", APP, "--token"],
        ["status", "--key", "s3cret-key"],
        ["status", "--limit", "101"],
        ["apply", "folder", "--json"],
        ["run", "newsletter", "--timeout", "5"],
        ["run", "newsletter", "--mode", "some"],
    ],
)
def test_what_makes_no_sense_ends_with_2_and_repeats_no_key(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments, {})
    assert ended.value.code == 2
    assert "s3cret-key" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["validate"], ["apply"], ["run"], ["status"], ["report"]])
def test_help_says_what_every_exit_code_means(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([*command, "--help"], {})
    told = capsys.readouterr().out
    assert all(f"{code:>3}  {meaning}" in told for code, meaning in EXIT_CODES.items())


def test_the_documentation_says_the_same_of_exit_codes() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)
    assert {int(code): meaning.replace("`", "") for code, meaning in documented} == EXIT_CODES
