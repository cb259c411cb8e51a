"""Whether exports can run over a connection: each thing they need is tried, and what is missing is said."""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from shared.api.views import Check, CheckLine
from shared.app import HOSTS
from shared.destinations.models import Connection
from shared.errors import ExportError, RetryLater
from shared.runs.services import Services
from shared.sendgrid.client import WRITE_SCOPE, SendGrid
from shared.sendgrid.errors import Forbidden, KeyRefused, SendGridError

_SCOPES_ADVICE = "In SendGrid (Settings > API Keys) give the key Restricted Access with Marketing: Full Access."
_CONSENT_ADVICE = "Read the privacy text and agree to it: POST /connections/{id}/consent, or the connection's page."


def host_of(services: Services, connection: Connection) -> str:
    """The host that data goes to."""
    return urlsplit(services.settings.sendgrid_base_url or HOSTS[connection.region]).netloc


def vault_command(services: Services, connection: Connection) -> str:
    """What an administrator types to store the key: it is asked for, so that it gets into no history."""
    vault = urlsplit(services.settings.key_vault_url).netloc.split(".")[0]
    store = f"az keyvault secret set --vault-name {vault} --name {connection.api_key_secret}"
    return f'read -rs KEY && {store} --value "$KEY" --output none; unset KEY'


def check(services: Services, connection: Connection) -> Check:
    """Try it all, the key first. What cannot be tried because of what failed before it is neither good nor bad."""
    lines = [*_account(services, connection), _consent(connection)]
    return Check(
        ok=all(line.ok for line in lines),
        host=host_of(services, connection),
        region=connection.region,
        checks=lines,
        vault_command=vault_command(services, connection),
    )


def _account(services: Services, connection: Connection) -> Iterator[CheckLine]:
    sendgrid = services.sendgrid(connection, lambda: None)
    scopes: frozenset[str] | None = None
    try:
        scopes = sendgrid.scopes()
    except Forbidden:
        pass  # asking is a right of its own; the lists tell
    except SendGridError as error:
        yield CheckLine(name="secret", ok=True, message=f"The vault has the secret {connection.api_key_secret}.")
        yield _failed("key", error, _advice_for_key(services, connection, error))
        yield from _untried("scopes", "lists", "fields")
        return
    except ExportError as error:
        yield _failed("secret", error, error.advice)
        yield from _untried("key", "scopes", "lists", "fields")
        return
    yield CheckLine(name="secret", ok=True, message=f"The vault has the secret {connection.api_key_secret}.")
    yield CheckLine(name="key", ok=True, message="SendGrid knows the key.")
    yield _scopes(scopes)
    yield _tried("lists", lambda: _lists(sendgrid))
    yield _tried("fields", lambda: _fields(sendgrid))


def _scopes(scopes: frozenset[str] | None) -> CheckLine:
    if scopes is None:
        return CheckLine(
            name="scopes", ok=True, message="The key may not list its own rights; whether it has them, the lists show."
        )
    if WRITE_SCOPE in scopes:
        return CheckLine(name="scopes", ok=True, message="The key may change marketing contacts.")
    return CheckLine(
        name="scopes",
        ok=False,
        message=f"The key lacks the right to marketing contacts ({WRITE_SCOPE}).",
        advice=_SCOPES_ADVICE,
    )


def _lists(sendgrid: SendGrid) -> str:
    count = len(sendgrid.lists())
    return f"The account has {count} {'list' if count == 1 else 'lists'}."


def _fields(sendgrid: SendGrid) -> str:
    count = sum(not field.reserved for field in sendgrid.field_definitions())
    return f"The account has {count} custom {'field' if count == 1 else 'fields'}."


def _tried(name: str, look: Callable[[], str]) -> CheckLine:
    try:
        return CheckLine.model_validate({"name": name, "ok": True, "message": look()})
    except ExportError as error:
        return _failed(name, error, _SCOPES_ADVICE if isinstance(error, Forbidden) else error.advice)


def _failed(name: str, error: ExportError, advice: str) -> CheckLine:
    # What time may heal says nothing about the connection.
    ok = None if isinstance(error, RetryLater) else False
    message = error.message[:1].upper() + error.message[1:] + "."
    return CheckLine.model_validate({"name": name, "ok": ok, "message": message, "advice": advice})


def _untried(*names: str) -> Iterator[CheckLine]:
    for name in names:
        yield CheckLine.model_validate({"name": name, "ok": None, "message": "Not tried: something before it failed."})


def _advice_for_key(services: Services, connection: Connection, error: SendGridError) -> str:
    """A key of the other region is refused like one that is wrong: the other host tells which it is."""
    if not isinstance(error, KeyRefused) or services.settings.sendgrid_base_url:
        return error.advice
    other = "eu" if connection.region == "global" else "global"
    try:
        services.sendgrid(connection.model_copy(update={"region": other}), lambda: None).scopes()
    except Forbidden:
        pass  # known there, then
    except ExportError:
        return error.advice
    return f"The key belongs to the region {other}: change the connection's region."


def _consent(connection: Connection) -> CheckLine:
    if connection.consent is None:
        return CheckLine(
            name="consent",
            ok=False,
            message="Nobody has agreed that data leaves for SendGrid.",
            advice=_CONSENT_ADVICE.format(id=connection.id),
        )
    consent = connection.consent
    when = consent.agreed_at.date().isoformat()
    message = f"{consent.agreed_by} agreed on {when} (text {consent.text_version})."
    return CheckLine(name="consent", ok=True, message=message)
