"""Why a row cannot become a contact: the reason codes, and what an e-mail address is, as SQL."""

from enum import StrEnum

from shared.contacts.reading import quoted

LONGEST_ADDRESS = 254
LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1
LONGEST_LABEL = 63  # RFC 1035, 2.3.4

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# RFC 5321's dot-string before the @, a host name with an alphabetic or punycode top level after it. No counted
# repetition: it makes RE2 many times slower; lengths are looked at apart.
ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:[a-z]+|xn--[a-z0-9-]*[a-z0-9])"

INTERNATIONAL_DOMAIN = "international_domain"  # not a reason yet: to be looked at again in punycode


class Problem(StrEnum):
    """Why a row did not become a contact: the reason codes of stage `prepare` in the report."""

    MALFORMED = "malformed"
    FILTERED = "filtered"
    NO_EMAIL = "no_email"
    INVALID_EMAIL = "invalid_email"
    MULTIPLE_ADDRESSES = "multiple_addresses"
    NON_ASCII_LOCAL_PART = "non_ascii_local_part"
    ADDRESS_TOO_LONG = "address_too_long"
    DUPLICATE = "duplicate"


def address_problem_sql(address: str) -> str:
    """The reason code of an address that is trimmed and lower-cased; NULL if it can be used.

    INTERNATIONAL_DOMAIN is none of the codes: such an address can be used if its domain can be written in punycode.
    """
    return f"""CASE
            WHEN {address} IS NULL THEN '{Problem.NO_EMAIL}'
            WHEN regexp_full_match({address}, {quoted(ADDRESS)}) THEN {_length_problem_sql(address)}
            WHEN regexp_matches({address}, '@.*[,;\\s|/].*@', 's') THEN '{Problem.MULTIPLE_ADDRESSES}'
            WHEN regexp_matches({address}, '^[^@]*[^\\x00-\\x7F][^@]*@') THEN '{Problem.NON_ASCII_LOCAL_PART}'
            WHEN regexp_matches({address}, '^[^@]+@[^@]*[^\\x00-\\x7F][^@]*$') THEN '{INTERNATIONAL_DOMAIN}'
            ELSE '{Problem.INVALID_EMAIL}' END"""


def ascii_problem_sql(address: str) -> str:
    """The reason code of an address whose domain has been rewritten in punycode; NULL if it can be used."""
    return f"""CASE WHEN regexp_full_match({address}, {quoted(ADDRESS)}) THEN {_length_problem_sql(address)}
        ELSE '{Problem.INVALID_EMAIL}' END"""


def _length_problem_sql(address: str) -> str:
    # Labels are looked at only where an address is long enough to hold one that is too long.
    labels = f"list_max(list_transform(string_split(split_part({address}, '@', 2), '.'), lambda label: strlen(label)))"
    return f"""CASE
                WHEN strlen({address}) > {LONGEST_ADDRESS} OR strpos({address}, '@') > {LONGEST_LOCAL_PART + 1}
                    THEN '{Problem.ADDRESS_TOO_LONG}'
                WHEN strlen({address}) > {LONGEST_LABEL + 2} AND {labels} > {LONGEST_LABEL}
                    THEN '{Problem.INVALID_EMAIL}' END"""
