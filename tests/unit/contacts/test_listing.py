"""Files of a contact export, as SendGrid may write them."""

import json
from pathlib import Path

import pytest

from shared.contacts.engine import engine
from shared.contacts.listing import write_listed
from shared.sendgrid.errors import FileUnavailable
from tests.unit.contacts.build import rows_of, table

LISTED = ["ada@example.com", "o'neil@example.com"]


def listed(folder: Path, content: bytes) -> tuple[int, list[str]]:
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    with engine(folder) as database:
        contacts = write_listed(database, source, target)
        return contacts, [address for (address,) in rows_of(database, target, "address", "address")]


def ndjson(*contacts: object) -> bytes:
    return b"".join(json.dumps(contact).encode() + b"\n" for contact in contacts)


@pytest.mark.parametrize(
    "content",
    [
        ndjson({"contact_id": "1", "email": "Ada@Example.com", "Email": "x"}, {"email": " o'neil@example.com "}),
        b"\n" + ndjson({"email": "ada@example.com", "note": "a\nb"}, {"email": "o'neil@example.com"}),
        table(["EMAIL", "NOTE", "email"], ["Ada@example.com", 'two\nlines, "quoted"', "x"], ["o'neil@example.com"] * 3),
        b"\xef\xbb\xbf" + table(["CONTACT_ID", "EMAIL"], ["1", "ADA@EXAMPLE.COM"], ["2", "o'neil@example.com"]),
    ],
    ids=["NDJSON", "NDJSON after an empty line", "CSV", "CSV with a byte order mark"],
)  # fmt: skip
def test_addresses_are_found_in_whatever_format(tmp_path: Path, content: bytes) -> None:
    assert listed(tmp_path, content) == (2, LISTED)


@pytest.mark.parametrize("content", [b"", table(["EMAIL", "FIRST_NAME"])], ids=["empty", "a header alone"])
def test_an_empty_list_has_nobody_on_it(tmp_path: Path, content: bytes) -> None:
    assert listed(tmp_path, content) == (0, [])


@pytest.mark.parametrize(
    "content",
    [
        ndjson({"email": ""}, {"email": None}, {"email": "ada@example.com"}),
        table(["EMAIL", "PHONE"], ["", "+1"], ["", "+2"], ["ada@example.com", ""]),
    ],
    ids=["NDJSON", "CSV"],
)
def test_contacts_without_an_address_count_and_are_left_out(tmp_path: Path, content: bytes) -> None:
    assert listed(tmp_path, content) == (3, ["ada@example.com"])


def test_rows_that_cannot_be_read_do_not_count(tmp_path: Path) -> None:
    content = ndjson({"email": "ada@example.com"}) + b'{"email": "cut@exam'
    assert listed(tmp_path, content) == (1, ["ada@example.com"])


@pytest.mark.parametrize(
    "content",
    [b"<Error><Code>AccessDenied</Code></Error>", ndjson({"phone": "1"}), table(["NAME"], ["ada"]), bytes(64)],
    ids=["XML", "NDJSON without addresses", "CSV without addresses", "zeros"],
)
def test_what_is_no_export_file_is_refused_without_being_quoted(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileUnavailable) as refused:
        listed(tmp_path, content)
    assert refused.value.code == "file_unreadable"
    assert "ada" not in refused.value.message


def test_one_connection_reads_file_after_file(tmp_path: Path) -> None:
    with engine(tmp_path) as database:
        for number in range(3):
            source, target = tmp_path / f"s{number}", tmp_path / f"t{number}"
            source.write_bytes(table(["EMAIL"], [f"a{number}@example.com"]))
            assert write_listed(database, source, target) == 1
            assert rows_of(database, target, "address") == [(f"a{number}@example.com",)]
