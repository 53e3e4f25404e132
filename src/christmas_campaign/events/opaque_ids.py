"""Opaque ids of contacts, bookings and enrolments. They reveal no personal data; the same input gives the same id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import facts, times
from christmas_campaign.sequences.model import Sequence


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def contact_id(email: str) -> str:
    """Return the opaque id of a contact for labels, keys and logs. ``email`` is the trimmed, lower-case address."""
    return _digest("contact", email)


def booking_id(email: str, uri: str) -> str:
    """Return the opaque id of a contact's booking. It does not depend on the time of the call.

    ``email`` is the contact's trimmed, lower-case address, ``uri`` the provider's name of the booking.
    """
    return _digest("booking", email, uri)


def call_id(email: str, uri: str, at: datetime) -> str:
    """Return the opaque id of a contact's booking at one time (aware): a booking that moves has another.

    The other parameters are those of ``booking_id``.
    """
    return _digest("call", email, uri, times.text(at))


def missed_call_id(email: str, uri: str) -> str:
    """Return the opaque id of a contact's missed call; the parameters are those of ``booking_id``."""
    return _digest("missed call", email, uri)


def enrolment_id(sequence: Sequence, email: str, fields: Mapping[str, Any]) -> str:
    """Return the id of an enrolment, which is unique for its sequence, address and event.

    ``fields`` are the payload's fields after intake. The id is valid in a key of Kestra's KV store.
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


def sequence_name(enrolment: str) -> str:
    """Return the name of the sequence of an enrolment, with which its id begins."""
    return enrolment.partition("-")[0]


def idempotency_key(enrolment: str, number: int) -> str:
    """Return the idempotency key with which Resend sends e-mail ``number`` of an enrolment once (at most 256 characters)."""
    return f"{enrolment}-e{number}"
