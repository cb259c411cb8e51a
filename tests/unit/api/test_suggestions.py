"""Which columns are suggested, by the names that products and teams use."""

import pytest

from shared.api.suggestions import simple, suggest

FIELDS = ("email", "first_name", "last_name", "country", "state_province_region", "city", "postal_code")

# Customer Insights' unified profile; its sample sources; Dataverse's contact; the Common Data Model.
PRODUCTS = {
    "unified": ("Email", "FirstName", "LastName", "Country", "State", "City", "PostCode"),
    "contoso": ("EMail", "FirstName", "LastName", "Country", "State", "City", "PostCode"),
    "dataverse": (
        "emailaddress1",
        "firstname",
        "lastname",
        "address1_country",
        "address1_stateorprovince",
        "address1_city",
        "address1_postalcode",
    ),
    "cdm": ("primaryEmail", "firstName", "lastName", "countryOrRegion", "stateOrProvince", "city", "postalCode"),
    "snake": ("email_address", "first_name", "last_name", "country_code", "state_province", "town", "zip_code"),
}
# The labels of Customer Insights' data matching page, in the order of FIELDS.
LABELS = {
    "el": (
        "Ηλεκτρονικό ταχυδρομείο",
        "Όνομα",
        "Επώνυμο",
        "Χώρα/περιοχή",
        "Πολιτεία",
        "Πόλη",
        "Ταχυδρομικός κώδικας",
    ),
    "lv": ("E-pasts", "Vārds", "Uzvārds", "Valsts/Reģions", "Štats", "Pilsēta", "Pasta indekss"),
    "zh-HK": ("電子郵件", "名", "姓", "國家/地區", "縣/市", "市/鎮", "郵遞區號"),
    "eu": ("Posta elektronikoa", "izena", "abizena", "herrialdea/eskualdea", "estatua", "hiria", "posta kodea"),
    "hr": ("E-pošta", "Ime", "Prezime", "Zemlja/Regija", "Država", "Grad", "Poštanski broj"),
}


@pytest.mark.parametrize("columns", [*PRODUCTS.values(), *LABELS.values()], ids=[*PRODUCTS, *LABELS])
def test_every_field_is_found_by_the_names_of_products_and_languages(columns: tuple[str, ...]) -> None:
    others = ("CustomerId", "Email Subscriber", "DateOfBirth", "StreetAddress")
    assert suggest([*others, *columns], {}) == dict(zip(FIELDS, columns, strict=True))


def test_a_column_named_for_addresses_that_holds_none_is_not_suggested() -> None:
    types = {"Email": "text", "Contact": "email"}
    assert suggest(["Email", "Contact"], types) == {"email": "Contact"}


def test_of_several_columns_of_addresses_none_is_guessed() -> None:
    assert suggest(["A", "B"], {"A": "email", "B": "email"}) == {}


def test_the_likelier_of_two_names_comes_first_and_no_column_comes_twice() -> None:
    assert suggest(["SecondaryEmail", "Email"], {})["email"] == "Email"
    found = suggest(["Name", "State", "state"], {})
    assert list(found.values()) == ["State"]


def test_case_accents_and_punctuation_do_not_count() -> None:
    assert simple("E-Mail_Address 1") == simple("emailaddress1") == "emailaddress1"
    assert simple("Prénom") == "prenom"
