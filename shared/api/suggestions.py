"""Which columns are likely to fill SendGrid's fields, by the names that tools and teams give them.

Sources: the unified profile and the data matching page of Customer Insights, the latter in the languages in which its
SendGrid page was published; Dataverse's contact table; the Common Data Model's CustomerProfile and Contact; and what
people write by hand.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

# In order of preference. Names are compared in lower case, without accents, spaces and punctuation.
_NAMES: dict[str, tuple[str, ...]] = {
    "email": (
        *("email", "emailaddress", "emailaddress1", "primaryemail", "primaryemailaddress", "mail", "emailprimary"),
        *(
            "contactemail",
            "customeremail",
            "useremail",
            "personalemail",
            "workemail",
            "emailaddress2",
            "secondaryemail",
        ),
        *(
            "ηλεκτρονικοταχυδρομειο",
            "ηλεκτρονικηδιευθυνση",
            "epasts",
            "電子郵件",
            "電郵",
            "postaelektronikoa",
            "eposta",
        ),
        *(
            "correo",
            "correoelectronico",
            "courriel",
            "adressemail",
            "emailadresse",
            "epost",
            "eposti",
            "indirizzoemail",
        ),
    ),
    "first_name": (
        *("firstname", "givenname", "forename", "fname", "contactfirstname", "first", "ονομα", "vards", "名", "名字"),
        *("izena", "ime", "nombre", "prenom", "vorname", "voornaam", "nome", "imie", "etunimi", "fornamn"),
    ),
    "last_name": (
        *("lastname", "surname", "familyname", "lname", "contactlastname", "last", "επωνυμο", "uzvards", "姓", "姓氏"),
        *("abizena", "prezime", "apellido", "apellidos", "nom", "nomdefamille", "nachname", "achternaam", "cognome"),
        *("nazwisko", "sukunimi", "efternamn"),
    ),
    "country": (
        *("country", "countryregion", "countryorregion", "address1country", "addresscountry", "countryname"),
        *("countrycode", "nation", "χωραπεριοχη", "χωρα", "valstsregions", "valsts", "國家地區", "國家"),
        *("herrialdeaeskualdea", "herrialdea", "zemljaregija", "zemlja", "pais", "pays", "land", "paese", "kraj"),
    ),
    "state_province_region": (
        *("state", "stateprovince", "stateorprovince", "stateprovinceregion", "address1stateorprovince", "province"),
        *(
            "region",
            "county",
            "addressstate",
            "πολιτεια",
            "περιφερεια",
            "stats",
            "縣市",
            "estatua",
            "drzava",
            "provincia",
        ),
        *("estado", "bundesland", "departement", "wojewodztwo"),
    ),
    "city": (
        *(
            "city",
            "address1city",
            "addresscity",
            "town",
            "locality",
            "πολη",
            "pilseta",
            "市鎮",
            "城市",
            "hiria",
            "grad",
        ),
        *("ciudad", "ville", "stadt", "ort", "plaats", "citta", "miasto", "kaupunki"),
    ),
    "postal_code": (
        *("postalcode", "postcode", "zip", "zipcode", "zippostalcode", "address1postalcode", "addresspostalcode"),
        *("ταχυδρομικοςκωδικας", "tk", "pastaindekss", "郵遞區號", "郵政編碼", "postakodea", "postanskibroj"),
        *("codigopostal", "codepostal", "plz", "postleitzahl", "cap", "kodpocztowy", "postinumero", "postnummer"),
    ),
}


def suggest(columns: Sequence[str], types: Mapping[str, str]) -> dict[str, str]:
    """SendGrid field -> column, for those that have a likely one; none is suggested twice.

    `types`: what the columns' values look like; a column whose values are no addresses is never suggested for e-mail,
    and one column of addresses is, whatever its name.
    """
    by_name: dict[str, str] = {}
    for column in columns:
        by_name.setdefault(simple(column), column)
    found: dict[str, str] = {}
    for field, names in _NAMES.items():
        likely = [by_name[simple(name)] for name in names if simple(name) in by_name]
        if field == "email":
            likely = [column for column in likely if types.get(column, "email") == "email"]
        if likely and likely[0] not in found.values():
            found[field] = likely[0]
    addresses = [column for column in columns if types.get(column) == "email"]
    if "email" not in found and len(addresses) == 1:
        found = {"email": addresses[0], **found}
    return found


def simple(name: str) -> str:
    """A name without what differs from tool to tool: case, accents, spaces, punctuation."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return re.sub(r"[\W_]+", "", plain.casefold())
