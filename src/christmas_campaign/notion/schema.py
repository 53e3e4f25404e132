"""Notion's databases and their properties, as data: a name of a property stands here and nowhere else."""

from __future__ import annotations

from typing import NamedTuple

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.outcomes import Outcome
from christmas_campaign.campaign.segments import SEGMENTS
from christmas_campaign.email.delivery_reports import Kind
from christmas_campaign.sequences.model import SEQUENCES


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
CONTACT_BOOKING = "Booking Status"
CONTACT_CALL = "Diagnostic Call Date"
PRE_CALL = "Pre-Call Prep"
NOT_BOOKED, BOOKED = "Not Booked", "Booked"

#: How many e-mails of the Christmas campaign a contact's page has room for.
CONTACT_EMAILS = 5

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
PAGE_STOPPED = "Stop Reason"

PAGE_RED = "Red Systems"
PAGE_ORANGE = "Orange Systems"
PAGE_YELLOW = "Yellow Systems"
PAGE_GREEN = "Green Systems"
PAGE_CALENDLY_EVENT = "Calendly Event URI"
PAGE_SCHEDULED_TIME = "Scheduled Time"
PAGE_EVENT_TYPE = "Event Type"
PAGE_CALL_DATE = "Call Date"
PAGE_CALL_OUTCOME = "Call Outcome"
PAGE_PRIORITY = "Follow-Up Priority"
PAGE_NOTES = "Call Notes"
PAGE_OBJECTIONS = "Objections"
PAGE_AMOUNT = "Payment Amount"
PAGE_PAYMENT_DATE = "Payment Date"
PAGE_START_DATE = "Start Date"
PAGE_PACKAGE = "Package Type"
PAGE_ADDRESS = "Salon Address"
PAGE_OBSERVATIONS = "Observation Dates"

#: The e-mails that a sequence page has room for, by number.
PAGE_EMAILS = range(1, 8)

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

# Customer projects.
PORTAL_NAME = "Name"
PORTAL_EMAIL = "Email"
PORTAL_BUSINESS_NAME = "Business Name"
PORTAL_CALL = "Diagnostic Call Date"
PORTAL_NEXT_STEPS = "Next Steps"
PORTAL_STATUS = "Status"
PORTAL_DELIVERED = "Portal Delivered"
PORTAL_CREATED = "Created Date"


def page_sent(number: int) -> str:
    """Return the name of the property that says when e-mail ``number`` was sent."""
    return f"Email {number} Sent"


def contact_sent(number: int) -> str:
    """Return the name of the property of a contact that says whether e-mail ``number`` of the campaign was sent."""
    return f"Christmas Email {number} Sent"


def contact_date(number: int) -> str:
    """Return the name of the property of a contact that says when e-mail ``number`` of the campaign was sent."""
    return f"Christmas Email {number} Date"


_SEGMENTS = tuple(segment.name for segment in SEGMENTS)

CONTACTS = Database(
    setting="NOTION_BUSINESSX_DB_ID",
    title="BusinessX",
    properties=(
        Property("first_name", "title"),
        Property("last_name", "rich_text"),
        Property(CONTACT_EMAIL, "email"),
        Property(CONTACT_SCORE, "number"),
        Property(CONTACT_SEGMENT, "select", _SEGMENTS),
        Property(CONTACT_STATUS, "select", ("Nurture Sequence", PRE_CALL)),
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
        Property(CONTACT_BOOKING, "select", (NOT_BOOKED, BOOKED, "Completed", "No-Show")),
        Property(CONTACT_CALL, "date"),
        *(Property(contact_sent(number), "checkbox") for number in range(1, CONTACT_EMAILS + 1)),
        *(Property(contact_date(number), "date") for number in range(1, CONTACT_EMAILS + 1)),
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
        Property(PAGE_TEMPLATE_TYPE, "select", tuple(each.template_type for each in SEQUENCES)),
        Property(PAGE_CAMPAIGN, "select", (facts.NAME,)),
        Property(PAGE_SEGMENT, "select", _SEGMENTS),
        Property(PAGE_SCORE, "number"),
        *(Property(name, "number") for name in (PAGE_RED, PAGE_ORANGE, PAGE_YELLOW, PAGE_GREEN)),
        Property(PAGE_SIGNUP_DATE, "date"),
        Property(PAGE_CREATED, "date"),
        Property(PAGE_ASSESSED, "checkbox"),
        Property(PAGE_COMPLETED, "checkbox"),
        Property(PAGE_STOPPED, "rich_text"),
        *(Property(page_sent(number), "date") for number in PAGE_EMAILS),
        Property(PAGE_CALENDLY_EVENT, "rich_text"),
        Property(PAGE_SCHEDULED_TIME, "rich_text"),
        Property(PAGE_EVENT_TYPE, "rich_text"),
        Property(PAGE_CALL_DATE, "rich_text"),
        Property(PAGE_CALL_OUTCOME, "rich_text"),
        Property(PAGE_PRIORITY, "rich_text"),
        Property(PAGE_NOTES, "rich_text"),
        Property(PAGE_OBJECTIONS, "rich_text"),
        Property(PAGE_AMOUNT, "number"),
        Property(PAGE_PAYMENT_DATE, "date"),
        Property(PAGE_START_DATE, "date"),
        Property(PAGE_PACKAGE, "rich_text"),
        Property(PAGE_ADDRESS, "rich_text"),
        Property(PAGE_OBSERVATIONS, "rich_text"),
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
        Property(
            ANALYTICS_STATUS,
            "select",
            tuple(
                dict.fromkeys(
                    (*map(str, (Outcome.SENT, Outcome.FAILED, Outcome.SKIPPED)), *(each.status for each in Kind))
                )
            ),
        ),
        Property(ANALYTICS_DATE, "date"),
        Property(ANALYTICS_CAMPAIGN, "select", (facts.ANALYTICS_NAME,)),
    ),
)

PORTALS = Database(
    setting="NOTION_CUSTOMER_PROJECTS_DB_ID",
    title="Customer Projects",
    properties=(
        Property(PORTAL_NAME, "title"),
        Property(PORTAL_EMAIL, "email"),
        Property(PORTAL_BUSINESS_NAME, "rich_text"),
        Property(PORTAL_CALL, "date"),
        Property(PORTAL_NEXT_STEPS, "rich_text"),
        Property(PORTAL_STATUS, "select", (PORTAL_DELIVERED,)),
        Property(PORTAL_CREATED, "date"),
    ),
)

#: The databases that this version reads and writes.
DATABASES: tuple[Database, ...] = (CONTACTS, SEQUENCE_PAGES, TEMPLATES, ANALYTICS, PORTALS)
