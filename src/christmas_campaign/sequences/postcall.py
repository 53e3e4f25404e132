"""`postcall`: the contact had the call and has not decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import BUSINESS_NAME, CONTACT_FIELDS, Email, Field, Sequence, Skip

#: The outcome of a call that starts the sequence.
MAYBE = "Maybe"

EMAILS = (
    Email(1, timedelta(hours=1), "postcall_maybe_email_1"),
    Email(2, timedelta(hours=72), "postcall_maybe_email_2"),
    Email(3, timedelta(hours=168), "postcall_maybe_email_3"),
)

FIELDS = (
    *CONTACT_FIELDS,
    BUSINESS_NAME,
    Field("call_date", field_types.time, required=True, property=notion_names.PAGE_CALL_DATE),
    Field(
        "call_outcome",
        field_types.text,
        default=MAYBE,
        property=notion_names.PAGE_CALL_OUTCOME,
        note=f"{MAYBE}, in any case, starts the sequence; anything else is skipped.",
    ),
    Field("call_notes", field_types.notes, property=notion_names.PAGE_NOTES),
    Field("objections", field_types.texts, property=notion_names.PAGE_OBJECTIONS),
    Field(
        "follow_up_priority",
        field_types.one_of("High", "Medium", "Low"),
        default="Medium",
        property=notion_names.PAGE_PRIORITY,
    ),
)


def _is_not_maybe(fields: Mapping[str, Plain]) -> bool:
    return str(fields.get("call_outcome", MAYBE)).strip().lower() != MAYBE.lower()


POSTCALL = Sequence(
    name="postcall",
    handler="postcall-maybe-handler",
    template_type="Post-Call Follow-Up",
    answers_as=facts.SERVICE_NAME,
    mail_reason="You get this e-mail because you had a call with us, booked with this address.",
    emails=EMAILS,
    fields=FIELDS,
    path="/webhook/postcall-maybe",
    signing="SIGNING_CRM",
    echoed=("call_outcome",),
    skip=Skip(Reason.NOT_A_MAYBE, _is_not_maybe),
    duplicate=Reason.DUPLICATE_POSTCALL,
    event_field="call_date",
    event_is_time=True,
    adopts=True,
    contact_properties={notion_names.CONTACT_BOOKING: "Completed"},
)
