"""Random tables through the real thing and through a model of a few lines: csv, dicts and idna."""

import csv
import io
import re
from typing import Any

import idna
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contacts.problems import Problem
from shared.segments.snapshot import CsvFormat
from tests.unit.contacts.build import custom, mapping, plan, reserved

LOCAL = st.sampled_from(["a", "B", "c.d", "o'x", "é", "e..f", "", "g h"])
DOMAIN = st.sampled_from(["b.co", "B.CO", "ö.de", "xn--nda.de", "x", "b..co", "c.d;e@f.gh", "例.jp"])
SPACE = st.sampled_from(["", "", " ", "\u00a0", "\u200b", "\n", "\r\n"])
ADDRESS = st.builds("{}{}@{}{}".format, SPACE, LOCAL, DOMAIN, SPACE) | st.sampled_from(["", " ", "nobody"])
TEXT = st.text(st.sampled_from(list("aZ,;\"'\\ \n\u00a0é😀-1")), max_size=8) | st.just("x" * 60)
ROW = st.tuples(ADDRESS, TEXT, TEXT, st.sampled_from(["yes", " YES", "no", ""]))
BY = mapping(reserved("first_name", "First"), custom("t", "Note"), Consent=("Yes",))
SPACES = " \t\n\r\x0b\x0c\u00a0\u200b"


def address_of(cell: str) -> tuple[str, Problem | None]:
    """The cleaned address, and why it cannot be used."""
    address = cell.strip(SPACES).lower()
    local, at, domain = address.rpartition("@")
    if not address:
        return address, Problem.NO_EMAIL
    if re.search(r"@.*[,;\s|/].*@", address, re.DOTALL):
        return address, Problem.MULTIPLE_ADDRESSES
    if at and "@" not in local and not local.isascii():
        return address, Problem.NON_ASCII_LOCAL_PART
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode()
    address = f"{local}@{domain}"
    atom, label = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
    fits = re.fullmatch(rf"{atom}(\.{atom})*@({label}\.)+(?:[a-z]+|xn--[a-z0-9-]*[a-z0-9])", address)
    return address, None if fits else Problem.INVALID_EMAIL


def model(tables: list[list[tuple[str, ...]]]) -> tuple[dict[str, Any], list[tuple[str, int, Problem]]]:
    contacts: dict[str, Any] = {}
    rejects: list[tuple[str, int, Problem]] = []
    for number, rows in enumerate(tables):
        for place, (cell, first, note, consent) in enumerate(rows, 1):
            address, problem = address_of(cell)
            if consent.strip(SPACES).lower() != "yes":
                problem = Problem.FILTERED
            elif not problem and address in contacts:
                problem = Problem.DUPLICATE
            if problem:
                rejects.append((f"file{number}", place, problem))
                continue
            name, text = first.strip(SPACES)[:50].rstrip(), note.strip(SPACES)
            contacts[address] = ({"first_name": name} if name else {}) | (
                {"custom_fields": {"t": text}} if text else {}
            )
    return contacts, rejects


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(ROW, max_size=25), min_size=1, max_size=3), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_table_comes_out_as_the_model_says(tables: list[list[tuple[str, ...]]], breaks: str, quoted: bool) -> None:
    contents = []
    for rows in tables:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=breaks, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
        writer.writerows([("EMail", "First", "Note", "Consent"), *rows])
        contents.append(text.getvalue().encode())
    found = plan(*contents, how=CsvFormat(header=True), by=BY)
    contacts, rejects = model([[tuple(cell.replace("\r\n", "\n") for cell in row) for row in rows] for rows in tables])
    said = {a: {k: _one_break(v) for k, v in c.items()} for a, c in found.contacts.items()}
    assert said == contacts
    assert [(file, row, code) for file, row, _, _, code in found.rejects] == rejects
    counts = found.counts
    refused = counts.malformed + counts.filtered + counts.no_email + counts.invalid_email + counts.duplicate
    assert counts.rows == refused + counts.contacts == sum(map(len, tables))
    assert counts.contacts == counts.unchanged + counts.upserts == len(contacts)


def _one_break(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _one_break(each) for key, each in value.items()}
    return value.replace("\r\n", "\n")
