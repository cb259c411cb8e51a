"""The way of every request: fault, route, headers, key, scope, rate, handler; then the log."""

from local.sendgrid import api_account, api_contacts, api_exports, api_imports, api_upsert
from local.sendgrid.account import Account
from local.sendgrid.answers import NOT_FOUND, Answer, Refused, error, errors
from local.sendgrid.faults import DROP_AFTER, DROP_BEFORE, Fault, Faults
from local.sendgrid.limits import RateLimits
from local.sendgrid.routes import Route, Routes
from local.sendgrid.server import Request
from local.sendgrid.stats import DROPPED, Stats

_TABLES = (api_account, api_contacts, api_upsert, api_imports, api_exports)
_ROUTES = Routes(route for table in _TABLES for route in table.ROUTES)
_ACCEPTED = ("application/json", "application/*", "*/*")


class Service:
    """The simulated service: an account with its limits, faults and statistics."""

    def __init__(self, base_url: str, keys: dict[str, tuple[str, ...]]) -> None:
        self.base_url = base_url
        self._keys = keys
        self.account = Account(base_url, keys)
        self._start_counting()

    def _start_counting(self) -> None:
        self.faults = Faults()
        self.limits = RateLimits()
        self.stats = Stats()

    def reset(self) -> None:
        """Begin anew: an empty account with the first keys, default settings, no faults, no counts."""
        self.account.jobs.cancel()
        self.account = Account(self.base_url, self._keys)
        self._start_counting()

    def handle(self, request: Request) -> Answer:
        """Answer a request to the API or to its files."""
        found = _ROUTES.find(request.method, request.path)
        name = found[0].name if found else f"{request.method} (no such route)"
        fault = self.faults.meeting(request.method, found[0].template if found else request.path)
        if fault is not None and fault.drop == DROP_BEFORE:
            answer = Answer(DROPPED, drop=True)
        else:
            answer = self._guarded(request, name, found, fault)
            if fault is not None:
                answer.delay = fault.latency
                answer.drop = fault.drop == DROP_AFTER
        self.stats.record(name, request, DROPPED if answer.drop else answer.status)
        return answer

    def _guarded(
        self, request: Request, name: str, found: tuple[Route, tuple[str, ...]] | None, fault: Fault | None
    ) -> Answer:
        headers: dict[str, str] = {}
        within = True
        if found and found[0].scope is not None and self.account.settings.rate_limited:
            within, headers = self.limits.count(name, self.account.settings)
        try:
            answer = self._answer(request, found, fault, within=within)
        except Refused as refusal:
            answer = refusal.answer
        answer.headers = headers | answer.headers
        return answer

    def _answer(
        self, request: Request, found: tuple[Route, tuple[str, ...]] | None, fault: Fault | None, *, within: bool
    ) -> Answer:
        if fault is not None:
            if fault.status is not None:
                return fault.answer()
            request.fate = fault.job
        if found is None:
            return _no_route(request)
        route, parameters = found
        if route.scope is not None:
            self._admit(request, route.scope)
            if not within:
                return errors(429, error("too many requests"))
        return route.handle(self.account, request, *parameters)

    def _admit(self, request: Request, scope: str) -> None:
        accepted = request.headers.get("accept", "")
        if not any(kind in accepted for kind in _ACCEPTED):
            raise Refused(errors(406, error("the accept header is missing or not supported")))
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise Refused(errors(401, error("authorization required")))
        if (scopes := self.account.keys.get(key.strip())) is None:
            message = "The provided authorization grant is invalid, expired, or revoked"
            raise Refused(errors(401, error(message)))
        if scope and scope not in scopes:
            raise Refused(errors(403, error("access forbidden")))


def _no_route(request: Request) -> Answer:
    if request.path.startswith("/v3/contactdb"):  # the retired API answers newer accounts so
        return errors(403, error("access forbidden"))
    return errors(404, error(NOT_FOUND))
