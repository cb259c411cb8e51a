"""App settings that would give something away."""

import pytest

from shared.errors import RunFailed
from shared.settings import Settings

LEAST = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "SegmentStorage": "UseDevelopmentStorage=true",
    "KEY_VAULT_URL": "https://vault.example",
}


@pytest.mark.parametrize(
    "url", ["https://sendgrid.example", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1", ""]
)
def test_the_key_travels_encrypted_or_not_at_all(url: str) -> None:
    assert Settings.from_environment(LEAST | {"SENDGRID_BASE_URL": url}).sendgrid_base_url == (url or None)


@pytest.mark.parametrize(
    "url",
    [
        "http://sendgrid.example",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.4",
        "ftp://localhost",
        "localhost",
        "https://",
    ],
)
def test_the_key_is_not_sent_in_the_clear_to_another_machine(url: str) -> None:
    with pytest.raises(RunFailed) as raised:
        Settings.from_environment(LEAST | {"SENDGRID_BASE_URL": url})
    assert raised.value.code == "invalid_setting"
    assert "SENDGRID_BASE_URL" in raised.value.message
