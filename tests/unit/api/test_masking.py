"""What a page may show of people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.api.masking import DOTS, mask, mask_all


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("ada@example.com", "a•••@e•••.com"),
        ("Ada.Lovelace@mail.example.co.uk", "A•••@m•••.uk"),
        ("Ada", "A••"),
        ("Constantinopolitanus", "C••••••"),
        ("7", "•"),
        ("", ""),
        ("  ", ""),
        ("not@an-address", "n••••••"),
        ("@example.com", "@••••••"),
    ],
)
def test_of_a_value_its_beginning_is_left(value: str, masked: str) -> None:
    assert mask(value) == masked


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=2))
def test_no_more_than_the_first_character_of_a_text_is_left(value: str) -> None:
    text = value.strip()
    if "@" not in text and len(text) > 1:
        assert mask(value)[0] == text[0]
        assert set(mask(value)[1:]) == {DOTS}


def test_every_value_of_a_contact_is_masked_and_no_name_of_a_field() -> None:
    contact = {"email": "ada@example.com", "custom_fields": {"e1_N": 12.5, "e2_T": ["Gold"]}, "none": None}
    assert mask_all(contact) == {
        "email": "a•••@e•••.com",
        "custom_fields": {"e1_N": "1•••", "e2_T": ["G•••"]},
        "none": None,
    }
