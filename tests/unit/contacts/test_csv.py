"""Shapes of CSV files that come from real tools."""

import gzip

import pytest

from shared.contacts.problems import Problem
from shared.errors import UnreadableSegment
from shared.segments.snapshot import CsvFormat
from tests.unit.contacts.build import HEADED, HEADLESS, custom, mapping, plan

TEXT = "EMail,Name\r\na@b.co,Zoë\r\nc@d.co,Łucja\r\n"
BY_NAME = mapping(custom("n", "Name"))


def names(content: bytes, how: CsvFormat = HEADED, columns: tuple[str, ...] | None = None) -> dict[str, str]:
    found = plan(content, how=how, by=BY_NAME, columns=columns)
    assert not found.rejects
    return {address: contact["custom_fields"]["n"] for address, contact in found.contacts.items()}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("gzipped", [False, True])
def test_utf_8_with_any_line_break_mark_and_packing(mark: str, breaks: str, *, gzipped: bool) -> None:
    content = (mark + TEXT.replace("\r\n", breaks)).encode()
    how = CsvFormat(header=True, gzip=gzipped)
    assert names(gzip.compress(content) if gzipped else content, how) == {"a@b.co": "Zoë", "c@d.co": "Łucja"}


@pytest.mark.parametrize("declared", ["utf-8", "utf-16"])
@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_of_both_byte_orders_is_known_by_its_mark_whatever_is_declared(declared: str, order: str) -> None:
    content = ("\ufeff" + TEXT).encode(order)
    assert names(content, CsvFormat(header=True, encoding=declared)) == {"a@b.co": "Zoë", "c@d.co": "Łucja"}


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_declared_utf_16_without_a_mark(order: str) -> None:
    content = TEXT.encode(order)
    assert names(content, CsvFormat(header=True, encoding="utf-16")) == {"a@b.co": "Zoë", "c@d.co": "Łucja"}


def test_utf_16_that_is_cut_off_inside_a_character_is_refused() -> None:
    with pytest.raises(UnreadableSegment, match="UnicodeDecode"):
        plan(TEXT.encode("utf-16")[:-1], how=CsvFormat(header=True, encoding="utf-16"))


def test_half_a_surrogate_pair_spoils_its_row_only() -> None:
    content = "EMail,Name\na@b.co,\ud83dx\nc@d.co,y\n".encode("utf-16-le", "surrogatepass")
    found = plan(content, how=CsvFormat(header=True, encoding="utf-16"), by=BY_NAME)
    assert found.codes() == {1: Problem.MALFORMED}
    assert found.rows() == {2: "c@d.co"}


def test_latin_1_is_what_windows_means_by_it() -> None:
    content = b"EMail,Name\na@b.co,M\xfcller \x80\x93\nc@d.co,x\x81y\n"
    assert names(content, CsvFormat(header=True, encoding="latin-1")) == {"a@b.co": "Müller €“", "c@d.co": "x\x81y"}


def test_a_file_without_header_takes_the_names_of_the_model() -> None:
    assert names(b"a@b.co,Ann\n", HEADLESS, ("EMail", "Name")) == {"a@b.co": "Ann"}


def test_a_header_that_the_model_does_not_announce_is_no_person() -> None:
    assert names(b"EMAIL, name\na@b.co,Ann\n", HEADLESS, ("EMail", "Name")) == {"a@b.co": "Ann"}


def test_a_header_wins_over_the_order_of_the_model() -> None:
    assert names(b"Name,EMail\nAnn,a@b.co\n", HEADED, ("EMail", "Name")) == {"a@b.co": "Ann"}


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "'", "§", "^"])
def test_other_delimiters(delimiter: str) -> None:
    content = TEXT.replace(",", delimiter).encode()
    how = CsvFormat(header=True, delimiter=delimiter)
    assert names(content, how) == {"a@b.co": "Zoë", "c@d.co": "Łucja"}


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks() -> None:
    content = b'"EMail","Name"\r\n"a@b.co","Ann ""A"", x\r\ny"\r\nc@d.co,""\r\n'
    found = plan(content, by=BY_NAME)
    assert found.contacts == {"a@b.co": {"custom_fields": {"n": 'Ann "A", x\r\ny'}}, "c@d.co": {}}


def test_without_quotes_a_quotation_mark_is_a_character() -> None:
    how = CsvFormat(header=True, quote=False)
    assert names(b'EMail,Name\na@b.co,"Ann\nc@d.co,5" pipe\n', how) == {"a@b.co": '"Ann', "c@d.co": '5" pipe'}


def test_a_quotation_mark_inside_a_bare_cell_is_a_character() -> None:
    assert names(b'EMail,Name\na@b.co,5" pipe\nc@d.co,y\n') == {"a@b.co": '5" pipe', "c@d.co": "y"}


@pytest.mark.parametrize(
    "content",
    [
        b"EMail,Name\r\na@b.co,1\nc@d.co,2\r\n",
        b"EMail,Name\na@b.co,1\r\nc@d.co,2\n",
        b"EMail,Name\ra@b.co,1\nc@d.co,2",
        b"EMail,Name\r\r\na@b.co,1\r\r\nc@d.co,2\r\r\n",
    ],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_line_breaks_may_be_mixed(content: bytes, *, gzipped: bool) -> None:
    how = CsvFormat(header=True, gzip=gzipped)
    assert names(gzip.compress(content) if gzipped else content, how) == {"a@b.co": "1", "c@d.co": "2"}


def test_a_line_break_on_the_border_of_two_blocks_is_one() -> None:
    head = b"EMail,Name\r\n"
    filler = b"a@b.co," + b"x" * (1024 * 1024 - len(head) - 8) + b"\r\n"
    assert (head + filler)[1024 * 1024 - 1 :] == b"\r\n"
    found = plan(gzip.compress(head + filler + b"c@d.co,y\r\n"), how=CsvFormat(header=True, gzip=True))
    assert found.counts.rows == 2
    assert found.rows() == {1: "a@b.co", 2: "c@d.co"}


def test_gzip_in_several_members_with_padding() -> None:
    content = gzip.compress(b"EMail,Name\na@b.co,1\n") + gzip.compress(b"c@d.co,2\n") + b"\0" * 512
    assert names(content, CsvFormat(header=True, gzip=True)) == {"a@b.co": "1", "c@d.co": "2"}


@pytest.mark.parametrize("damage", ["cut", "tail cut", "flipped", "checksum", "no gzip"])
def test_damaged_gzip_is_refused(damage: str) -> None:
    packed = bytearray(gzip.compress("".join(f"a{i * i}@b.co,{i}\n" for i in range(20_000)).encode()))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    elif damage == "tail cut":
        del packed[-5:]
    elif damage == "flipped":
        packed[len(packed) // 2] ^= 0xFF
    elif damage == "checksum":
        packed[-6] ^= 0xFF
    else:
        packed[:2] = b"EM"
    with pytest.raises(UnreadableSegment) as raised:
        plan(bytes(packed), how=CsvFormat(header=False, gzip=True), columns=("EMail", "Name"))
    assert raised.value.code == "unreadable_file"
    assert "@" not in raised.value.message


def test_what_unpacks_to_more_than_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.contacts.text.LARGEST_COPY", 10_000_000)
    bomb = gzip.compress(b"EMail\n" + b"a" * 20_000_000)
    with pytest.raises(UnreadableSegment) as raised:
        plan(bomb, how=CsvFormat(header=True, gzip=True))
    assert raised.value.code == "too_large_unpacked"


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"EMail,Name", b"EMail,Name\r\n", b"EMail,Name\n\n\n"])
def test_files_without_rows(content: bytes) -> None:
    assert plan(content).counts.rows == 0


def test_an_empty_gzip_part_is_no_error() -> None:
    assert plan(gzip.compress(b""), how=CsvFormat(header=True, gzip=True)).counts.rows == 0


def test_a_file_that_begins_with_an_empty_line_has_no_header() -> None:
    with pytest.raises(UnreadableSegment) as raised:
        plan(b"\nEMail\na@b.co\n")
    assert raised.value.code == "no_header"


def test_the_last_row_needs_no_line_break() -> None:
    assert names(b"EMail,Name\na@b.co,1") == {"a@b.co": "1"}


def test_a_zero_byte_is_a_character_like_any_other() -> None:
    assert names(b"EMail,Name\na@b.co,1\x002\nc@d.co,3\n") == {"a@b.co": "1\x002", "c@d.co": "3"}


@pytest.mark.parametrize("mark", ["", '"'])
def test_a_line_break_at_the_end_of_a_quoted_cell_goes_whatever_stands_around(mark: str) -> None:
    content = f'EMail,Long,Name,Wide\na@b.co,5{mark} pipe,"Ann\n",6{mark}\n'
    assert names(content.encode()) == {"a@b.co": "Ann"}
