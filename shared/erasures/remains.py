"""What an erasure leaves for people to do, in words; and what is true of all its parts."""

from shared.erasures.record import Erasure, ExportPart, Found, SegmentPart
from shared.runs.record import ErrorRecord

_SOURCE = "Erase the person where the segment comes from, let it land anew, and ask for the erasure again."


def of(erasure: Erasure) -> list[ErrorRecord]:
    """Nothing if the person is gone from everything that the erasure was to reach."""
    found = [part.problem for part in (*erasure.exports, *erasure.accounts) if part.problem]
    found += [_unfinished(part) for part in erasure.exports if not part.done]
    found += [_still_in(part) for part in erasure.segments if part.found is Found.PERSON]
    found += [_unknown(part) for part in erasure.segments if part.found is Found.UNKNOWN]
    members = [part.export_id for part in erasure.exports if part.was_member]
    if members and not erasure.delete_contact:
        found.append(
            ErrorRecord(
                code="still_at_sendgrid",
                message=f"export {', '.join(members)} had put the person on a list, where the contact still is; no run "
                "takes it off any more",
                advice="Delete the contact in SendGrid, or ask for the erasure again with delete_contact.",
            )
        )
    return found


def _unfinished(part: ExportPart) -> ErrorRecord:
    return ErrorRecord(
        code="not_reached",
        message=f"the data of export {part.export_id} was not looked at to its end",
        advice="Ask for the erasure again.",
    )


def _still_in(part: SegmentPart) -> ErrorRecord:
    return ErrorRecord(
        code="still_in_segment",
        message=f"segment {part.segment} still holds the person: the next run of export {part.export_id} puts them on "
        "its list again",
        advice=_SOURCE,
    )


def _unknown(part: SegmentPart) -> ErrorRecord:
    return ErrorRecord(
        code="segment_unreadable",
        message=f"segment {part.segment} of export {part.export_id} cannot be read, so it may still hold the person",
        advice=_SOURCE,
    )
