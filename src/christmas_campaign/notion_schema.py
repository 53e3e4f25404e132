"""Notion's databases and their properties, as data: a name of a property stands here and nowhere else."""

from __future__ import annotations

from typing import NamedTuple


class Property(NamedTuple):
    """One property of a database: its name in Notion, its type, and for a select the options that must be there."""

    name: str
    type: str
    options: tuple[str, ...] = ()


class Database(NamedTuple):
    """One database: the name of the setting that holds its id, its title when it is made new, and its properties."""

    setting: str
    title: str
    properties: tuple[Property, ...]

    def property(self, name: str) -> Property:
        """Return the property of this name; raises ``LookupError``."""
        for found in self.properties:
            if found.name == name:
                return found
        raise LookupError(f"the database {self.title} has no property {name!r}")


# Contacts.
CONTACT_EMAIL = "email"
CONTACT_SCORE = "Assessment Score"
CONTACT_SEGMENT = "Segment"
CONTACT_STATUS = "Christmas Campaign Status"
CONTACT_PHASE = "Phase"

# Sequence pages.
PAGE_NAME = "Name"
PAGE_EMAIL = "Email"
PAGE_FIRST_NAME = "First Name"
PAGE_BUSINESS_NAME = "Business Name"
PAGE_TEMPLATE_TYPE = "Template Type"
PAGE_CAMPAIGN = "Campaign"
PAGE_SEGMENT = "Segment"
PAGE_SCORE = "Assessment Score"
PAGE_SIGNUP_DATE = "Signup Date"
PAGE_CREATED = "Sequence Created"
PAGE_ASSESSED = "Assessment Completed"
PAGE_COMPLETED = "Sequence Completed"

#: The property of a sequence page that holds each count of systems, by the payload's field.
PAGE_SYSTEMS = {
    "red_systems": "Red Systems",
    "orange_systems": "Orange Systems",
    "yellow_systems": "Yellow Systems",
    "green_systems": "Green Systems",
}

#: How many e-mails a sequence page has room for.
PAGE_EMAILS = 7

# Templates.
TEMPLATE_NAME = "Template Name"
TEMPLATE_SUBJECT = "Subject Line"
TEMPLATE_HTML = "Email Body HTML"
TEMPLATE_TEXT = "Email Body Plain Text"
TEMPLATE_STATUS = "Status"
TEMPLATE_ACTIVE = "Active"

# Analytics.
ANALYTICS_TITLE = "Name"
ANALYTICS_EMAIL = "Email"
ANALYTICS_TEMPLATE = "Template ID"
ANALYTICS_RESEND_ID = "Resend Email ID"
ANALYTICS_ERROR = "Error Message"
ANALYTICS_NUMBER = "Email Number"
ANALYTICS_STATUS = "Status"
ANALYTICS_DATE = "Sent Date"
ANALYTICS_CAMPAIGN = "Campaign"


def page_sent(number: int) -> str:
    """Return the name of the property that says when e-mail ``number`` was sent."""
    return f"Email {number} Sent"


CONTACTS = Database(
    setting="NOTION_BUSINESSX_DB_ID",
    title="BusinessX",
    properties=(
        Property("first_name", "title"),
        Property("last_name", "rich_text"),
        Property(CONTACT_EMAIL, "email"),
        Property(CONTACT_SCORE, "number"),
        Property(CONTACT_SEGMENT, "select", ("CRITICAL", "URGENT", "OPTIMIZE")),
        Property(CONTACT_STATUS, "select", ("Nurture Sequence", "Pre-Call Prep")),
        Property(
            CONTACT_PHASE,
            "select",
            (
                "Phase 1 Assessment",
                "Phase 1 Diagnostic",
                "Phase 2A Done-For-You",
                "Phase 2B Coaching",
                "Phase 2C DIY",
            ),
        ),
        Property("Booking Status", "select", ("Not Booked", "Booked", "Completed", "No-Show")),
        Property("Diagnostic Call Date", "date"),
        *(Property(f"Christmas Email {number} Sent", "checkbox") for number in range(1, 6)),
        *(Property(f"Christmas Email {number} Date", "date") for number in range(1, 6)),
    ),
)

SEQUENCE_PAGES = Database(
    setting="NOTION_EMAIL_SEQUENCE_DB_ID",
    title="Email Sequence",
    properties=(
        Property(PAGE_NAME, "title"),
        Property(PAGE_EMAIL, "email"),
        Property(PAGE_FIRST_NAME, "rich_text"),
        Property(PAGE_BUSINESS_NAME, "rich_text"),
        Property(
            PAGE_TEMPLATE_TYPE,
            "select",
            ("5-Day Sequence", "No-Show Recovery", "Post-Call Follow-Up", "Onboarding"),
        ),
        Property(PAGE_CAMPAIGN, "select", ("Christmas 2025",)),
        Property(PAGE_SEGMENT, "select", ("CRITICAL", "URGENT", "OPTIMIZE")),
        Property(PAGE_SCORE, "number"),
        *(Property(name, "number") for name in PAGE_SYSTEMS.values()),
        Property(PAGE_SIGNUP_DATE, "date"),
        Property(PAGE_CREATED, "date"),
        Property(PAGE_ASSESSED, "checkbox"),
        Property(PAGE_COMPLETED, "checkbox"),
        *(Property(page_sent(number), "date") for number in range(1, PAGE_EMAILS + 1)),
    ),
)

TEMPLATES = Database(
    setting="NOTION_EMAIL_TEMPLATES_DB_ID",
    title="Email Templates",
    properties=(
        Property(TEMPLATE_NAME, "title"),
        Property(TEMPLATE_SUBJECT, "rich_text"),
        Property(TEMPLATE_HTML, "rich_text"),
        Property(TEMPLATE_TEXT, "rich_text"),
        Property(TEMPLATE_STATUS, "select", (TEMPLATE_ACTIVE, "Draft", "Archived")),
    ),
)

ANALYTICS = Database(
    setting="NOTION_EMAIL_ANALYTICS_DB_ID",
    title="Email Analytics",
    properties=(
        Property(ANALYTICS_TITLE, "title"),
        Property(ANALYTICS_EMAIL, "email"),
        Property(ANALYTICS_TEMPLATE, "rich_text"),
        Property(ANALYTICS_RESEND_ID, "rich_text"),
        Property(ANALYTICS_ERROR, "rich_text"),
        Property(ANALYTICS_NUMBER, "number"),
        Property(ANALYTICS_STATUS, "select", ("sent", "failed", "skipped", "delivered", "bounced")),
        Property(ANALYTICS_DATE, "date"),
        Property(ANALYTICS_CAMPAIGN, "select", ("Christmas Campaign",)),
    ),
)

#: The databases that this version reads and writes.
DATABASES: tuple[Database, ...] = (CONTACTS, SEQUENCE_PAGES, TEMPLATES, ANALYTICS)
