"""What the webhooks take: the fields of each handler's flat payload, and the words that decide."""

from __future__ import annotations

from typing import NamedTuple

from christmas_campaign import fields
from christmas_campaign.campaign import facts
from christmas_campaign.fields import Kind, Plain
from christmas_campaign.notion import schema

#: The outcome of a call that starts the sequence ``postcall``; any other is somebody else's matter.
MAYBE = "Maybe"

#: What the handler of bookings is told of a call.
BOOKED, CANCELLED = "booked", "cancelled"

#: What the website says of an e-mail E1 that could not be sent.
E1_FAILED = "failed"

#: The most template variables that one payload may bring.
MOST_VARIABLES = 200


class Field(NamedTuple):
    """One field of a payload: its name, its kind, whether it must be there, what counts when it is not, and the property of
    the contact's page in Email Sequence that holds it."""

    name: str
    kind: Kind
    required: bool = False
    default: Plain | None = None
    property: str | None = None


_CONTACT = (
    Field("email", fields.email, required=True, property=schema.PAGE_EMAIL),
    Field("first_name", fields.text, required=True, property=schema.PAGE_FIRST_NAME),
)
_BUSINESS = Field("business_name", fields.text, required=True, property=schema.PAGE_BUSINESS_NAME)

#: What each handler takes, by sequence; unknown fields are ignored.
FIELDS: dict[str, tuple[Field, ...]] = {
    "signup": (
        *_CONTACT,
        Field("assessment_score", fields.score, required=True, property=schema.PAGE_SCORE),
        _BUSINESS._replace(required=False, default=facts.UNNAMED["business_name"]),
        Field("red_systems", fields.systems, default=0, property=schema.PAGE_RED),
        Field("orange_systems", fields.systems, default=0, property=schema.PAGE_ORANGE),
        Field("yellow_systems", fields.systems, default=0, property=schema.PAGE_YELLOW),
        Field("green_systems", fields.systems, default=0, property=schema.PAGE_GREEN),
        Field("gps_score", fields.score),
        Field("money_score", fields.score),
        Field("weakest_system_1", fields.text),
        Field("weakest_system_2", fields.text),
        Field("strongest_system", fields.text),
        Field("revenue_leak_total", fields.dollars),
        Field("email_1_sent_at", fields.time),
        Field("email_1_status", fields.text),
    ),
    "noshow": (
        *_CONTACT,
        _BUSINESS,
        Field("calendly_event_uri", fields.text, required=True, property=schema.PAGE_CALENDLY_EVENT),
        Field("scheduled_time", fields.time, required=True, property=schema.PAGE_SCHEDULED_TIME),
        Field("event_type", fields.text, default="Discovery Call - $2997 Diagnostic", property=schema.PAGE_EVENT_TYPE),
        Field("reschedule_url", fields.text),
    ),
    "postcall": (
        *_CONTACT,
        _BUSINESS,
        Field("call_date", fields.time, required=True, property=schema.PAGE_CALL_DATE),
        Field("call_outcome", fields.text, default=MAYBE, property=schema.PAGE_CALL_OUTCOME),
        Field("call_notes", fields.notes, property=schema.PAGE_NOTES),
        Field("objections", fields.texts, property=schema.PAGE_OBJECTIONS),
        Field(
            "follow_up_priority",
            fields.one_of("High", "Medium", "Low"),
            default="Medium",
            property=schema.PAGE_PRIORITY,
        ),
    ),
    "onboarding": (
        *_CONTACT,
        _BUSINESS,
        Field("payment_confirmed", fields.flag, required=True),
        Field("payment_amount", fields.amount, required=True, property=schema.PAGE_AMOUNT),
        Field("payment_date", fields.time, required=True, property=schema.PAGE_PAYMENT_DATE),
        Field("docusign_completed", fields.flag, default=True),
        Field("salon_address", fields.text, property=schema.PAGE_ADDRESS),
        Field("observation_dates", fields.texts, property=schema.PAGE_OBSERVATIONS),
        Field("start_date", fields.time, property=schema.PAGE_START_DATE),
        Field(
            "package_type",
            fields.text,
            default="Phase 1 - Traditional Service Diagnostic",
            property=schema.PAGE_PACKAGE,
        ),
    ),
    "precall": (
        *_CONTACT,
        _BUSINESS._replace(required=False, default=facts.UNNAMED["business_name"]),
        Field("booking_uri", fields.text, required=True, property=schema.PAGE_CALENDLY_EVENT),
        Field("scheduled_time", fields.time, required=True, property=schema.PAGE_SCHEDULED_TIME),
        Field("event_type", fields.text, default="Diagnostic Call", property=schema.PAGE_EVENT_TYPE),
        Field("reschedule_url", fields.text),
        Field("join_url", fields.text),
        Field("host_name", fields.text),
        Field("status", fields.one_of(BOOKED, CANCELLED), default=BOOKED),
        Field("rescheduled", fields.flag, default=False),
        Field("booked_at", fields.time),
    ),
}

#: What the answer of a handler repeats of the payload besides the address, for callers read it there.
ECHOED = {"postcall": ("call_outcome",), "onboarding": ("payment_amount",)}
