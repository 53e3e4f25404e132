"""`noshow`: the contact booked a call and did not attend it."""

from __future__ import annotations

from datetime import timedelta

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import (
    BUSINESS_NAME,
    CONTACT_FIELDS,
    TIME_ZONE,
    Email,
    Field,
    PayloadForm,
    Sequence,
    SignatureForm,
)

#: The values of ``no_show_status``: the contact missed the call, or the report of that is taken back.
MISSED, WITHDRAWN = "missed", "withdrawn"

EMAILS = (
    Email(1, timedelta(minutes=5), "noshow_recovery_email_1"),
    Email(2, timedelta(hours=24), "noshow_recovery_email_2"),
    Email(3, timedelta(hours=48), "noshow_recovery_email_3"),
)

FIELDS = (
    *CONTACT_FIELDS,
    BUSINESS_NAME,
    Field("calendly_event_uri", field_types.text, required=True, property=notion_names.PAGE_CALENDLY_EVENT),
    Field("scheduled_time", field_types.time, required=True, property=notion_names.PAGE_SCHEDULED_TIME),
    Field(
        "event_type",
        field_types.text,
        default="Discovery Call - $2997 Diagnostic",
        property=notion_names.PAGE_EVENT_TYPE,
    ),
    Field("reschedule_url", field_types.text),
    Field("no_show_status", field_types.one_of(MISSED, WITHDRAWN), default=MISSED),
    TIME_ZONE,
)

NOSHOW = Sequence(
    name="noshow",
    handler="noshow-recovery-handler",
    template_type="No-Show Recovery",
    answers_as=facts.SERVICE_NAME,
    mail_reason="You get this e-mail because you booked a call with us with this address, and we did not meet.",
    emails=EMAILS,
    fields=FIELDS,
    path="/webhook/calendly-noshow",
    signing="SIGNING_CALENDLY",
    signature_forms=(SignatureForm.CALENDLY,),
    payload_forms=(PayloadForm.CALENDLY_NO_SHOW,),
    duplicate=Reason.DUPLICATE_NOSHOW,
    event_field="calendly_event_uri",
    adopts=True,
    contact_properties={notion_names.CONTACT_BOOKING: notion_names.NO_SHOW},
    status_field="no_show_status",
    only_ends=(WITHDRAWN,),
    ended_by=(Reason.BOUGHT, Reason.BOOKED, Reason.NOSHOW_WITHDRAWN),
)
