import secrets
import string
from random import Random

import pytest

from shared.destinations.redaction import keys_in, looks_like_key, path_text, shown

URL_SAFE = string.ascii_letters + string.digits + "-_"


@pytest.mark.parametrize(
    "name",
    [
        "HighValueCustomers",
        "HighValueCustomersInEuropeWithConsentSince2026Q1",
        "customer_profile_contact_email_address_primary_0002",
        "Contact.Address.Line1.StateOrProvince.Name.Unified.2",
        "5a3b1c9e-7d42-4f0a-9e61-2b8c4d7f1a35",
        "0f8fad5bd9cb469fa16570867728950e",
        "sendgrid-0f8fad5bd9cb469fa16570867728950e",
        "sendgrid-api-key-5a3b1c9e-7d42-4f0a-9e61-2b8c4d7f1a35",
        "SG.Newsletter",
        "MSG.Inbound.Type",
        "Λίστα πελατών υψηλής αξίας στην Ευρώπη από το 2026",
        "a sentence that is long enough to be a token but for its 12 spaces",
    ],
)
def test_names_that_people_give_are_not_taken_for_keys(name: str) -> None:
    assert not looks_like_key(name)


def test_keys_of_the_shape_that_sendgrid_makes_are_known() -> None:
    for _ in range(200):
        key = f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"
        assert looks_like_key(key)
        assert looks_like_key(f"key: {key}")
        assert looks_like_key(key[:30])


@pytest.mark.parametrize(
    ("alphabet", "least"),
    [(URL_SAFE, 980), (string.ascii_letters + string.digits + "+/", 980), (string.hexdigits[:16], 970)],
)
def test_nearly_every_long_random_token_is_known(alphabet: str, least: int) -> None:
    random = Random(7)  # noqa: S311  the same tokens each time
    tokens = ["".join(random.choices(alphabet, k=64)) for _ in range(1000)]
    assert sum(map(looks_like_key, tokens)) >= least


def test_a_column_or_field_may_be_called_key() -> None:
    document = {
        "mapping": {"email": "Key", "custom_fields": {"key": "Token", "token": "Key"}},
        "only_where": {"Password": ["set"], "Key": ["a"]},
    }
    assert keys_in(document) == []


def test_keys_are_found_by_value_by_name_and_by_the_name_they_are_given() -> None:
    key = f"SG.{'a' * 22}.{'b' * 43}"
    found = keys_in({"a": [1, {"b": key}], key: 1, "consent": {"API-Key": "x"}, "token": None})
    assert sorted(map(path_text, found)) == ["a[1].b", "consent.API-Key", "…"]


def test_long_values_are_cut_and_structures_only_named() -> None:
    assert shown("x" * 60) == repr("x" * 60)
    assert shown("x" * 61) == repr("x" * 59 + "…")
    assert shown({"a": 1}) == "an object"
    assert shown([1]) == "a list"
    assert shown(None) == "null"
    assert len(shown(10**200)) == 60
