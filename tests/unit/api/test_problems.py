"""Sentences about documents become fields with their details."""

import json

import pytest

from shared.api.problems import by_field, internal, response
from shared.destinations.documents import read_destination
from shared.errors import InvalidDocument, RunFailed, ServiceUnavailable


@pytest.mark.parametrize(
    ("sentence", "field", "detail"),
    [
        ("list_id: 'abc' is not a UUID; give …", "list_id", "'abc' is not a UUID; give …"),
        ("mapping.custom_fields.a b: is missing", "mapping.custom_fields.a b", "is missing"),
        ("segments[0]: 'a: b' is odd", "segments[0]", "'a: b' is odd"),
        ("holds 'a: b', not an object; begin with {", "body", "holds 'a: b', not an object; begin with {"),
        (
            "is not JSON (expecting value at line 1, column 1)",
            "body",
            "is not JSON (expecting value at line 1, column 1)",
        ),
    ],
)
def test_a_sentence_is_cut_where_its_field_ends(sentence: str, field: str, detail: str) -> None:
    [error] = by_field([sentence])
    assert (error.field, error.detail) == (field, detail)


@pytest.mark.parametrize("content", [b"", b"[]", b'"a: b"', b"{}", b'{"a: b": 1}', b'{"mapping": {"email": 1}}'])
def test_every_sentence_about_a_document_has_a_field(content: bytes) -> None:
    with pytest.raises(InvalidDocument) as caught:
        read_destination("any", content)
    assert all(error.field and error.detail for error in by_field(caught.value.problems))


def test_a_wrong_setting_is_the_apps_fault_and_a_refusal_of_a_service_is_not() -> None:
    assert response(RunFailed("a setting is wrong", code="invalid_setting")).status_code == 500
    assert response(RunFailed("SendGrid does not know the key", code="key_refused")).status_code == 502


def test_what_time_may_heal_says_when_to_come_back() -> None:
    answer = response(ServiceUnavailable("storage sleeps", code="storage_unavailable", retry_after=30))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_an_internal_error_tells_its_place_to_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    answer = internal("ValueError at reading.py:7")
    assert "ValueError at reading.py:7" in caplog.text
    assert "reading.py" not in answer.get_body().decode()
    assert json.loads(answer.get_body())["code"] == "internal_error"
