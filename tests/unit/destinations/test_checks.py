from shared.destinations.checks import problems
from tests.unit.destinations import build


def test_an_export_with_a_consented_connection_may_run() -> None:
    assert problems(build.export(), build.connection(consent=build.CONSENT)) == []


def test_a_connection_that_does_not_exist_is_named() -> None:
    (only,) = problems(build.export(), None)
    assert only.startswith("connection: 'marketing' does not exist")


def test_another_connection_than_the_export_s_does_not_do() -> None:
    (only,) = problems(build.export(connection="sales"), build.connection(consent=build.CONSENT))
    assert only.startswith("connection: 'sales' does not exist")


def test_a_connection_without_consent_is_named_with_what_to_do() -> None:
    (only,) = problems(build.export(), build.connection())
    assert only.startswith("consent: connection 'marketing' has none; an administrator has to agree")
