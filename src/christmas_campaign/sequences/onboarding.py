"""`onboarding`: the contact signed the contract and paid."""

from __future__ import annotations

from datetime import timedelta

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.model import (
    BUSINESS_NAME,
    CONTACT_FIELDS,
    Email,
    Field,
    PayloadForm,
    Sequence,
    SignatureForm,
)

EMAILS = (
    Email(1, timedelta(hours=1), "onboarding_phase1_email_1"),
    Email(2, timedelta(hours=24), "onboarding_phase1_email_2"),
    Email(3, timedelta(hours=72), "onboarding_phase1_email_3"),
)

FIELDS = (
    *CONTACT_FIELDS,
    BUSINESS_NAME,
    Field(
        "payment_confirmed",
        field_types.flag,
        required=True,
        only_true="onboarding starts when the contract is paid",
    ),
    Field(
        "payment_amount",
        field_types.amount,
        required=True,
        property=notion_names.PAGE_AMOUNT,
        property_type="number",
    ),
    Field(
        "payment_date",
        field_types.time,
        required=True,
        property=notion_names.PAGE_PAYMENT_DATE,
        property_type="date",
    ),
    Field(
        "docusign_completed",
        field_types.flag,
        default=True,
        only_true="onboarding starts when the contract is signed",
    ),
    Field("salon_address", field_types.text, property=notion_names.PAGE_ADDRESS),
    Field("observation_dates", field_types.texts, property=notion_names.PAGE_OBSERVATIONS),
    Field("start_date", field_types.time, property=notion_names.PAGE_START_DATE, property_type="date"),
    Field(
        "package_type",
        field_types.text,
        default="Phase 1 - Traditional Service Diagnostic",
        property=notion_names.PAGE_PACKAGE,
    ),
    Field(
        "other_signers",
        field_types.texts,
        note="The addresses of others who may be the contact: the contact is the one whom BusinessX knows.",
    ),
)

ONBOARDING = Sequence(
    name="onboarding",
    handler="onboarding-handler",
    template_type="Onboarding",
    answers_as=facts.SERVICE_NAME,
    mail_reason="You get this e-mail because you are a client of ours, with this address.",
    emails=EMAILS,
    fields=FIELDS,
    path="/webhook/onboarding-start",
    signing="SIGNING_DOCUSIGN",
    signature_forms=(SignatureForm.DOCUSIGN,),
    payload_forms=(PayloadForm.DOCUSIGN_ENVELOPE,),
    echoed=("payment_amount",),
    duplicate=Reason.DUPLICATE_ONBOARDING,
    event_field="payment_date",
    event_is_time=True,
    adopts=True,
    contact_properties={notion_names.CONTACT_PHASE: "Phase 1 Diagnostic"},
    makes_portal=True,
    ended_by=(),
    stops_for=Reason.BOUGHT,
)
