"""How a job's report and its file of row errors are read."""

import json
from typing import Any

import pytest

from local.sendgrid.control import SimulatedSendGrid
from shared.sendgrid.client import SendGrid
from shared.sendgrid.downloads import Downloads
from shared.sendgrid.errors import FileUnavailable
from shared.sendgrid.jobs import Job, RowError, errored_rows

WITH_ERRORS = Job("j", "errored", errored=1, errors_url="https://files.example/errors.csv?signature=secret")


def rows(content: bytes, size: int = 1_000_000) -> list[RowError]:
    return list(errored_rows(WITH_ERRORS, lambda _: [content[i : i + size] for i in range(0, len(content), size)]))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": "pending"}, Job("j", "pending")),
        ({"status": "pending", "results": None}, Job("j", "pending")),
        ({"status": "pending", "results": {"requested_count": 5}}, Job("j", "pending", requested=5)),
        (
            {
                "status": "completed",
                "job_type": "upsert_contacts",
                "results": {"requested_count": 5, "created_count": 5},
            },
            Job("j", "completed", requested=5, created=5),
        ),
        (
            {"status": "errored", "results": {"errored_count": 1, "updated_count": 2, "errors_url": "https://x"}},
            Job("j", "errored", updated=2, errored=1, errors_url="https://x"),
        ),
        ({"status": "failed", "results": {"errors_url": ""}}, Job("j", "failed")),
        ({"results": {"deleted_count": "3", "created_count": None, "errored_count": -1}}, Job("j", "pending")),
    ],
)
def test_a_report_is_read_with_whatever_it_leaves_out(answer: dict[str, Any], expected: Job) -> None:
    assert Job.read("j", answer) == expected


@pytest.mark.parametrize(
    ("status", "ended"),
    [("pending", False), ("completed", True), ("errored", True), ("failed", True), ("in_progress", False)],
)
def test_a_job_ends_in_one_of_three_ways_and_an_unknown_word_is_not_the_end(status: str, ended: bool) -> None:
    assert Job.read("j", {"status": status}).ended is ended
    assert Job.read("j", {"status": status.upper()}).ended is ended


def test_rows_are_read_by_the_names_of_the_header() -> None:
    content = b'primary_email, contact_id, errors_occurred\nAnn@Example.com , 7, "a, ""b"""\nbob@example.com,,x\n'
    assert rows(content) == [RowError("ann@example.com", 'a, "b"'), RowError("bob@example.com", "x")]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_rows_do_not_depend_on_how_the_file_arrives(size: int) -> None:
    content = '\ufefferrors_occurred,new,Primary_Email\r\n"two\r\nlines é",,ann@example.com\r\n\r\nx,,bob@example.com'
    assert rows(content.encode(), size) == [
        RowError("ann@example.com", "two\r\nlines é"),
        RowError("bob@example.com", "x"),
    ]


def test_a_short_row_has_an_empty_message() -> None:
    assert rows(b"primary_email,contact_id,errors_occurred\nann@example.com\n") == [RowError("ann@example.com", "")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>expired</html>",
        b"email_address,reason\nann@example.com,x\n",
        b"primary_email\nann@example.com\n",
        b"\xff\xfe\x00\x00",
        b'primary_email,errors_occurred\n"' + b"x" * 3_000_000,
    ],
)
def test_a_file_that_is_something_else_is_said_to_be(content: bytes) -> None:
    with pytest.raises(FileUnavailable) as caught:
        rows(content)
    assert caught.value.code == "file_unreadable"
    assert "ann@" not in str(caught.value)


def test_bytes_that_are_no_text_do_not_lose_the_rows() -> None:
    assert rows(b"primary_email,errors_occurred\nann@example.com,\xff\n") == [RowError("ann@example.com", "\ufffd")]


def test_a_job_without_a_file_has_no_rows() -> None:
    def fetch(url: str) -> list[bytes]:
        raise AssertionError(url)

    assert list(errored_rows(Job("j", "completed"), fetch)) == []


def test_neither_addresses_nor_the_url_show_in_reprs() -> None:
    assert "ann" not in repr(RowError("ann@example.com", "ann is odd"))
    assert "secret" not in repr(WITH_ERRORS)


def test_rows_that_sendgrid_could_not_store_come_back_by_address(sim: SimulatedSendGrid, sendgrid: SendGrid) -> None:
    list_id = sim.create_list("Newsletter")
    birthday = sim.define_field("birthday", "Date")
    contacts = [
        {"email": "Ann@Example.com", "custom_fields": {birthday: "10-03-2021"}},
        {"email": "bob@example.com", "custom_fields": {birthday: "2021-03-10T00:00:00Z"}},
    ]
    job_id = sendgrid.upsert(json.dumps({"list_ids": [list_id], "contacts": contacts}).encode())
    sim.finish_jobs()
    job = sendgrid.job(job_id)
    found = list(errored_rows(job, Downloads(sim.url).fetch))
    assert (job.status, job.errored, job.created) == ("errored", 1, 1)
    assert [row.email for row in found] == ["ann@example.com"]
    assert "birthday" in found[0].message
