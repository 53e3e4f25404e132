"""Forms: the calls that Calendly, Cal.com and DocuSign Connect make of their own, read as the flat payload that the contract
names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import PayloadForm
from christmas_campaign.sequences.registry import sequence

#: The calls of Calendly and Cal.com about a booking that are ours, and whether the call takes place then.
CALENDLY_BOOKINGS = {"invitee.created": "booked", "invitee.canceled": "cancelled"}
CAL_COM_BOOKINGS = {
    "BOOKING_CREATED": "booked",
    "BOOKING_RESCHEDULED": "booked",
    "BOOKING_CANCELLED": "cancelled",
}

#: The call of Calendly about a missed call that is ours, and what DocuSign calls an envelope that everybody has signed.
NO_SHOW = "invitee_no_show.created"
COMPLETED_EVENT = "envelope-completed"
COMPLETED = "completed"

#: What DocuSign says of a payment once the card is charged. Before that it may still fail.
PAID = "payment_complete"

#: What none of them carries for certain: it is looked up in Notion, by address.
LOOKED_UP = frozenset({"first_name", "business_name"})

#: The fields that are read from an envelope's custom fields and tabs. Who signed is not among them: DocuSign names many a
#: tab "Email" or "First Name" by itself, and it may be the one of somebody else who signs.
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
    "email": "payload.attendees[0].email and payload.responses.email",
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

#: Comes after every place in an envelope's order of signing.
_LAST = 1_000_000


#: A JSON object of a payload.
Object: TypeAlias = Mapping[str, Json]


class Form(NamedTuple):
    """A payload in the flat form.

    ``fields`` are JSON values by the contract's names, not checked yet. Of a flat payload that is all. Otherwise ``sought``
    says in words where each field was looked for, ``looked_up`` which fields need not be there, and ``problems`` has the
    field and the problem of each thing that is wrong with the call itself.
    """

    fields: Object
    sought: Mapping[str, str] = {}
    looked_up: frozenset[str] = frozenset()
    problems: tuple[tuple[str, str], ...] = ()

    def missing(self, name: str) -> str:
        """Return the problem with a required field that is not there."""
        return f"is missing: it was looked for in {self.sought[name]}" if name in self.sought else "is missing"


def read(payload: Object, sequence_name: str) -> Form:
    """Return a handler's payload in the flat form; one that is of no other form comes back untouched. Raises nothing."""
    # A flat payload has an address, and none of the others has one at the top; any other field may be called anything.
    if "email" not in payload:
        for name in sequence(sequence_name).payload_forms:
            form = FORMS[name]
            if form.fits(payload):
                return form.read(payload)
    return Form(payload)


def _calendly(call: Object) -> Form:
    invitee = _object(call["payload"])
    meeting = _object(invitee.get("scheduled_event"))
    found: JsonObject = {
        "email": invitee.get("email"),
        "first_name": _first_name(invitee.get("first_name"), invitee.get("name")),
        "calendly_event_uri": _given(meeting.get("uri"), invitee.get("event")),
        "scheduled_time": meeting.get("start_time"),
        "event_type": meeting.get("name"),
        "reschedule_url": invitee.get("reschedule_url"),
    }
    ours = call["event"] == NO_SHOW
    return Form(found, _CALENDLY_SOUGHT, LOOKED_UP, () if ours else (("event", f"must be {NO_SHOW}"),))


def _calendly_booking(call: Object) -> Form:
    invitee = _object(call["payload"])
    meeting = _object(invitee.get("scheduled_event"))
    hosts = _objects(meeting.get("event_memberships"))
    status, problems = _status(call["event"], CALENDLY_BOOKINGS, "event")
    found: JsonObject = {
        "email": invitee.get("email"),
        "first_name": _first_name(invitee.get("first_name"), invitee.get("name")),
        "booking_uri": _given(meeting.get("uri"), invitee.get("event")),
        "scheduled_time": meeting.get("start_time"),
        "event_type": meeting.get("name"),
        "reschedule_url": invitee.get("reschedule_url"),
        "join_url": _object(meeting.get("location")).get("join_url"),
        "host_name": hosts[0].get("user_name") if hosts else None,
        "status": status,
        # An invitee is never moved: one is cancelled, and another one is made.
        "rescheduled": invitee.get("rescheduled") if status == "cancelled" else None,
        "booked_at": _given(invitee.get("created_at"), call.get("created_at")),
    }
    return Form(found, _CALENDLY_BOOKING_SOUGHT, LOOKED_UP, problems)


def _is_calendly(call: Object) -> bool:
    return "event" in call and "payload" in call


def _is_docusign(call: Object) -> bool:
    return any(name in call for name in ("data", "envelopeSummary", "envelopeId"))


def _is_cal_com(call: Object) -> bool:
    return "triggerEvent" in call and not _is_old_cal_com(call)


def _is_old_cal_com(call: Object) -> bool:
    """Return whether a call has the form that the old system took from Cal.com: the booking is one level deeper."""
    inner = _object(call.get("payload"))
    return "booking" in inner and "uid" not in inner


def _cal_com_booking(call: Object) -> Form:
    return _cal_com(call, _object(call.get("payload")), _CAL_COM_SOUGHT)


def _cal_com_old(call: Object) -> Form:
    # The old system took every such call for a new booking. A call that names its event is read as Cal.com means it.
    booked = {"triggerEvent": "BOOKING_CREATED", **call}
    return _cal_com(booked, _object(_object(call.get("payload")).get("booking")), _CAL_COM_OLD_SOUGHT)


def _cal_com(call: Object, booking: Object, sought: Mapping[str, str]) -> Form:
    attendees = _objects(booking.get("attendees"))
    attendee: Object = attendees[0] if attendees else {}
    answers = _object(booking.get("responses"))
    uid, site, where = booking.get("uid"), _address(booking.get("bookerUrl")), _address(booking.get("location"))
    video = _object(booking.get("metadata")).get("videoCallUrl")
    status, problems = _status(call["triggerEvent"], CAL_COM_BOOKINGS, "triggerEvent")
    found: JsonObject = {
        "email": _given(attendee.get("email"), _object(answers.get("email")).get("value")),
        "first_name": _first_name(attendee.get("firstName"), attendee.get("name")),
        "booking_uri": uid,
        "scheduled_time": booking.get("startTime"),
        "event_type": _given(booking.get("eventTitle"), booking.get("title")),
        "reschedule_url": f"{site.rstrip('/')}/reschedule/{uid}" if site and isinstance(uid, str) else None,
        # The place of a call by video may also be the name of an integration, which says nothing to her.
        "join_url": _given(video, where),
        "host_name": _object(booking.get("organizer")).get("name"),
        "status": status,
        "booked_at": call.get("createdAt") if status != "cancelled" else None,
    }
    return Form(found, sought, LOOKED_UP, problems)


def _address(value: object) -> str | None:
    return value if isinstance(value, str) and value.startswith("https://") else None


def _status(said: object, ours: Mapping[str, str], field: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    """Whether a call is booked or cancelled, and the problem with one that is about something else."""
    status = ours.get(said) if isinstance(said, str) else None
    return status, () if status else ((field, f"must be one of {', '.join(ours)}"),)


def _docusign(call: Object) -> Form:
    # One message for each event has the envelope within ``data``; the older, aggregate form is the envelope itself.
    envelope = _object(_object(call.get("data")).get("envelopeSummary"))
    envelope = envelope or _object(call.get("envelopeSummary")) or call
    signers = _signers(envelope)
    first: Object = signers[0] if signers else {}
    tabs = [tab for signer in signers for kind in _object(signer.get("tabs")).values() for tab in _objects(kind)]
    found: JsonObject = {
        "email": first.get("email"),
        "first_name": _first_name(first.get("firstName"), first.get("name")),
        "docusign_completed": _completed(call.get("event"), envelope.get("status")),
    }
    for label, value in [*_custom_fields(envelope), *((tab.get("tabLabel"), _tab_value(tab)) for tab in tabs)]:
        if not isinstance(label, str) or field_types.blank(value):
            continue
        name = _BETWEEN_WORDS.sub("_", label.strip().lower())
        if name in LABELLED:
            found.setdefault(name, _READ.get(name, _as_it_is)(value))
    payments = [_object(tab["paymentDetails"]).get("status") for tab in tabs if tab.get("paymentDetails") is not None]
    if payments:
        found.setdefault("payment_confirmed", all(_says(status, PAID) for status in payments))
    return Form(found, _DOCUSIGN_SOUGHT, LOOKED_UP)


def _signers(envelope: Object) -> list[Object]:
    """Those who sign and have an address, in their order: a group of which nobody has signed has none, nor has a seal."""
    signers = _objects(_object(envelope.get("recipients")).get("signers"))
    return sorted((each for each in signers if not field_types.blank(each.get("email"))), key=_order)


def _order(signer: Object) -> int:
    try:
        return int(str(field_types.count_between(0, _LAST)(signer.get("routingOrder"))))
    except ValueError:
        return _LAST


def _completed(event: object, status: object) -> bool:
    """Whether whatever is said of it, at least one of the two, says that the envelope is completed."""
    said = [_says(event, COMPLETED_EVENT)] if not field_types.blank(event) else []
    said += [_says(status, COMPLETED)] if not field_types.blank(status) else []
    return bool(said) and all(said)


def _custom_fields(envelope: Object) -> Iterator[tuple[Json, Json]]:
    custom = _object(envelope.get("customFields"))
    for kind in ("textCustomFields", "listCustomFields"):
        for each in _objects(custom.get(kind)):
            yield each.get("name"), each.get("value")


def _tab_value(tab: Object) -> Json:
    """A check box says whether it is ticked; every other tab has a value."""
    return _given(tab.get("selected"), tab.get("value"))


def _as_it_is(value: Json) -> Json:
    return value


def _list(value: Json) -> Json:
    return [each.strip() for each in value.split(",")] if isinstance(value, str) else value


def _amount(value: Json) -> Json:
    """An amount without the dollar sign and the commas that a number's tab shows: ``$2,997.00`` is ``2997.00``."""
    money = _MONEY.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"{money[1].replace(',', '')}{money[2] or ''}" if money else value


#: How the value of a label is read where it is not taken as it is.
_READ = {"observation_dates": _list, "payment_amount": _amount}


def _first_name(first_name: Json, name: Json) -> Json:
    """The first name, else the first word of the whole one."""
    if not field_types.blank(first_name) or not isinstance(name, str):
        return _given(first_name, name)
    return next(iter(name.split()), None)


def _given(value: Json, otherwise: Json) -> Json:
    return otherwise if field_types.blank(value) else value


def _says(value: object, word: str) -> bool:
    return isinstance(value, str) and value.strip().lower() == word


def _object(value: object) -> Object:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Object]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


class ProviderForm(NamedTuple):
    """How a provider's own form is known, and what reads it."""

    fits: Callable[[Object], bool]
    read: Callable[[Object], Form]


#: The provider forms that are known.
FORMS: Mapping[PayloadForm, ProviderForm] = {
    PayloadForm.CALENDLY_NO_SHOW: ProviderForm(_is_calendly, _calendly),
    PayloadForm.CALENDLY_BOOKING: ProviderForm(_is_calendly, _calendly_booking),
    PayloadForm.CAL_COM_BOOKING: ProviderForm(_is_cal_com, _cal_com_booking),
    PayloadForm.CAL_COM_OLD_BOOKING: ProviderForm(_is_old_cal_com, _cal_com_old),
    PayloadForm.DOCUSIGN_ENVELOPE: ProviderForm(_is_docusign, _docusign),
}
