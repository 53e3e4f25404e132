from __future__ import annotations

import pytest

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.campaign.segments import SEGMENTS
from christmas_campaign.notion import schema
from christmas_campaign.notion.schema import Database
from christmas_campaign.sequences.registry import SEQUENCES

#: The databases of the contract: their properties by type.
CONTACTS = {
    "title": ["first_name"],
    "rich_text": ["last_name"],
    "email": ["email"],
    "number": ["Assessment Score"],
    "select": ["Segment", "Christmas Campaign Status", "Phase", "Booking Status"],
    "checkbox": [f"Christmas Email {number} Sent" for number in range(1, 6)],
    "date": ["Diagnostic Call Date", *(f"Christmas Email {number} Date" for number in range(1, 6))],
}
SEQUENCE_PAGES = {
    "title": ["Name"],
    "email": ["Email"],
    "rich_text": ["First Name", "Business Name"],
    "select": ["Template Type", "Campaign", "Segment"],
    "number": ["Assessment Score", "Red Systems", "Orange Systems", "Yellow Systems", "Green Systems"],
    "checkbox": ["Assessment Completed", "Sequence Completed"],
    "date": ["Signup Date", "Sequence Created", *(f"Email {number} Sent" for number in range(1, 8))],
}
TEMPLATES = {
    "title": ["Template Name"],
    "rich_text": ["Subject Line", "Email Body HTML", "Email Body Plain Text"],
    "select": ["Status"],
}
ANALYTICS = {
    "title": ["Name"],
    "email": ["Email"],
    "rich_text": ["Template ID", "Resend Email ID", "Error Message"],
    "number": ["Email Number"],
    "select": ["Status", "Campaign"],
    "date": ["Sent Date"],
}


@pytest.mark.parametrize(
    ("database", "title", "setting", "properties"),
    [
        (schema.CONTACTS, "BusinessX", "NOTION_BUSINESSX_DB_ID", CONTACTS),
        (schema.SEQUENCE_PAGES, "Email Sequence", "NOTION_EMAIL_SEQUENCE_DB_ID", SEQUENCE_PAGES),
        (schema.TEMPLATES, "Email Templates", "NOTION_EMAIL_TEMPLATES_DB_ID", TEMPLATES),
        (schema.ANALYTICS, "Email Analytics", "NOTION_EMAIL_ANALYTICS_DB_ID", ANALYTICS),
    ],
)
def test_schema_has_the_databases_of_the_contract(
    database: Database, title: str, setting: str, properties: dict[str, list[str]]
) -> None:
    assert (database.title, database.setting) == (title, setting)
    types = {own.name: own.type for own in database.properties}
    assert {(name, kind) for kind, names in properties.items() for name in names} <= set(types.items())
    assert len(types) == len(database.properties), "two properties have the same name"
    assert database in schema.DATABASES


PHASES = {"Phase 1 Assessment", "Phase 1 Diagnostic", "Phase 2A Done-For-You", "Phase 2B Coaching", "Phase 2C DIY"}


@pytest.mark.parametrize(
    ("database", "name", "options"),
    [
        (schema.CONTACTS, "Segment", {"CRITICAL", "URGENT", "OPTIMIZE"}),
        (schema.CONTACTS, "Christmas Campaign Status", {"Nurture Sequence", "Pre-Call Prep"}),
        (schema.CONTACTS, "Phase", PHASES),
        (schema.CONTACTS, "Booking Status", {"Not Booked", "Booked", "Completed", "No-Show"}),
        (schema.SEQUENCE_PAGES, "Template Type", {own.template_type for own in SEQUENCES}),
        (schema.SEQUENCE_PAGES, "Campaign", {"Christmas 2025"}),
        (schema.SEQUENCE_PAGES, "Segment", {segment.name for segment in SEGMENTS}),
        (schema.TEMPLATES, "Status", {"Active"}),
        (schema.ANALYTICS, "Status", {"delivered", "bounced", *(Outcome.SENT, Outcome.FAILED, Outcome.SKIPPED)}),
        (schema.ANALYTICS, "Campaign", {"Christmas 2025"}),
    ],
)
def test_select_has_the_options_of_the_contract(database: Database, name: str, options: set[str]) -> None:
    assert options <= set(database.property(name).options)


def test_sequence_page_has_a_date_for_every_email() -> None:
    numbers = {email.number for own in SEQUENCES for email in own.emails}
    assert numbers <= set(notion_names.PAGE_EMAILS) == set(range(1, 8))
    assert [notion_names.page_sent(number) for number in (1, 7)] == ["Email 1 Sent", "Email 7 Sent"]
