"""Every row of the response policy, and what may be said of an answer."""

import json
from typing import TypeAlias

import pytest

from shared.errors import NotFound, RetryLater, RunFailed, ServiceUnavailable
from shared.sendgrid import errors, policy, routes
from shared.sendgrid.errors import SendGridError
from shared.sendgrid.policy import Action
from shared.sendgrid.routes import Route

NOW = 1_800_000_000.0


def body(*complaints: tuple[str, str | None] | str) -> bytes:
    pairs = [(entry, None) if isinstance(entry, str) else entry for entry in complaints]
    return json.dumps({"errors": [{"message": message, "field": field} for message, field in pairs]}).encode()


Case: TypeAlias = tuple[Route, int, bytes, Action, type[SendGridError], str]

CASES: list[Case] = [
    (routes.UPSERT, 401, body("authorization required"), Action.REFETCH_KEY, errors.KeyRefused, "key_refused"),
    (
        routes.LISTS,
        403,
        body("Too many bad requests. Temporary block"),
        Action.PAUSE,
        errors.Blocked,
        "sendgrid_blocked",
    ),
    (routes.UPSERT, 403, body("access forbidden"), Action.FAIL, errors.Forbidden, "key_forbidden"),
    (routes.UPSERT, 403, b"", Action.FAIL, errors.Forbidden, "key_forbidden"),
    (
        routes.UPSERT,
        400,
        body("you have hit your contact limit"),
        Action.FAIL,
        errors.ContactLimitReached,
        "contact_limit_reached",
    ),
    (
        routes.UPSERT,
        403,
        body("you have hit your contact limit"),
        Action.FAIL,
        errors.ContactLimitReached,
        "contact_limit_reached",
    ),
    (
        routes.UPSERT,
        500,
        body("received message larger than max (4500000 vs. 4194304)"),
        Action.FAIL,
        errors.PayloadTooLarge,
        "payload_too_large",
    ),
    (
        routes.UPSERT,
        413,
        b"<html>413 Request Entity Too Large</html>",
        Action.FAIL,
        errors.PayloadTooLarge,
        "payload_too_large",
    ),
    (
        routes.LIST_REMOVAL,
        414,
        b"<html>414 Request-URI Too Large</html>",
        Action.FAIL,
        errors.PayloadTooLarge,
        "payload_too_large",
    ),
    (
        routes.UPSERT,
        400,
        body("invalid custom field ids supplied - w1_T,w9"),
        Action.FAIL,
        errors.UnknownFields,
        "unknown_custom_fields",
    ),
    (
        routes.UPSERT,
        400,
        body(("email '000' is not valid", "contacts[0].identifier")),
        Action.DROP_ROWS,
        errors.RowsRefused,
        "rows_refused",
    ),
    (routes.SEARCH, 400, body("invalid email"), Action.FAIL, errors.AddressesRefused, "addresses_refused"),
    (routes.SEARCH, 404, body("not found"), Action.FAIL, errors.NobodyFound, "nobody_found"),
    (routes.LIST_REMOVAL, 404, body("not found"), Action.FAIL, errors.ContactsNotFound, "contacts_not_found"),
    (routes.JOB, 404, body("not found"), Action.FAIL, errors.JobNotFound, "job_not_found"),
    (routes.CONTACT_EXPORT_STATUS, 404, body("not found"), Action.FAIL, errors.JobNotFound, "job_not_found"),
    (routes.LIST, 404, b'[{"message": "not found"}]', Action.FAIL, errors.ListNotFound, "list_not_found"),
    (routes.UPSERT, 404, body("not found"), Action.FAIL, errors.ListNotFound, "list_not_found"),
    (routes.UPSERT, 429, body("too many requests"), Action.PAUSE, errors.Throttled, "throttled"),
    (routes.SEARCH, 408, b"", Action.RETRY, errors.SendGridUnavailable, "sendgrid_unavailable"),
    (routes.UPSERT, 425, b"", Action.RETRY, errors.SendGridUnavailable, "sendgrid_unavailable"),
    (
        routes.UPSERT,
        500,
        body("internal server error"),
        Action.RETRY,
        errors.SendGridUnavailable,
        "sendgrid_unavailable",
    ),
    (routes.UPSERT, 503, b"<html></html>", Action.RETRY, errors.SendGridUnavailable, "sendgrid_unavailable"),
    (routes.UPSERT, 302, b"", Action.FAIL, errors.RequestRefused, "unexpected_redirect"),
    (routes.FIELDS, 404, b"", Action.FAIL, errors.RequestRefused, "request_refused"),
    (routes.UPSERT, 406, b"", Action.FAIL, errors.RequestRefused, "request_refused"),
    (routes.UPSERT, 400, body("invalid input"), Action.FAIL, errors.RequestRefused, "request_refused"),
    (routes.UPSERT, 999, b"", Action.FAIL, errors.RequestRefused, "request_refused"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[0]}-{case[1]}-{case[5]}" for case in CASES])
def test_an_answer_leads_to_its_action_and_error(case: Case) -> None:
    route, status, answer, action, raises, code = case
    verdict = policy.classify(route, status, {}, answer, now=NOW)
    assert (verdict.action, type(verdict.error), verdict.error.code) == (action, raises, code)
    assert verdict.error.status == status


def test_every_row_of_the_table_has_a_case() -> None:
    def first(route: Route, status: int, answer: bytes) -> policy.Rule:
        return policy.rule_for(route, status, policy.read_complaints(answer))

    assert {id(first(*case[:3])) for case in CASES} == {id(rule) for rule in policy.POLICY}


@pytest.mark.parametrize("rule", policy.POLICY, ids=lambda rule: f"{rule.status}-{rule.code}")
def test_a_rule_that_ends_a_run_advises_the_administrator(rule: policy.Rule) -> None:
    assert rule.advice or not issubclass(rule.raises, RunFailed)
    assert rule.code.isidentifier()


def test_the_classes_say_what_happens_next() -> None:
    assert issubclass(errors.Throttled, RetryLater)
    assert not issubclass(errors.Throttled, ServiceUnavailable)  # being paced is no failure
    assert not issubclass(errors.Blocked, ServiceUnavailable)
    assert issubclass(errors.SendGridUnavailable, ServiceUnavailable)
    assert issubclass(errors.JobNotFound, NotFound)
    assert not issubclass(errors.RowsRefused, (RunFailed, RetryLater))


def test_a_refusal_names_its_rows_by_place_and_keeps_reasons_out_of_its_text() -> None:
    answer = body(
        ("email 'ann@' is not valid", "contacts[3].identifier"),
        ("email 'bob@' is not valid", "contacts[17].email"),
        ("email 'Eve@X' is not valid", ""),
        ("too long", "contacts.5.first_name"),
    )
    error = policy.classify(routes.UPSERT, 400, {}, answer, now=NOW).error
    assert isinstance(error, errors.RowsRefused)
    assert error.rows == {3: "email 'ann@' is not valid", 17: "email 'bob@' is not valid", 5: "too long"}
    assert error.addresses == {"eve@x": "email 'Eve@X' is not valid"}
    assert str(error) == "SendGrid refused 4 contacts of the batch"
    assert "ann@" not in f"{error!r}{error.advice}"


@pytest.mark.parametrize("address", ["contact limit", "temporary block", "body too large", "it's contact limit's"])
def test_the_text_of_an_address_does_not_choose_the_rule(address: str) -> None:
    answer = body((f"email '{address}' is not valid", "contacts[0].identifier"))
    assert policy.classify(routes.UPSERT, 400, {}, answer, now=NOW).action is Action.DROP_ROWS


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{"errors": [{"message": "a", "field": "f"}, {"message": "b"}]}', ["f: a", "b"]),
        (b'{"errors": {"message": "a", "parameter": "p"}}', ["p: a"]),
        (b'[{"message": "a", "field": null}]', ["a"]),
        (b'{"message": "a"}', ["a"]),
        (b'{"error": "a"}', ["a"]),
        (b'{"errors": ["a", 5, null, {}, {"message": 7}]}', ["a"]),
        (b'"a"', ["a"]),
        (b"<html>502</html>", []),
        (b"", []),
        (b"null", []),
        (b"\xff\xfe", []),
        (b"[" * 100_000, []),
    ],
)
def test_error_bodies_of_every_shape_are_read(answer: bytes, expected: list[str]) -> None:
    assert [str(complaint) for complaint in policy.read_complaints(answer)] == expected


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500])
@pytest.mark.parametrize("route", [routes.UPSERT, routes.SEARCH, routes.JOB])
def test_what_sendgrid_says_about_people_stays_out_of_the_message(route: Route, status: int) -> None:
    said = "ann@example.com called Ann Smith is a problem"
    error = policy.classify(route, status, {}, body((said, "x")), now=NOW).error
    assert "ann" not in f"{error} {error!r} {error.advice}".lower()
    assert error.said == (f"x: {said}",)


@pytest.mark.parametrize(
    ("route", "said", "shown"),
    [
        (routes.FIELD_CREATION, "field name is reserved", True),
        (routes.LIST_REMOVAL, "field 'x@y.z' is strange", False),
        (routes.UPSERT, "invalid input", True),
        (routes.UPSERT, 'custom field "w1_N" cannot be null', True),
        (routes.UPSERT, "first_name 'Ann' is too long", False),
    ],
)
def test_harmless_words_are_shown(route: Route, said: str, shown: bool) -> None:
    assert (said in str(policy.classify(route, 400, {}, body(said), now=NOW).error)) is shown


def test_unknown_fields_are_named_so_that_they_can_be_mended() -> None:
    error = policy.classify(routes.UPSERT, 400, {}, body("invalid custom field ids supplied - w1_T,w9"), now=NOW).error
    assert "w1_T,w9" in str(error)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"Retry-After": "7"}, 7.0),
        (429, {"retry-after": "Fri, 15 Jan 2027 08:00:09 GMT"}, 9.0),
        (429, {"x-ratelimit-reset": "12"}, 12.5),
        (429, {"X-RateLimit-Reset": str(int(NOW) + 12)}, 12.5),
        (429, {}, None),
        (503, {"Retry-After": "7", "X-RateLimit-Reset": "50"}, 7.0),
        (503, {"X-RateLimit-Reset": "50"}, None),
    ],
)
def test_the_pause_is_what_the_headers_ask_for(status: int, headers: dict[str, str], wait: float | None) -> None:
    verdict = policy.classify(routes.UPSERT, status, headers, b"", now=NOW)
    assert verdict.wait == wait
    assert isinstance(verdict.error, RetryLater)
    assert verdict.error.retry_after == (30.0 if wait is None else wait)


def test_a_temporary_block_is_waited_out_although_the_limit_resets_sooner() -> None:
    answer = body("Too many bad requests. Temporary block")
    error = policy.classify(routes.LISTS, 403, {"x-ratelimit-reset": "10"}, answer, now=NOW).error
    assert isinstance(error, errors.Blocked)
    assert error.retry_after == policy.BLOCK_SECONDS


def test_a_failure_of_a_write_may_have_been_taken_and_that_of_a_read_not() -> None:
    for route, taken in ((routes.UPSERT, True), (routes.LIST_REMOVAL, True), (routes.SEARCH, False)):
        error = policy.classify(route, 500, {}, b"", now=NOW).error
        assert isinstance(error, errors.SendGridUnavailable)
        assert error.maybe_taken is taken
