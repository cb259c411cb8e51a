"""Routes that read contacts: by address, by id, counts."""

from local.sendgrid.account import Account
from local.sendgrid.answers import Answer, answer, error, errors, parse_object, refuse
from local.sendgrid.contacts import Contact
from local.sendgrid.documents import Document, contact_document
from local.sendgrid.routes import Route
from local.sendgrid.server import Request
from local.sendgrid.values import is_address

MOST_AT_ONCE = 100  # addresses of a search, ids of a batch
LONGEST_SEARCHED = 100  # characters of an address in a search, fewer than an upsert takes
_SAMPLE = 50


def _document(account: Account, contact: Contact) -> Document:
    return contact_document(contact, account.fields.by_id, account.base_url)


def _strings(request: Request, name: str) -> list[str]:
    given = parse_object(request.body).get(name)
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise refuse(400, "invalid input", name)
    if len(given) > MOST_AT_ONCE:
        raise refuse(400, f"{name} must not hold more than {MOST_AT_ONCE} items", name)
    return given


def _search_emails(account: Account, request: Request) -> Answer:
    wanted = [address.lower() for address in _strings(request, "emails") if address]
    if not wanted:
        raise refuse(400, "emails is required", "emails")
    invalid = [item for item in wanted if not is_address(item) or len(item) > LONGEST_SEARCHED]
    if invalid:
        return errors(400, *(error(f"email '{address}' is not valid", "emails") for address in invalid))
    found = {address: account.contacts.find(address) for address in wanted}
    if not any(found.values()):
        raise refuse(404, "no contacts found")
    result = {
        address: {"contact": _document(account, contact)} if contact else {"error": "contact not found"}
        for address, contact in found.items()
    }
    return answer(200, {"result": result})


def _batch(account: Account, request: Request) -> Answer:
    found = [contact for name in _strings(request, "ids") if (contact := account.contacts.get(name))]
    if not found:
        raise refuse(404, "no contacts found")
    return answer(200, {"result": [_document(account, contact) for contact in found]})


def _one(account: Account, _request: Request, contact: str) -> Answer:
    found = account.contacts.get(contact)
    if found is None:
        raise refuse(404, "contact not found", "id")
    return answer(200, _document(account, found))


def _sample(account: Account, _request: Request) -> Answer:
    newest = [contact for contact, _ in zip(account.contacts.newest(), range(_SAMPLE), strict=False)]
    document = {
        "result": [_document(account, contact) for contact in sorted(newest, key=lambda contact: contact.key)],
        "contact_count": len(account.contacts),
        "_metadata": {"self": f"{account.base_url}/v3/marketing/contacts"},
    }
    return answer(200, document)


def _count(account: Account, _request: Request) -> Answer:
    return answer(200, {"contact_count": len(account.contacts), "billable_count": len(account.contacts)})


_CONTACTS = "/v3/marketing/contacts"
ROUTES = (
    Route("GET", _CONTACTS, _sample),
    Route("GET", _CONTACTS + "/count", _count),
    Route("POST", _CONTACTS + "/search/emails", _search_emails),
    Route("POST", _CONTACTS + "/batch", _batch),
    Route("GET", _CONTACTS + "/{id}", _one),
)
