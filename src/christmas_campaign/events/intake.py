"""Intake: from the payload of a webhook to an event, or to the list of its problems."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign import names, times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.sender_settings import NO_SETTINGS, SenderSettings
from christmas_campaign.events import opaque_ids, provider_payloads
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.registry import sequence


class Problem(NamedTuple):
    """One problem with a payload: the field, and what its sender has to correct."""

    field: str
    problem: str


class InvalidPayload(Exception):
    """The payload is not valid; ``problems`` lists all its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s) with the payload")
        self.problems = problems


class Event(NamedTuple):
    """The checked content of a webhook's payload.

    ``fields`` has the fields of the payload, including ``email``, without defaults: a default is the last source of a
    template's value. ``variables`` has the payload's own values for templates, as text. ``received_at`` is in UTC.
    ``replaced`` names the fields and variables that were left out because an e-mail may not show them: see ``names``.
    """

    sequence: str
    fields: dict[str, Plain]
    variables: dict[str, str]
    received_at: datetime
    replaced: tuple[str, ...] = ()

    @property
    def own_sequence(self) -> Sequence:
        """The sequence of the event; raises ``UnknownSequence`` if this release does not have it."""
        return sequence(self.sequence)

    @property
    def email(self) -> str:
        """The contact's address, trimmed and in lower case."""
        return str(self.fields["email"])

    @property
    def id(self) -> str:
        """The id of the event's enrolment. The same event has the same id.

        An event that only ends e-mails has the id of the enrolment that it ends, and a suffix.
        """
        enrolment = opaque_ids.enrolment_id(self.own_sequence, self.email, self.fields)
        return f"{enrolment}-{self.status}" if self.cancels else enrolment

    @property
    def status(self) -> Plain | None:
        """What the event says of its call, such as "booked" or "cancelled"; ``None`` if it does not say."""
        return self.fields.get(self.own_sequence.status_field)

    @property
    def cancels(self) -> bool:
        """Whether the event only ends e-mails: a call is cancelled or moves, or the report of a missed call is withdrawn."""
        return self.status in self.own_sequence.only_ends

    @property
    def booking(self) -> str | None:
        """The opaque id of the event's booking; ``None`` if the event is not a booking or cancellation."""
        uri = self.fields.get("booking_uri")
        return None if uri is None else opaque_ids.booking_id(self.email, str(uri))

    @property
    def call(self) -> str | None:
        """The opaque id of the event's booking at its time; ``None`` if the event is not about a booking."""
        uri = self.fields.get("booking_uri")
        at = self.fields.get("scheduled_time")
        return None if uri is None else opaque_ids.call_id(self.email, str(uri), times.parse(str(at)))

    @property
    def missed_call(self) -> str | None:
        """The opaque id of the event's missed call; ``None`` if the event is not about a missed call."""
        uri = self.fields.get("calendly_event_uri")
        return None if uri is None else opaque_ids.missed_call_id(self.email, str(uri))

    @property
    def happened_at(self) -> datetime:
        """When the event happened (UTC): ``booked_at`` of the payload, but not after the arrival; otherwise the arrival.

        It orders bookings whose webhooks arrive in another order.
        """
        booked_at = self.fields.get("booked_at")
        return min(times.parse(booked_at), self.received_at) if isinstance(booked_at, str) else self.received_at

    @property
    def defaults(self) -> dict[str, Plain]:
        """The default of each field that has one, by name."""
        return {field.name: field.default for field in sequence(self.sequence).fields if field.default is not None}

    def value(self, name: str) -> Plain | None:
        """Return the field's value, or its default, or ``None``."""
        return self.fields.get(name, self.defaults.get(name))

    def as_json(self) -> JsonObject:
        """Return the event as JSON, for the inputs of flows and the record of the enrolment."""
        data = {**self._asdict(), "received_at": times.text(self.received_at), "replaced": [*self.replaced]}
        if not self.replaced:
            del data["replaced"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """Return the event that ``as_json`` wrote."""
        fields, variables, replaced = dict(data["fields"]), dict(data["variables"]), tuple(data.get("replaced") or ())
        return cls(data["sequence"], fields, variables, times.parse(data["received_at"]), replaced)


def read(payload: object, sequence_name: str, now: datetime, settings: SenderSettings = NO_SETTINGS) -> Event:
    """Return the event of a payload that arrived at ``now`` (aware).

    ``payload`` is any JSON value, or text if the body was not JSON. It is the flat payload of the contract, or one that
    Calendly, Cal.com or DocuSign Connect sends. ``settings`` say whose signature is never that of a contact.

    Raises ``InvalidPayload`` with all problems, and no other error.
    """
    if not isinstance(payload, Mapping):
        raise InvalidPayload([Problem("body", "must be a JSON object")])
    flat = provider_payloads.read(payload, sequence_name, settings)
    fields: dict[str, Plain] = {}
    replaced: list[str] = []
    problems = [Problem(*problem) for problem in flat.problems]
    for field in sequence(sequence_name).fields:
        json_value = flat.fields.get(field.name)
        if field_types.blank(json_value):
            if field.required and field.name not in flat.looked_up:
                problems.append(Problem(field.name, flat.missing(field.name)))
            continue
        if names.is_name(field.name) and isinstance(json_value, str) and not names.is_usable(json_value):
            replaced.append(field.name)
            continue
        try:
            value = field.kind(json_value)
        except ValueError as error:
            problems.append(Problem(field.name, str(error)))
            continue
        if value != []:
            fields[field.name] = value
    anchor_field = sequence(sequence_name).anchor_field
    if anchor_field in fields:
        problem = field_types.not_after(str(fields[anchor_field]), now, sequence(sequence_name).anchor_ahead)
        if problem:
            problems.append(Problem(anchor_field, problem))
    own_variables = variables(flat.fields.get("variables"), problems)
    problems.extend(
        Problem(field.name, f"must be true: {field.only_true}")
        for field in sequence(sequence_name).fields
        if field.only_true is not None and fields.get(field.name) is False
    )
    if problems:
        raise InvalidPayload(problems)
    usable = names.without_unusable(own_variables)
    replaced += [name for name in own_variables if name not in usable]
    return Event(sequence_name, fields, usable, now, tuple(dict.fromkeys(replaced)))


def variables(json_value: object, problems: list[Problem]) -> dict[str, str]:
    """Return a payload's values for templates, as text by name, and add their problems to ``problems``.

    ``json_value`` is the payload's field ``variables``, any JSON value. Blank values are left out.
    """
    if json_value is None:
        return {}
    if not isinstance(json_value, Mapping):
        problems.append(Problem("variables", "must be an object of names and values"))
        return {}
    if len(json_value) > field_types.MOST_VARIABLES:
        problems.append(Problem("variables", f"must have at most {field_types.MOST_VARIABLES} names"))
        return {}
    texts: dict[str, str] = {}
    for name, value in json_value.items():
        if field_types.blank(value):
            continue
        if not isinstance(name, str) or not field_types.is_name(name):
            problems.append(Problem("variables", "must have names of letters, digits, spaces, _ and - only"))
            continue
        try:
            kind = field_types.texts if isinstance(value, list) else field_types.notes
            plain = str(value).lower() if isinstance(value, bool) else kind(value)
        except ValueError as error:
            problems.append(Problem(f"variables.{name.strip()}", str(error)))
            continue
        if plain:
            texts[name.strip()] = field_types.as_text(plain)
    return texts


class Accepted(NamedTuple):
    """A valid payload: its event starts an enrolment, or cancels a call.

    ``body`` is the JSON response to the sender, ``body_if_known`` the response if this event is enrolled already.
    """

    event: Event
    body: JsonObject
    body_if_known: JsonObject


class Unneeded(NamedTuple):
    """A valid payload that starts nothing: the event, the reason, and the JSON response to the sender."""

    event: Event
    reason: Reason
    body: JsonObject


class Rejected(NamedTuple):
    """A payload that is not valid: all problems, and the JSON response to the sender."""

    problems: tuple[Problem, ...]
    body: JsonObject


def answer(
    payload: object,
    sequence_name: str,
    now: datetime,
    execution_id: str | None,
    settings: SenderSettings = NO_SETTINGS,
) -> Accepted | Unneeded | Rejected:
    """Decide the response to a payload (any JSON value) that arrived at ``now`` (aware), and whether it starts an enrolment.

    ``execution_id`` is the id of the Kestra execution that responds; ``None`` if the door responds before there is one. The
    door does not know ``settings``: it passes on every call.
    """
    try:
        event = read(payload, sequence_name, now, settings)
    except InvalidPayload as error:
        body: JsonObject = {"status": "rejected", "errors": [problem._asdict() for problem in error.problems]}
        return Rejected(tuple(error.problems), body)
    assert isinstance(payload, Mapping)  # noqa: S101  (read() raises otherwise)
    flat = provider_payloads.read(payload, sequence_name, settings)
    payload_email = flat.fields["email"]
    own_sequence = event.own_sequence
    if own_sequence.is_about_a_call and not settings.counts(flat.event_types):
        body = {"status": "skipped", "reason": Reason.OTHER_CALL, "email": payload_email}
        return Unneeded(event, Reason.OTHER_CALL, body)
    if own_sequence.skip is not None and own_sequence.skip.applies(event.fields):
        reason = own_sequence.skip.reason
        return Unneeded(event, reason, {"status": "skipped", "reason": reason, "email": payload_email})
    action = (
        "of this call are being stopped"
        if event.cancels
        else f"of the sequence {own_sequence.name} are being scheduled"
    )
    echoed: dict[str, Any] = {name: event.value(name) for name in own_sequence.echoed}
    accepted: JsonObject = {
        "status": "accepted",
        "message": f"The e-mails {action}.",
        "email": payload_email,
        "campaign": own_sequence.answers_as,
        "timestamp": times.text(now),
        "execution_id": execution_id,
        **echoed,
    }
    return Accepted(event, accepted, {"status": "skipped", "reason": own_sequence.duplicate, "email": payload_email})
