"""Payloads of Calendly, Cal.com and DocuSign Connect, converted to the flat payload of the contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from christmas_campaign.campaign import times
from christmas_campaign.campaign.sender_settings import NO_SETTINGS, SenderSettings
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import PayloadForm
from christmas_campaign.sequences.registry import sequence

#: The webhook events of Calendly and Cal.com about a booking, and the status of the call.
CALENDLY_BOOKINGS = {"invitee.created": "booked", "invitee.canceled": "cancelled"}
CAL_COM_BOOKINGS = {
    "BOOKING_CREATED": "booked",
    "BOOKING_RESCHEDULED": "booked",
    "BOOKING_CANCELLED": "cancelled",
    # A call that waits for its confirmation. Cal.com also announces so that its API moved a call.
    "BOOKING_REQUESTED": "requested",
}

#: Calendly's webhook events about a missed call, and the status of the report.
CALENDLY_NO_SHOWS = {"invitee_no_show.created": "missed", "invitee_no_show.deleted": "withdrawn"}

#: DocuSign's event, and its status, of an envelope that everybody has signed.
COMPLETED_EVENT = "envelope-completed"
COMPLETED = "completed"

#: DocuSign's status of a payment once the card is charged. Before that the payment may fail.
PAID = "payment_complete"

#: The fields that no provider always sends. They are looked up in Notion by address.
LOOKED_UP = frozenset({"first_name", "business_name"})

#: The fields that are read from an envelope's custom fields and tabs. Address and first name are not among them: DocuSign
#: itself labels tabs "Email" or "First Name", and such a tab may belong to another signer.
LABELLED = (
    "business_name",
    "payment_confirmed",
    "payment_amount",
    "payment_date",
    "salon_address",
    "observation_dates",
    "start_date",
    "package_type",
)

_CALENDLY_SOUGHT = {
    "email": "payload.email",
    "calendly_event_uri": "payload.scheduled_event.uri and payload.event",
    "scheduled_time": "payload.scheduled_event.start_time",
}
_CALENDLY_BOOKING_SOUGHT = {
    "email": "payload.email",
    "booking_uri": "payload.scheduled_event.uri and payload.event",
    "scheduled_time": "payload.scheduled_event.start_time",
}
_CAL_COM_SOUGHT = {
    "email": "payload.responses.email and payload.attendees[0].email",
    "booking_uri": "payload.uid",
    "scheduled_time": "payload.startTime",
}
_CAL_COM_OLD_SOUGHT = {name: where.replace("payload.", "payload.booking.") for name, where in _CAL_COM_SOUGHT.items()}
_UNDER_ITS_NAME = "the envelope's custom fields and its signers' tabs, under this name"
_DOCUSIGN_SOUGHT = {
    "email": "recipients.signers of the envelope",
    "payment_confirmed": f"{_UNDER_ITS_NAME}, and in paymentDetails of the tabs",
    "payment_amount": _UNDER_ITS_NAME,
    "payment_date": _UNDER_ITS_NAME,
}

_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_MONEY = re.compile(r"\$?\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(\.[0-9]+)?")

#: The place of a signer without a valid place in the signing order: after all others.
_LAST = 1_000_000

#: A JSON object of a payload.
Object: TypeAlias = Mapping[str, Json]


class FlatPayload(NamedTuple):
    """A payload in the flat form of the contract.

    ``fields`` are JSON values by the contract's names, not checked yet. The rest is empty unless a provider sent the payload:

    - ``sought``: where each field is in the provider's payload, in words for problems.
    - ``looked_up``: the fields that may be missing because they are looked up in Notion.
    - ``problems``: field and text of each problem with the provider's payload as a whole.
    - ``event_types``: the names of the call's event type: its URI or id, its slug and its name.
    """

    fields: Object
    sought: Mapping[str, str] = {}
    looked_up: frozenset[str] = frozenset()
    problems: tuple[tuple[str, str], ...] = ()
    event_types: tuple[str, ...] = ()

    def missing(self, name: str) -> str:
        """Return the text of the problem that the required field ``name`` is missing."""
        return f"is missing: it was looked for in {self.sought[name]}" if name in self.sought else "is missing"


def read(payload: Object, sequence_name: str, settings: SenderSettings = NO_SETTINGS) -> FlatPayload:
    """Return the payload of a sequence's webhook in the flat form; a payload of no provider is returned as it is.

    Raises nothing.
    """
    # Only a flat payload has "email" at the top level. Any other name may occur in both.
    if "email" not in payload:
        for name in sequence(sequence_name).payload_forms:
            form = FORMS[name]
            if form.fits(payload):
                return form.read(payload, settings)
    return FlatPayload(payload, event_types=_texts(payload.get("event_type")))


def _read_calendly_no_show(payload: Object, _: SenderSettings) -> FlatPayload:
    invitee = _object(payload["payload"])
    meeting = _object(invitee.get("scheduled_event"))
    status, problems = _status(payload["event"], CALENDLY_NO_SHOWS, "event")
    fields: JsonObject = {
        "email": invitee.get("email"),
        "first_name": _first_name(invitee.get("first_name"), invitee.get("name")),
        "calendly_event_uri": _first_present(meeting.get("uri"), invitee.get("event")),
        "scheduled_time": meeting.get("start_time"),
        "event_type": meeting.get("name"),
        "reschedule_url": invitee.get("reschedule_url"),
        "no_show_status": status,
        "time_zone": _time_zone(invitee.get("timezone")),
    }
    return FlatPayload(fields, _CALENDLY_SOUGHT, LOOKED_UP, problems, _calendly_types(meeting))


def _read_calendly_booking(payload: Object, _: SenderSettings) -> FlatPayload:
    invitee = _object(payload["payload"])
    meeting = _object(invitee.get("scheduled_event"))
    hosts = _objects(meeting.get("event_memberships"))
    status, problems = _status(payload["event"], CALENDLY_BOOKINGS, "event")
    fields: JsonObject = {
        "email": invitee.get("email"),
        "first_name": _first_name(invitee.get("first_name"), invitee.get("name")),
        "booking_uri": _first_present(meeting.get("uri"), invitee.get("event")),
        "scheduled_time": meeting.get("start_time"),
        "event_type": meeting.get("name"),
        "reschedule_url": invitee.get("reschedule_url"),
        "join_url": _object(meeting.get("location")).get("join_url"),
        "host_name": hosts[0].get("user_name") if hosts else None,
        "status": status,
        # When a call moves, Calendly cancels the invitee and creates another one.
        "rescheduled": invitee.get("rescheduled") if status == "cancelled" else None,
        "guests": _addresses(_objects(meeting.get("event_guests"))) if status != "booked" else None,
        "booked_at": _first_present(invitee.get("created_at"), payload.get("created_at")),
        "time_zone": _time_zone(invitee.get("timezone")),
    }
    return FlatPayload(fields, _CALENDLY_BOOKING_SOUGHT, LOOKED_UP, problems, _calendly_types(meeting))


def _calendly_types(meeting: Object) -> tuple[str, ...]:
    return _texts(meeting.get("event_type"), meeting.get("name"))


def _is_calendly(payload: Object) -> bool:
    return "event" in payload and "payload" in payload


def _is_docusign(payload: Object) -> bool:
    return any(name in payload for name in ("data", "envelopeSummary", "envelopeId"))


def _is_cal_com(payload: Object) -> bool:
    return "triggerEvent" in payload and not _is_old_cal_com(payload)


def _is_old_cal_com(payload: Object) -> bool:
    """Return whether a payload has the form that the old system took from Cal.com: the booking is one level deeper."""
    inner = _object(payload.get("payload"))
    return "booking" in inner and "uid" not in inner


def _read_cal_com_booking(payload: Object, _: SenderSettings) -> FlatPayload:
    return _read_cal_com(payload, _object(payload.get("payload")), _CAL_COM_SOUGHT)


def _read_old_cal_com_booking(payload: Object, _: SenderSettings) -> FlatPayload:
    # The old form has no "triggerEvent"; the old system read every payload as a new booking.
    with_event = {"triggerEvent": "BOOKING_CREATED", **payload}
    return _read_cal_com(with_event, _object(_object(payload.get("payload")).get("booking")), _CAL_COM_OLD_SOUGHT)


def _read_cal_com(payload: Object, booking: Object, sought: Mapping[str, str]) -> FlatPayload:
    attendees = _objects(booking.get("attendees"))
    answers = _object(booking.get("responses"))
    attendee = _booker(attendees, answers)
    guests = _object(answers.get("guests")).get("value")
    everyone = [*_addresses(attendees), *_texts(*(guests if isinstance(guests, list) else ()))]
    uid, site_url, location_url = booking.get("uid"), _url(booking.get("bookerUrl")), _url(booking.get("location"))
    video_url = _object(booking.get("metadata")).get("videoCallUrl")
    status, problems = _status(payload["triggerEvent"], CAL_COM_BOOKINGS, "triggerEvent")
    fields: JsonObject = {
        "email": attendee.get("email"),
        "first_name": _first_name(attendee.get("firstName"), attendee.get("name")),
        "booking_uri": uid,
        "scheduled_time": booking.get("startTime"),
        "event_type": _first_present(booking.get("eventTitle"), booking.get("title")),
        "reschedule_url": f"{site_url.rstrip('/')}/reschedule/{uid}" if site_url and isinstance(uid, str) else None,
        # The location may also be the name of an integration, which is useless to the contact.
        "join_url": _first_present(video_url, location_url),
        "host_name": _object(booking.get("organizer")).get("name"),
        "status": status,
        # The booking that a cancelled call became, and the one that a requested call replaces.
        "rescheduled": True if status == "cancelled" and booking.get("rescheduledToUid") else None,
        "moved_from": booking.get("rescheduleUid") if status == "requested" else None,
        "guests": everyone if status != "booked" else None,
        "booked_at": payload.get("createdAt") if status != "cancelled" else None,
        "time_zone": _time_zone(attendee.get("timeZone")),
    }
    names = _texts(booking.get("eventTypeId"), booking.get("type"), booking.get("eventTitle"), booking.get("title"))
    return FlatPayload(fields, sought, LOOKED_UP, problems, names)


def _url(value: object) -> str | None:
    return value if isinstance(value, str) and value.startswith("https://") else None


def _time_zone(name: Json) -> str | None:
    """Return the name of a time zone; ``None`` if there is no such zone. The campaign's zone is used then."""
    zone = times.zone(name)
    return zone.key if zone else None


def _status(event: object, statuses: Mapping[str, str], field: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Return the status of a call (the field ``status``) by the provider's ``event``, and no problems.

    If ``statuses`` does not have the event, return ``None`` and the problem with the payload's ``field``.
    """
    status = statuses.get(event) if isinstance(event, str) else None
    return status, () if status else ((field, f"must be one of {', '.join(statuses)}"),)


def _read_docusign_envelope(payload: Object, settings: SenderSettings) -> FlatPayload:
    # DocuSign's messages have the envelope within "data"; its older, aggregate form is the envelope itself.
    envelope = _object(_object(payload.get("data")).get("envelopeSummary"))
    envelope = envelope or _object(payload.get("envelopeSummary")) or payload
    signers = _signers(envelope)
    # The team signs too. The tabs of all signers are read, but the contact is never one of the team.
    clients = [signer for signer in signers if not settings.is_own(str(signer.get("email")))]
    first: Object = clients[0] if clients else {}
    at_once = [signer for signer in clients[1:] if _signing_order(signer) == _signing_order(first)]
    tabs = [tab for signer in signers for kind in _object(signer.get("tabs")).values() for tab in _objects(kind)]
    fields: JsonObject = {
        "email": first.get("email"),
        "first_name": _first_name(first.get("firstName"), first.get("name")),
        "docusign_completed": _is_completed(payload.get("event"), envelope.get("status")),
        # Where several people sign at once, the contact is the one whom Notion knows.
        "other_signers": [signer.get("email") for signer in at_once] or None,
    }
    for label, value in [*_custom_fields(envelope), *((tab.get("tabLabel"), _tab_value(tab)) for tab in tabs)]:
        if not isinstance(label, str) or field_types.blank(value):
            continue
        name = _BETWEEN_WORDS.sub("_", label.strip().lower())
        if name in LABELLED:
            fields.setdefault(name, _CONVERTERS.get(name, _unchanged)(value))
    payments = [_object(tab["paymentDetails"]).get("status") for tab in tabs if tab.get("paymentDetails") is not None]
    if payments:
        fields.setdefault("payment_confirmed", all(_is_word(status, PAID) for status in payments))
    sought = dict(_DOCUSIGN_SOUGHT)
    if signers and not clients:
        sought["email"] += ", where every signer has an address of OWN_DOMAINS"
    return FlatPayload(fields, sought, LOOKED_UP)


def _signers(envelope: Object) -> list[Object]:
    """Return the signers with an address, in the order of signing.

    Groups of which nobody has signed yet, and electronic seals, have no address.
    """
    signers = _objects(_object(envelope.get("recipients")).get("signers"))
    return sorted((signer for signer in signers if not field_types.blank(signer.get("email"))), key=_signing_order)


def _signing_order(signer: Object) -> int:
    try:
        return int(str(field_types.count_between(0, _LAST)(signer.get("routingOrder"))))
    except ValueError:
        return _LAST


def _is_completed(event: object, status: object) -> bool:
    """Return whether the envelope is completed: ``event`` or ``status`` is present, and each one that is present says so."""
    checks = [_is_word(event, COMPLETED_EVENT)] if not field_types.blank(event) else []
    checks += [_is_word(status, COMPLETED)] if not field_types.blank(status) else []
    return bool(checks) and all(checks)


def _custom_fields(envelope: Object) -> Iterator[tuple[Json, Json]]:
    """Yield name and value of each custom field."""
    custom = _object(envelope.get("customFields"))
    for kind in ("textCustomFields", "listCustomFields"):
        for custom_field in _objects(custom.get(kind)):
            yield custom_field.get("name"), custom_field.get("value")


def _tab_value(tab: Object) -> Json:
    """Return whether a check box is ticked ("selected"), or the value of another tab."""
    return _first_present(tab.get("selected"), tab.get("value"))


def _unchanged(value: Json) -> Json:
    return value


def _split_list(value: Json) -> Json:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _amount_without_separators(value: Json) -> Json:
    """Return an amount without the dollar sign and the commas of a number tab: ``$2,997.00`` becomes ``2997.00``."""
    money = _MONEY.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"{money[1].replace(',', '')}{money[2] or ''}" if money else value


#: The conversion of a labelled value, by field. Other fields stay unchanged.
_CONVERTERS = {"observation_dates": _split_list, "payment_amount": _amount_without_separators}


def _first_name(first_name: Json, name: Json) -> Json:
    """Return the first name, or else the first word of the full name."""
    if not field_types.blank(first_name) or not isinstance(name, str):
        return _first_present(first_name, name)
    return next(iter(name.split()), None)


def _first_present(value: Json, alternative: Json) -> Json:
    return alternative if field_types.blank(value) else value


def _texts(*values: Json) -> tuple[str, ...]:
    """Return the texts and numbers among the values, as text, without blank ones."""
    given = (str(value) for value in values if isinstance(value, str | int) and not isinstance(value, bool))
    return tuple(text for text in given if not field_types.blank(text))


def _booker(attendees: list[Object], answers: Object) -> Object:
    """Return the person who booked: a booking with seats names all who sit in it, and the answers are of who booked."""
    first: Object = next(iter(attendees), {})
    answer = _object(answers.get("email")).get("value")
    if field_types.blank(answer) or len(_addresses(attendees)) == 1:
        return first
    name = _object(answers.get("name")).get("value")
    unnamed = first if field_types.blank(first.get("email")) else {}
    unlisted: Object = {**unnamed, **({"name": name} if name else {}), "email": answer}
    return next((person for person in attendees if _same_text(person.get("email"), answer)), unlisted)


def _addresses(people: list[Object]) -> list[Json]:
    """Return the addresses of people in a call, as they are written."""
    return [*_texts(*(person.get("email") for person in people))]


def _same_text(value: Json, other: Json) -> bool:
    return isinstance(value, str) and isinstance(other, str) and value.strip().lower() == other.strip().lower()


def _is_word(value: object, word: str) -> bool:
    return isinstance(value, str) and value.strip().lower() == word


def _object(value: object) -> Object:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Object]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


class ProviderForm(NamedTuple):
    """A provider's form of payload: whether a payload has it (``fits``), and its conversion (``read``)."""

    fits: Callable[[Object], bool]
    read: Callable[[Object, SenderSettings], FlatPayload]


#: All forms of providers' payloads.
FORMS: Mapping[PayloadForm, ProviderForm] = {
    PayloadForm.CALENDLY_NO_SHOW: ProviderForm(_is_calendly, _read_calendly_no_show),
    PayloadForm.CALENDLY_BOOKING: ProviderForm(_is_calendly, _read_calendly_booking),
    PayloadForm.CAL_COM_BOOKING: ProviderForm(_is_cal_com, _read_cal_com_booking),
    PayloadForm.CAL_COM_OLD_BOOKING: ProviderForm(_is_old_cal_com, _read_old_cal_com_booking),
    PayloadForm.DOCUSIGN_ENVELOPE: ProviderForm(_is_docusign, _read_docusign_envelope),
}
