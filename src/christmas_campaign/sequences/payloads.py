"""What the webhooks take: the fields of each handler's flat payload, and the words that decide."""

from __future__ import annotations

from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Kind, Plain

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
    Field("email", field_types.email, required=True, property=notion_names.PAGE_EMAIL),
    Field("first_name", field_types.text, required=True, property=notion_names.PAGE_FIRST_NAME),
)
_BUSINESS = Field("business_name", field_types.text, required=True, property=notion_names.PAGE_BUSINESS_NAME)

#: What each handler takes, by sequence; unknown fields are ignored.
FIELDS: dict[str, tuple[Field, ...]] = {
    "signup": (
        *_CONTACT,
        Field("assessment_score", field_types.score, required=True, property=notion_names.PAGE_SCORE),
        _BUSINESS._replace(required=False, default=facts.UNNAMED["business_name"]),
        Field("red_systems", field_types.systems, default=0, property=notion_names.PAGE_RED),
        Field("orange_systems", field_types.systems, default=0, property=notion_names.PAGE_ORANGE),
        Field("yellow_systems", field_types.systems, default=0, property=notion_names.PAGE_YELLOW),
        Field("green_systems", field_types.systems, default=0, property=notion_names.PAGE_GREEN),
        Field("gps_score", field_types.score),
        Field("money_score", field_types.score),
        Field("weakest_system_1", field_types.text),
        Field("weakest_system_2", field_types.text),
        Field("strongest_system", field_types.text),
        Field("revenue_leak_total", field_types.dollars),
        Field("email_1_sent_at", field_types.time),
        Field("email_1_status", field_types.text),
    ),
    "noshow": (
        *_CONTACT,
        _BUSINESS,
        Field("calendly_event_uri", field_types.text, required=True, property=notion_names.PAGE_CALENDLY_EVENT),
        Field("scheduled_time", field_types.time, required=True, property=notion_names.PAGE_SCHEDULED_TIME),
        Field(
            "event_type",
            field_types.text,
            default="Discovery Call - $2997 Diagnostic",
            property=notion_names.PAGE_EVENT_TYPE,
        ),
        Field("reschedule_url", field_types.text),
    ),
    "postcall": (
        *_CONTACT,
        _BUSINESS,
        Field("call_date", field_types.time, required=True, property=notion_names.PAGE_CALL_DATE),
        Field("call_outcome", field_types.text, default=MAYBE, property=notion_names.PAGE_CALL_OUTCOME),
        Field("call_notes", field_types.notes, property=notion_names.PAGE_NOTES),
        Field("objections", field_types.texts, property=notion_names.PAGE_OBJECTIONS),
        Field(
            "follow_up_priority",
            field_types.one_of("High", "Medium", "Low"),
            default="Medium",
            property=notion_names.PAGE_PRIORITY,
        ),
    ),
    "onboarding": (
        *_CONTACT,
        _BUSINESS,
        Field("payment_confirmed", field_types.flag, required=True),
        Field("payment_amount", field_types.amount, required=True, property=notion_names.PAGE_AMOUNT),
        Field("payment_date", field_types.time, required=True, property=notion_names.PAGE_PAYMENT_DATE),
        Field("docusign_completed", field_types.flag, default=True),
        Field("salon_address", field_types.text, property=notion_names.PAGE_ADDRESS),
        Field("observation_dates", field_types.texts, property=notion_names.PAGE_OBSERVATIONS),
        Field("start_date", field_types.time, property=notion_names.PAGE_START_DATE),
        Field(
            "package_type",
            field_types.text,
            default="Phase 1 - Traditional Service Diagnostic",
            property=notion_names.PAGE_PACKAGE,
        ),
    ),
    "precall": (
        *_CONTACT,
        _BUSINESS._replace(required=False, default=facts.UNNAMED["business_name"]),
        Field("booking_uri", field_types.text, required=True, property=notion_names.PAGE_CALENDLY_EVENT),
        Field("scheduled_time", field_types.time, required=True, property=notion_names.PAGE_SCHEDULED_TIME),
        Field("event_type", field_types.text, default="Diagnostic Call", property=notion_names.PAGE_EVENT_TYPE),
        Field("reschedule_url", field_types.text),
        Field("join_url", field_types.text),
        Field("host_name", field_types.text),
        Field("status", field_types.one_of(BOOKED, CANCELLED), default=BOOKED),
        Field("rescheduled", field_types.flag, default=False),
        Field("booked_at", field_types.time),
    ),
}

#: What the answer of a handler repeats of the payload besides the address, for callers read it there.
ECHOED = {"postcall": ("call_outcome",), "onboarding": ("payment_amount",)}
