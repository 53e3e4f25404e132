"""Names for contacts, enrolments and e-mails that give nothing away and are the same each time they are made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from christmas_campaign.campaign import facts, times
from christmas_campaign.sequences.model import Sequence


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def contact_id(email: str) -> str:
    """Return the opaque id of a contact, for labels and logs, from the trimmed and lower-cased address."""
    return _digest("contact", email)


def booking_id(email: str, uri: str) -> str:
    """Return the opaque id of a contact's booking, whenever its call is, from her address and the booking's own name."""
    return _digest("booking", email, uri)


def enrolment_id(sequence: Sequence, email: str, fields: Mapping[str, Any]) -> str:
    """Return the id of an enrolment: the same for the same sequence, address and event, and for no other.

    ``fields`` are the payload's, as intake has checked them. The id is fit for a key of Kestra's KV store.
    """
    if sequence.event_field is None:
        event = facts.NAME
    else:
        event = str(fields[sequence.event_field])
        if sequence.event_is_time:
            event = times.text(times.parse(event))
        if sequence.event_time_field is not None:
            event = f"{event} {times.text(times.parse(str(fields[sequence.event_time_field])))}"
    return f"{sequence.name}-{_digest('enrolment', sequence.name, email, event)}"


def idempotency_key(enrolment: str, number: int) -> str:
    """Return the key under which Resend takes e-mail ``number`` of an enrolment once (at most 256 characters)."""
    return f"{enrolment}-e{number}"
