"""Who calls, and what they may do: the app roles of Customer Insights.

`AUTH_MODE=key`: the platform has looked at the function key, and whoever has one is an administrator.
`AUTH_MODE=entra`: App Service authentication stands before the app and hands on who signed in in
`X-MS-CLIENT-PRINCIPAL`. Anybody can send a header of that name, so it counts only while the platform says that it is
on, which is when it removes such headers from what comes in (learn.microsoft.com, "Work with user identities in Azure
App Service authentication").
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

from shared.errors import ExportError

if TYPE_CHECKING:
    from shared.destinations.models import Connection, Export

PRINCIPAL = "x-ms-client-principal"
# Read-only, and injected by the platform while its authentication is on (learn.microsoft.com, "Environment variables
# and app settings in Azure App Service").
PLATFORM_AUTH = "WEBSITE_AUTH_ENABLED"
_ROLE_CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
_NAME_CLAIMS = ("preferred_username", "upn", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "name")
_APPLICATION_CLAIMS = ("azp", "appid")
_LONGEST_NAME = 100


class Role(IntEnum):
    """What somebody may do; a greater one may do all that a smaller one may."""

    NONE = 0
    VIEWER = 1
    CONTRIBUTOR = 2
    ADMINISTRATOR = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class NotSignedIn(ExportError):
    """Nobody has signed in, or who it was cannot be read."""


class NotAllowed(ExportError):
    """The role of who calls does not reach as far."""


class AuthNotConfigured(ExportError):
    """`AUTH_MODE=entra` without App Service authentication: nobody can be told from anybody."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `name` is a sign-in name, or the id of an application."""

    name: str
    role: Role

    def may_use(self, connection: "Connection | None") -> bool:
        """Whether exports of this person may go over the connection."""
        if self.role is Role.ADMINISTRATOR:
            return True
        return self.role is Role.CONTRIBUTOR and connection is not None and "contributor" in connection.allowed_roles

    def may_edit(self, export: "Export", connection: "Connection | None") -> bool:
        """Whether this person may change and run the export; one that is detached belongs to all contributors."""
        if self.role is Role.CONTRIBUTOR and export.connection is None:
            return True
        return self.may_use(connection)


def principal_of(auth_mode: str, headers: Mapping[str, str], environment: Mapping[str, str]) -> Principal:
    """Who calls. AuthNotConfigured, NotSignedIn."""
    if auth_mode == "key":
        return Principal("function key", Role.ADMINISTRATOR)
    if environment.get(PLATFORM_AUTH, "").lower() != "true":
        raise AuthNotConfigured(
            "AUTH_MODE is entra, and App Service authentication is off",
            code="auth_not_configured",
            advice="Turn on App Service authentication with Microsoft as the provider, or set AUTH_MODE to key.",
        )
    header = headers.get(PRINCIPAL)
    if not header:
        raise NotSignedIn("nobody has signed in", code="not_signed_in", advice="Sign in, and try again.")
    claims = _claims(header)
    roles = [Role[value.upper()] for value in claims.of(_ROLE_CLAIMS) if value.upper() in Role.__members__]
    return Principal(claims.name, max(roles, default=Role.NONE))


@dataclass(frozen=True, slots=True)
class _Claims:
    pairs: tuple[tuple[str, str], ...]

    def of(self, types: frozenset[str]) -> list[str]:
        return [value for kind, value in self.pairs if kind in types]

    @property
    def name(self) -> str:
        for kind in _NAME_CLAIMS:
            if found := self.of(frozenset({kind})):
                return _line(found[0])
        found = self.of(frozenset(_APPLICATION_CLAIMS))
        return _line(f"application {found[0]}") if found else "unnamed"


def _claims(header: str) -> _Claims:
    """What App Service says of who signed in: base64 of `{"auth_typ": "aad", "claims": [{"typ": …, "val": …}]}`."""
    try:
        told: Any = json.loads(base64.b64decode(header, validate=True))
        if told["auth_typ"] != "aad":  # another provider's `roles` are not this app's
            raise _unreadable("the sign-in is not Microsoft's")
        return _Claims(tuple((str(claim["typ"]), str(claim["val"])) for claim in told["claims"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable("who signed in cannot be read") from error


def _unreadable(why: str) -> NotSignedIn:
    return NotSignedIn(
        why, code="not_signed_in", advice="Let App Service authentication use Microsoft as its only provider."
    )


def _line(name: str) -> str:
    """A name as a document may hold it."""
    return "".join(char for char in name if char.isprintable())[:_LONGEST_NAME].strip() or "unnamed"


def need(principal: Principal, role: Role) -> None:
    """NotAllowed unless the role is at least this one."""
    if principal.role >= role:
        return
    if principal.role is Role.NONE:
        raise NotAllowed(
            "whoever signed in has none of the app's roles",
            code="no_role",
            advice="Ask for the role viewer, contributor or administrator of the app's enterprise application.",
        )
    raise NotAllowed(
        f"this takes the role {role.word}, and yours is {principal.role.word}",
        code="role_too_small",
        advice=f"Ask somebody who is {_article(role)} {role.word}.",
    )


def need_permission(allowed: bool, what: str) -> None:
    """NotAllowed if a contributor reaches for what is not shared with contributors; `what` names it."""
    if not allowed:
        raise NotAllowed(
            f"{what} is not shared with you",
            code="not_shared",
            advice="Ask an administrator to add contributor to the connection's allowed_roles.",
        )


def _article(role: Role) -> Literal["a", "an"]:
    return "an" if role is Role.ADMINISTRATOR else "a"
