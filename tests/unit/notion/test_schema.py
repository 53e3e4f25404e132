from __future__ import annotations

import pytest

from christmas_campaign.campaign import notion_names
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.campaign.segments import SEGMENTS
from christmas_campaign.notion import schema
from christmas_campaign.notion.schema import Database
from christmas_campaign.sequences.registry import SEQUENCES

#: The contract's table, by database.
CONTACTS = {
    "first_name": "title",
    "last_name": "rich_text",
    "email": "email",
    "Assessment Score": "number",
    "Segment": "select",
    "Christmas Campaign Status": "select",
    "Phase": "select",
    "Booking Status": "select",
    "Diagnostic Call Date": "date",
    **{f"Christmas Email {number} Sent": "checkbox" for number in range(1, 6)},
    **{f"Christmas Email {number} Date": "date" for number in range(1, 6)},
}
PAGES = {
    "Name": "title",
    "Email": "email",
    "First Name": "rich_text",
    "Business Name": "rich_text",
    "Template Type": "select",
    "Campaign": "select",
    "Segment": "select",
    "Assessment Score": "number",
    "Red Systems": "number",
    "Orange Systems": "number",
    "Yellow Systems": "number",
    "Green Systems": "number",
    "Signup Date": "date",
    "Sequence Created": "date",
    "Assessment Completed": "checkbox",
    "Sequence Completed": "checkbox",
    **{f"Email {number} Sent": "date" for number in range(1, 8)},
}
TEMPLATES = {
    "Template Name": "title",
    "Subject Line": "rich_text",
    "Email Body HTML": "rich_text",
    "Email Body Plain Text": "rich_text",
    "Status": "select",
}
ANALYTICS = {
    "Name": "title",
    "Email": "email",
    "Template ID": "rich_text",
    "Resend Email ID": "rich_text",
    "Error Message": "rich_text",
    "Email Number": "number",
    "Status": "select",
    "Sent Date": "date",
    "Campaign": "select",
}


@pytest.mark.parametrize(
    ("database", "title", "setting", "properties"),
    [
        (schema.CONTACTS, "BusinessX", "NOTION_BUSINESSX_DB_ID", CONTACTS),
        (schema.SEQUENCE_PAGES, "Email Sequence", "NOTION_EMAIL_SEQUENCE_DB_ID", PAGES),
        (schema.TEMPLATES, "Email Templates", "NOTION_EMAIL_TEMPLATES_DB_ID", TEMPLATES),
        (schema.ANALYTICS, "Email Analytics", "NOTION_EMAIL_ANALYTICS_DB_ID", ANALYTICS),
    ],
)
def test_the_databases_that_people_have_today(
    database: Database, title: str, setting: str, properties: dict[str, str]
) -> None:
    assert (database.title, database.setting) == (title, setting)
    found = {each.name: each.type for each in database.properties}
    assert {name: found.get(name) for name in properties} == properties
    assert len(found) == len(database.properties), "a name stands twice"
    assert database in schema.DATABASES


@pytest.mark.parametrize(
    ("database", "name", "options"),
    [
        (schema.CONTACTS, "Segment", {"CRITICAL", "URGENT", "OPTIMIZE"}),
        (schema.CONTACTS, "Christmas Campaign Status", {"Nurture Sequence", "Pre-Call Prep"}),
        (
            schema.CONTACTS,
            "Phase",
            {
                "Phase 1 Assessment",
                "Phase 1 Diagnostic",
                "Phase 2A Done-For-You",
                "Phase 2B Coaching",
                "Phase 2C DIY",
            },
        ),
        (schema.CONTACTS, "Booking Status", {"Not Booked", "Booked", "Completed", "No-Show"}),
        (schema.SEQUENCE_PAGES, "Template Type", {found.template_type for found in SEQUENCES}),
        (schema.SEQUENCE_PAGES, "Campaign", {"Christmas 2025"}),
        (schema.SEQUENCE_PAGES, "Segment", {segment.name for segment in SEGMENTS}),
        (schema.TEMPLATES, "Status", {"Active"}),
        (schema.ANALYTICS, "Status", {"sent", "failed", "skipped", "delivered", "bounced"}),
        (schema.ANALYTICS, "Campaign", {"Christmas Campaign"}),
    ],
)
def test_the_options_that_must_be_there(database: Database, name: str, options: set[str]) -> None:
    assert options <= set(database.property(name).options)


def test_every_way_an_email_is_settled_is_an_option_of_the_analytics() -> None:
    options = schema.ANALYTICS.property("Status").options
    assert {Outcome.SENT, Outcome.FAILED, Outcome.SKIPPED} <= set(options)


def test_a_sequence_page_has_room_for_every_email() -> None:
    numbers = {email.number for found in SEQUENCES for email in found.emails}
    assert set(numbers) <= set(notion_names.PAGE_EMAILS) == {1, 2, 3, 4, 5, 6, 7}
    assert [notion_names.page_sent(number) for number in (1, 7)] == ["Email 1 Sent", "Email 7 Sent"]


def test_a_property_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match="the database BusinessX has no property 'Email'"):
        schema.CONTACTS.property("Email")
