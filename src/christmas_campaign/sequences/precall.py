"""`precall`: the contact booked, moved or cancelled a call."""

from __future__ import annotations

from datetime import timedelta

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import (
    BUSINESS_NAME_OR_UNNAMED,
    CONTACT_FIELDS,
    TIME_ZONE,
    Email,
    Field,
    PayloadForm,
    Sequence,
    SignatureForm,
)

#: The values of ``status``. A requested call may replace one that was booked, and is booked itself once it is confirmed.
BOOKED, CANCELLED, REQUESTED = "booked", "cancelled", "requested"

EMAILS = (
    Email(1, timedelta(hours=-72), "precall_email_1"),
    Email(2, timedelta(hours=-24), "precall_email_2"),
    Email(3, timedelta(hours=-2), "precall_email_3"),
)

FIELDS = (
    *CONTACT_FIELDS,
    BUSINESS_NAME_OR_UNNAMED,
    Field("booking_uri", field_types.text, required=True, property=notion_names.PAGE_CALENDLY_EVENT),
    Field("scheduled_time", field_types.time, required=True, property=notion_names.PAGE_SCHEDULED_TIME),
    Field("event_type", field_types.text, default="Diagnostic Call", property=notion_names.PAGE_EVENT_TYPE),
    Field("reschedule_url", field_types.text),
    Field("join_url", field_types.text),
    Field("host_name", field_types.text),
    Field("status", field_types.one_of(BOOKED, CANCELLED, REQUESTED), default=BOOKED),
    Field(
        "rescheduled",
        field_types.flag,
        default=False,
        note="Of a cancelled call: true if it moves to another time. The contact stays booked then.",
    ),
    Field("moved_from", field_types.text, note="Of a requested call: the booking that it replaces, if any."),
    Field(
        "guests",
        field_types.texts,
        note="Of a call that is cancelled or moves: the addresses of all others in it, whose e-mails end too.",
    ),
    Field("booked_at", field_types.time, note="When the call was booked, if that is not now."),
    TIME_ZONE,
)


PRECALL = Sequence(
    name="precall",
    handler="booking-handler",
    template_type="Pre-Call Prep",
    answers_as=facts.SERVICE_NAME,
    mail_reason="You get this e-mail because you booked a call with us with this address.",
    emails=EMAILS,
    only_what_fits=True,
    anchor_field="scheduled_time",
    anchor_ahead=timedelta(days=366),
    fields=FIELDS,
    path="/webhook/booking",
    old_path="/webhook/calcom-booking",
    signing="SIGNING_BOOKING",
    signature_forms=(SignatureForm.CALENDLY, SignatureForm.CAL_COM),
    payload_forms=(PayloadForm.CALENDLY_BOOKING, PayloadForm.CAL_COM_BOOKING, PayloadForm.CAL_COM_OLD_BOOKING),
    duplicate=Reason.DUPLICATE_PRECALL,
    event_field="booking_uri",
    event_time_field="scheduled_time",
    only_ends=(CANCELLED, REQUESTED),
    # No ``contact_properties``: only the newest booking writes to BusinessX, see ``stops.bookings``.
    ended_by=(Reason.BOUGHT, Reason.CALL_MOVED, Reason.CALL_CANCELLED),
)
