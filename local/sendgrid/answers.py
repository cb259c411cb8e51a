"""Answers of the simulated service: JSON, SendGrid's error bodies, and refusals that end a request early."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import orjson

JSON = "application/json"
XML = "application/xml"
NOT_FOUND = "not found"


@dataclass(slots=True)
class Answer:
    """An HTTP answer. An iterator as body is sent piece by piece, at the reader's pace.

    `delay`: seconds to wait before it is sent. `drop`: close the connection instead of sending it.
    """

    status: int
    body: bytes | Iterator[bytes] = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


def answer(status: int, document: object) -> Answer:
    return Answer(status, orjson.dumps(document))


def error(message: str, field_name: str | None = None) -> dict[str, str | None]:
    return {"field": field_name, "message": message}


def errors(status: int, *found: Mapping[str, str | None]) -> Answer:
    return answer(status, {"errors": list(found)})


class Refused(Exception):
    """A handler refuses the request; carries the answer."""

    def __init__(self, response: Answer) -> None:
        super().__init__(response.status)
        self.answer = response


def refuse(status: int, message: str, field_name: str | None = None) -> Refused:
    """Raise what this returns: a refusal with SendGrid's usual body of one error."""
    return Refused(errors(status, error(message, field_name)))


def refuse_storage(status: int, code: str, message: str) -> Refused:
    """Refuse as the object store behind `upload_uri` and `errors_url` does, in XML."""
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Refused(Answer(status, xml.encode(), XML))


def parse(text: bytes | str) -> object:
    """Read JSON; refuse as SendGrid does if it is none (sendgrid-nodejs#957)."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refuse(400, "invalid JSON", "") from None


def parse_object(text: bytes) -> dict[str, object]:
    """Read a JSON object; refuse anything else as SendGrid does (sendgrid-csharp#1021)."""
    document = parse(text)
    if not isinstance(document, dict):
        raise refuse(400, "invalid input", "")
    return document
