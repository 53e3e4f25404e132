"""`signup`: the contact took the assessment on the website."""

from __future__ import annotations

from datetime import timedelta

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import BUSINESS_NAME_OR_UNNAMED, CONTACT_FIELDS, Email, Field, Sequence

#: The value of ``email_1_status`` if the website could not send E1.
E1_FAILED = "failed"

# The website sends E1, from the template "5-Day E1", before it calls the webhook.
EMAILS = (
    Email(2, timedelta(hours=24), "5-Day E2"),
    Email(3, timedelta(hours=72), "5-Day E3"),
    Email(4, timedelta(hours=96), "5-Day E4"),
    Email(5, timedelta(hours=120), "5-Day E5"),
)

FIELDS = (
    *CONTACT_FIELDS,
    Field(
        "assessment_score",
        field_types.score,
        required=True,
        property=notion_names.PAGE_SCORE,
        property_type="number",
    ),
    BUSINESS_NAME_OR_UNNAMED,
    Field("red_systems", field_types.systems, default=0, property=notion_names.PAGE_RED, property_type="number"),
    Field("orange_systems", field_types.systems, default=0, property=notion_names.PAGE_ORANGE, property_type="number"),
    Field("yellow_systems", field_types.systems, default=0, property=notion_names.PAGE_YELLOW, property_type="number"),
    Field("green_systems", field_types.systems, default=0, property=notion_names.PAGE_GREEN, property_type="number"),
    Field("gps_score", field_types.score),
    Field("money_score", field_types.score),
    Field("weakest_system_1", field_types.text),
    Field("weakest_system_2", field_types.text),
    Field("strongest_system", field_types.text),
    Field("revenue_leak_total", field_types.dollars),
    Field("email_1_sent_at", field_types.time),
    Field("email_1_status", field_types.text),
)

SIGNUP = Sequence(
    name="signup",
    handler="signup-handler",
    template_type="5-Day Sequence",
    answers_as=facts.NAME,
    mail_reason="You get this e-mail because you took the free BusOS assessment with this address.",
    emails=EMAILS,
    anchor_field="email_1_sent_at",
    defaults={
        "weakest_system_1": "GPS",
        "weakest_system_2": "FUEL",
        "strongest_system": "CABIN",
        "revenue_leak_total": 0,
    },
    fields=FIELDS,
    path="/webhook/christmas-signup",
    signing="SIGNING_WEBSITE",
    duplicate=Reason.ALREADY_IN_SEQUENCE,
    event_field=None,
    adopts=True,
    needs_contact=False,
    contact_properties={
        notion_names.CONTACT_STATUS: "Nurture Sequence",
        notion_names.CONTACT_PHASE: "Phase 1 Assessment",
    },
    is_assessment=True,
    ended_by=(Reason.BOUGHT, Reason.BOOKED),
)
