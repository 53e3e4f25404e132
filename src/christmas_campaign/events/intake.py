"""Intake: from the payload of a webhook to an event, or to all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import opaque_ids, provider_payloads
from christmas_campaign.json_types import JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.precall import CANCELLED
from christmas_campaign.sequences.registry import sequence


class Problem(NamedTuple):
    """One thing that is wrong with a payload, in words for whoever sent it."""

    field: str
    problem: str


class InvalidPayload(Exception):
    """A payload cannot be taken; ``problems`` lists everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s) with the payload")
        self.problems = problems


class Event(NamedTuple):
    """What a webhook said, checked.

    ``fields`` has what the payload gave, ``email`` among it, and nothing that it did not give: defaults come last among
    the sources of a template's values. ``variables`` are the payload's own values for templates, as text.
    """

    sequence: str
    fields: dict[str, Plain]
    variables: dict[str, str]
    received_at: datetime

    @property
    def own_sequence(self) -> Sequence:
        """The sequence that the event starts; raises ``UnknownSequence`` when this release does not have it."""
        return sequence(self.sequence)

    @property
    def email(self) -> str:
        """The contact's address, trimmed and in lower case."""
        return str(self.fields["email"])

    @property
    def id(self) -> str:
        """The id of the enrolment that this event asks for: the same event gives the same id, and a cancellation another one
        than the booking that it is about."""
        found = opaque_ids.enrolment_id(self.own_sequence, self.email, self.fields)
        return f"{found}-{CANCELLED}" if self.cancels else found

    @property
    def cancels(self) -> bool:
        """Whether a call will not take place at this time."""
        return self.fields.get("status") == CANCELLED

    @property
    def booking(self) -> str | None:
        """The opaque id of the booking that the event is about, ``None`` for all but bookings."""
        uri = self.fields.get("booking_uri")
        return None if uri is None else opaque_ids.booking_id(self.email, str(uri))

    @property
    def happened_at(self) -> datetime:
        """When it happened (UTC), as far as the payload says so: never later than the event arrived. Calls that overtake one
        another are put into their order by it."""
        told = self.fields.get("booked_at")
        return min(times.parse(told), self.received_at) if isinstance(told, str) else self.received_at

    @property
    def defaults(self) -> dict[str, Plain]:
        """What counts for each field that the payload did not give, as far as there is such a thing."""
        return {field.name: field.default for field in sequence(self.sequence).fields if field.default is not None}

    def value(self, name: str) -> Plain | None:
        """Return the field's value, else its default, else ``None``."""
        return self.fields.get(name, self.defaults.get(name))

    def as_json(self) -> JsonObject:
        """Return the event as it is handed from step to step and kept for replay."""
        return {**self._asdict(), "received_at": times.text(self.received_at)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Event:
        """Return the event that ``as_json`` wrote."""
        return cls(data["sequence"], dict(data["fields"]), dict(data["variables"]), times.parse(data["received_at"]))


def read(payload: object, sequence_name: str, now: datetime) -> Event:
    """Check a payload (any JSON value; text when it was not JSON) that arrived at ``now`` (aware): the contract's flat one, or
    a call that Calendly, Cal.com or DocuSign Connect makes of its own.

    Raises ``InvalidPayload`` with every fault, and nothing else whatever the payload.
    """
    if not isinstance(payload, Mapping):
        raise InvalidPayload([Problem("body", "must be a JSON object")])
    form = provider_payloads.read(payload, sequence_name)
    found: dict[str, Plain] = {}
    problems = [Problem(*each) for each in form.problems]
    for field in sequence(sequence_name).fields:
        given = form.fields.get(field.name)
        if field_types.blank(given):
            if field.required and field.name not in form.looked_up:
                problems.append(Problem(field.name, form.missing(field.name)))
            continue
        try:
            value = field.kind(given)
        except ValueError as error:
            problems.append(Problem(field.name, str(error)))
            continue
        if value != []:
            found[field.name] = value
    anchor_field = sequence(sequence_name).anchor_field
    if anchor_field in found:
        late = field_types.not_after(str(found[anchor_field]), now, sequence(sequence_name).anchor_ahead)
        if late:
            problems.append(Problem(anchor_field, late))
    own_values = variables(form.fields.get("variables"), problems)
    problems.extend(
        Problem(field.name, f"must be true: {field.only_true}")
        for field in sequence(sequence_name).fields
        if field.only_true is not None and found.get(field.name) is False
    )
    if problems:
        raise InvalidPayload(problems)
    return Event(sequence_name, found, own_values, now)


def variables(given: object, problems: list[Problem]) -> dict[str, str]:
    """Return the values for templates in ``given``, a JSON value, by name; what is wrong with it is added to ``problems``."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        problems.append(Problem("variables", "must be an object of names and values"))
        return {}
    if len(given) > field_types.MOST_VARIABLES:
        problems.append(Problem("variables", f"must have at most {field_types.MOST_VARIABLES} names"))
        return {}
    found: dict[str, str] = {}
    for name, value in given.items():
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
            found[name.strip()] = field_types.as_text(plain)
    return found


class Accepted(NamedTuple):
    """A payload whose event starts an enrolment, or a cancellation that ends e-mails.

    ``body`` is the JSON answer to the sender, ``body_if_known`` the answer if this very event is enrolled already.
    """

    event: Event
    body: JsonObject
    body_if_known: JsonObject


class Unneeded(NamedTuple):
    """A payload that is right and starts nothing: the event, why, and the JSON answer to the sender."""

    event: Event
    reason: Reason
    body: JsonObject


class Rejected(NamedTuple):
    """A payload that cannot be taken: all problems, and the JSON answer to the sender."""

    problems: tuple[Problem, ...]
    body: JsonObject


def answer(
    payload: object, sequence_name: str, now: datetime, execution_id: str | None
) -> Accepted | Unneeded | Rejected:
    """Decide how a payload (any JSON value) that arrived at ``now`` (aware) is answered, and whether it starts an enrolment.

    ``execution_id`` is the id of the execution that answers (``None``: there is none yet).
    """
    try:
        event = read(payload, sequence_name, now)
    except InvalidPayload as error:
        body: JsonObject = {"status": "rejected", "errors": [problem._asdict() for problem in error.problems]}
        return Rejected(tuple(error.problems), body)
    assert isinstance(payload, Mapping)  # noqa: S101  (read() has seen to it)
    as_it_came = provider_payloads.read(payload, sequence_name).fields["email"]
    own = event.own_sequence
    if own.skip is not None and own.skip.applies(event.fields):
        reason = own.skip.reason
        return Unneeded(event, reason, {"status": "skipped", "reason": reason, "email": as_it_came})
    doing = "of this call are being stopped" if event.cancels else f"of the sequence {own.name} are being scheduled"
    echoed: dict[str, Any] = {name: event.value(name) for name in own.echoed}
    accepted: JsonObject = {
        "status": "accepted",
        "message": f"The e-mails {doing}.",
        "email": as_it_came,
        "campaign": own.answers_as,
        "timestamp": times.text(now),
        "execution_id": execution_id,
        **echoed,
    }
    return Accepted(event, accepted, {"status": "skipped", "reason": own.duplicate, "email": as_it_came})
