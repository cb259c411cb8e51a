"""Connections: documents with their versions, what is missing in them, and consent."""

import json
from typing import Any

import pytest

from local.stack import Stack
from tests.integration.api.conftest import ANY, NEW, Api, assert_problem, export_of

KEY = "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

Document = dict[str, Any]


@pytest.fixture
def document(stack: Stack, fresh: str) -> Document:
    """A connection whose key is in the vault and works."""
    key = f"SG.{fresh}.{fresh * 4}"
    stack.sendgrid.add_key(key)
    stack.vault.set(f"sendgrid-{fresh}", key)
    return {"display_name": "Marketing", "api_key_secret": f"sendgrid-{fresh}"}


def checks(answer: Document) -> dict[str, bool | None]:
    return {line["name"]: line["ok"] for line in answer["checks"]}


def test_a_connection_is_made_read_changed_and_removed(api: Api, fresh: str, document: Document) -> None:
    path = f"/connections/{fresh}"
    made = api("PUT", path, document, NEW)
    assert made.status == 201
    read = api("GET", path)
    assert read.json() == made.json()
    assert read.headers["etag"] == made.headers["etag"] == f'"{read.json()["etag"]}"'
    assert read.headers["cache-control"] == "no-store"
    facts = {"id": fresh, "display_name": "Marketing", "type": "SendGrid", "permission": "edit", "used_by": []}
    assert facts.items() <= read.json().items()

    changed = api("PUT", path, document | {"display_name": "Sales"}, {"if-match": read.headers["etag"]})
    assert (changed.status, changed.json()["display_name"]) == (200, "Sales")
    assert changed.headers["etag"] != read.headers["etag"]
    assert api("DELETE", path, headers={"if-match": changed.headers["etag"]}).status == 204
    assert_problem(api("GET", path), 404, code="not_found")


def test_nobody_overwrites_what_they_have_not_seen(api: Api, fresh: str, document: Document) -> None:
    path = f"/connections/{fresh}"
    assert_problem(api("PUT", path, document), 428, code="condition_missing")
    assert_problem(api("PUT", path, document, ANY), 412, code="condition_failed")  # there is none
    first = api("PUT", path, document, NEW).headers["etag"]
    assert_problem(api("PUT", path, document, NEW), 412, code="condition_failed")
    assert api("PUT", path, document | {"display_name": "Other"}, {"if-match": f'"0x0", {first}'}).status == 200
    for method, part, body in (
        ("PUT", "", document),
        ("DELETE", "", None),
        ("POST", "/consent", {"text_version": api.get("/consent-text")["text_version"]}),
        ("DELETE", "/consent", None),
    ):
        assert_problem(api(method, path + part, body, {"if-match": first}), 412, code="condition_failed")
        assert_problem(api(method, path + part, body), 428, code="condition_missing")
    assert api.get(path)["display_name"] == "Other"


def test_who_changed_a_connection_is_shown_to_administrators(
    administrator: Api, contributor: Api, fresh: str, document: Document
) -> None:
    path = f"/connections/{fresh}"
    administrator("PUT", path, document | {"allowed_roles": ["contributor"]}, NEW)
    version = administrator.get("/consent-text")["text_version"]
    agreed = administrator("POST", f"{path}/consent", {"text_version": version}, ANY).json()
    assert agreed["updated_by"] == agreed["consent"]["agreed_by"] == "admin@contoso.example"
    assert agreed["updated_at"][:10] == agreed["consent"]["agreed_at"][:10]
    assert not {"updated_by", "updated_at", "etag"} & contributor.get(path).keys()


def test_every_fault_of_a_document_is_named_by_its_field(api: Api, fresh: str) -> None:
    document = {"display_name": "", "api_key_secret": "no good", "regon": "eu", "contact_limit": 0}
    answer = api("PUT", f"/connections/{fresh}", document, NEW)
    assert_problem(answer, 400, code="invalid_document")
    errors = {error["field"]: error["detail"] for error in answer.json()["errors"]}
    assert errors.keys() == {"display_name", "api_key_secret", "regon", "contact_limit"}
    assert errors["regon"] == "is not a known key; did you mean 'region'?"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b'{"a": 1, "a": 2}'])
def test_what_is_no_document_is_a_400(api: Api, fresh: str, body: bytes) -> None:
    assert_problem(api("PUT", f"/connections/{fresh}", body, NEW), 400, code="invalid_document")


@pytest.mark.parametrize("where", ["api_key_secret", "display_name", "api_key", "consent"])
def test_a_key_in_a_document_is_refused_and_never_repeated(
    api: Api, stack: Stack, fresh: str, document: Document, where: str
) -> None:
    answer = api("PUT", f"/connections/{fresh}", document | {where: KEY}, NEW)
    assert_problem(answer, 400, code="invalid_document", field=where)
    assert "Key Vault" in answer.json()["detail"]
    assert KEY[3:20] not in json.dumps(answer.json())
    assert KEY[3:20] not in api.runtime.log()
    assert not list(stack.storage.config.list(f"connections/{fresh}"))


def test_a_connection_that_exports_use_stays(api: Api, fresh: str, document: Document) -> None:
    api("PUT", f"/connections/{fresh}", document, NEW)
    list_id = "d35c5894-fba0-42fc-83a6-a6b611aa4a96"
    assert api("PUT", f"/exports/of-{fresh}", export_of(fresh, list_id), NEW).status == 201
    assert api.get(f"/connections/{fresh}")["used_by"] == [f"of-{fresh}"]
    refused = api("DELETE", f"/connections/{fresh}", headers=ANY)
    assert_problem(refused, 409, code="in_use", used_by=[f"of-{fresh}"])
    api("PUT", f"/exports/of-{fresh}", export_of(None, list_id), ANY)
    assert api("DELETE", f"/connections/{fresh}", headers=ANY).status == 204


def test_the_list_says_what_is_wrong_with_documents_that_cannot_be_read(api: Api, stack: Stack, fresh: str) -> None:
    stack.put_config(f"connections/{fresh}.json", {"display_name": "Broken"})
    listed = {each["name"]: each["problems"] for each in api.get("/connections")["invalid"]}
    assert any("api_key_secret" in problem for problem in listed[f"connections/{fresh}.json"])
    assert_problem(api("GET", f"/connections/{fresh}"), 409, code="invalid_document")
    repaired = {"display_name": "Mended", "api_key_secret": "sendgrid"}
    assert api("PUT", f"/connections/{fresh}", repaired, ANY).status == 200


def test_a_check_of_a_good_connection_lacks_only_consent(api: Api, fresh: str, document: Document) -> None:
    api("PUT", f"/connections/{fresh}", document, NEW)
    found = api("POST", f"/connections/{fresh}/check").json()
    assert checks(found) == {
        "secret": True,
        "key": True,
        "scopes": True,
        "lists": True,
        "fields": True,
        "consent": False,
    }
    assert found["ok"] is False
    assert f"--name sendgrid-{fresh}" in found["vault_command"]
    version = api.get("/consent-text")["text_version"]
    api("POST", f"/connections/{fresh}/consent", {"text_version": version}, ANY)
    assert api("POST", f"/connections/{fresh}/check").json()["ok"] is True


def test_a_check_says_that_the_secret_is_missing(api: Api, fresh: str, document: Document) -> None:
    api("PUT", f"/connections/{fresh}", document | {"api_key_secret": f"missing-{fresh}"}, NEW)
    found = api("POST", f"/connections/{fresh}/check").json()
    assert checks(found) == {
        "secret": False,
        "key": None,
        "scopes": None,
        "lists": None,
        "fields": None,
        "consent": False,
    }
    assert f"missing-{fresh}" in found["checks"][0]["message"]
    assert "az keyvault secret set" in found["checks"][0]["advice"]


def test_a_check_says_that_sendgrid_does_not_know_the_key(
    api: Api, stack: Stack, fresh: str, document: Document
) -> None:
    stack.vault.set(f"sendgrid-{fresh}", KEY)
    api("PUT", f"/connections/{fresh}", document, NEW)
    answer = api("POST", f"/connections/{fresh}/check")
    assert checks(answer.json()) | {"consent": None} == {
        "secret": True,
        "key": False,
        "scopes": None,
        "lists": None,
        "fields": None,
        "consent": None,
    }
    assert KEY not in answer.body
    assert KEY not in api.runtime.log()


def test_a_check_says_which_right_the_key_lacks(api: Api, stack: Stack, fresh: str) -> None:
    stack.put_connection(f"poor-{fresh}", scopes=["mail.send"])
    found = api("POST", f"/connections/poor-{fresh}/check").json()
    assert {name: ok for name, ok in checks(found).items() if not ok} == {
        "scopes": False,
        "lists": False,
        "fields": False,
    }
    assert all("Marketing: Full Access" in line["advice"] for line in found["checks"] if not line["ok"])


def test_consent_is_recorded_in_the_callers_name_and_can_be_withdrawn(
    administrator: Api, fresh: str, document: Document
) -> None:
    path = f"/connections/{fresh}"
    administrator("PUT", path, document, NEW)
    text = administrator.get("/consent-text")
    assert text["paragraphs"]
    assert text["responsibilities"]
    agreed = administrator("POST", f"{path}/consent", {"text_version": text["text_version"]}, ANY)
    assert agreed.status == 200
    consent = agreed.json()["consent"]
    assert (consent["agreed_by"], consent["text_version"]) == ("admin@contoso.example", text["text_version"])
    assert consent["agreed_at"].startswith("20")

    kept = administrator("PUT", path, document | {"display_name": "Other"}, {"if-match": agreed.headers["etag"]})
    assert kept.json()["consent"] == consent  # the document says nothing of it
    withdrawn = administrator("DELETE", f"{path}/consent", headers=ANY)
    assert (withdrawn.status, withdrawn.json()["consent"]) == (200, None)


def test_an_outdated_text_is_not_agreed_to(api: Api, fresh: str, document: Document) -> None:
    api("PUT", f"/connections/{fresh}", document, NEW)
    answer = api("POST", f"/connections/{fresh}/consent", {"text_version": "1999-01"}, ANY)
    assert_problem(answer, 409, code="consent_text_changed")
    answer = api("POST", f"/connections/{fresh}/consent", {"agreed_by": "the boss"}, ANY)
    assert_problem(answer, 400, code="bad_request")
    assert {error["field"] for error in answer.json()["errors"]} == {"text_version", "agreed_by"}


def test_nobody_agrees_in_another_persons_name(administrator: Api, fresh: str, document: Document) -> None:
    consent = {"agreed_by": "the boss", "agreed_at": "2026-11-21T10:00:00Z", "text_version": "2026-11"}
    answer = administrator("PUT", f"/connections/{fresh}", document | {"consent": consent}, NEW)
    assert_problem(answer, 400, field="consent.agreed_by")
    own = consent | {"agreed_by": "admin@contoso.example"}
    assert administrator("PUT", f"/connections/{fresh}", document | {"consent": own}, NEW).status == 201


def test_lists_come_from_all_pages_by_name_and_fields_with_their_types(
    api: Api, stack: Stack, fresh: str, document: Document
) -> None:
    api("PUT", f"/connections/{fresh}", document, NEW)
    names = [f"{fresh} b", f"{fresh} A"]
    for name in names:
        stack.sendgrid.create_list(name)
    field = stack.sendgrid.define_field(f"tier_{fresh}", "Number")
    lists = [each["name"] for each in api.get(f"/connections/{fresh}/lists")["lists"] if fresh in each["name"]]
    assert lists == [names[1], names[0]]
    fields = api.get(f"/connections/{fresh}/fields")["fields"]
    assert {"id": field, "name": f"tier_{fresh}", "type": "Number", "reserved": False} in fields
    assert [each["reserved"] for each in fields] == sorted(each["reserved"] for each in fields)


def test_an_account_that_cannot_be_reached_is_a_problem_with_advice(api: Api, fresh: str, document: Document) -> None:
    api("PUT", f"/connections/{fresh}", document | {"api_key_secret": f"missing-{fresh}"}, NEW)
    answer = api("GET", f"/connections/{fresh}/lists")
    assert_problem(answer, 502, code="secret_missing")
    assert "az keyvault secret set" in answer.json()["advice"]


class TestExportAndConnectionInOne:
    """An export's document that is its connection, too."""

    @pytest.fixture
    def both(self, stack: Stack, fresh: str, document: Document) -> Document:
        content = export_of(None, "d35c5894-fba0-42fc-83a6-a6b611aa4a96") | document
        del content["connection"]
        stack.put_config(f"exports/{fresh}.json", content)
        return content

    def test_it_shows_as_both(self, api: Api, fresh: str, both: Document) -> None:
        assert api.get(f"/exports/{fresh}")["connection"] == fresh
        assert api.get(f"/connections/{fresh}")["api_key_secret"] == both["api_key_secret"]
        assert api.get(f"/connections/{fresh}")["used_by"] == [fresh]

    def test_each_half_is_changed_in_its_place(self, api: Api, stack: Stack, fresh: str, both: Document) -> None:
        changed = export_of(fresh, both["list_id"], segments=["Others"])
        assert api("PUT", f"/exports/{fresh}", changed, ANY).json()["segments"] == ["Others"]
        half = {"display_name": "Newsletter", "api_key_secret": "another", "region": "eu"}
        assert api("PUT", f"/connections/{fresh}", half, ANY).json()["region"] == "eu"
        stored = json.loads(stack.storage.config.read(f"exports/{fresh}.json").content)
        assert (stored["segments"], stored["api_key_secret"]) == (["Others"], "another")
        assert not list(stack.storage.config.list(f"connections/{fresh}"))

    def test_each_half_keeps_its_name_when_the_other_gets_a_new_one(
        self, api: Api, stack: Stack, fresh: str, both: Document
    ) -> None:
        def names() -> list[str]:
            return [api.get(f"/{kind}/{fresh}")["display_name"] for kind in ("exports", "connections")]

        assert api("PUT", f"/exports/{fresh}", export_of(fresh, both["list_id"]) | {"display_name": "Weekly"}, ANY)
        assert names() == ["Weekly", both["display_name"]]
        half = {"display_name": "Sales", "api_key_secret": both["api_key_secret"]}
        assert api("PUT", f"/connections/{fresh}", half, ANY).status == 200
        assert names() == ["Weekly", "Sales"]
        assert api("PUT", f"/connections/{fresh}", half | {"display_name": "Weekly"}, ANY).status == 200
        assert names() == ["Weekly", "Weekly"]
        assert "connection_display_name" not in json.loads(stack.storage.config.read(f"exports/{fresh}.json").content)

    @pytest.mark.usefixtures("both")
    def test_consent_is_given_in_its_place(self, api: Api, fresh: str) -> None:
        version = api.get("/consent-text")["text_version"]
        assert api("POST", f"/connections/{fresh}/consent", {"text_version": version}, ANY).status == 200
        assert api.get(f"/exports/{fresh}")["connection"] == fresh

    def test_it_is_no_connection_any_more_when_it_gets_another_one(
        self, api: Api, stack: Stack, fresh: str, both: Document
    ) -> None:
        stack.put_connection(f"other-{fresh}")
        user = export_of(fresh, both["list_id"])
        api("PUT", f"/exports/user-{fresh}", user, NEW)
        moved = export_of(f"other-{fresh}", both["list_id"])
        assert_problem(api("PUT", f"/exports/{fresh}", moved, ANY), 409, used_by=[f"user-{fresh}"])
        api("DELETE", f"/exports/user-{fresh}", headers=ANY)
        assert api("PUT", f"/exports/{fresh}", moved, ANY).status == 200
        assert_problem(api("GET", f"/connections/{fresh}"), 404)
