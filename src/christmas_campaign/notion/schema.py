"""The campaign's Notion databases and their properties.

The properties for payload fields come from the sequences.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Kind, Outcome
from christmas_campaign.campaign.segments import SEGMENTS
from christmas_campaign.sequences.model import BUSINESS_NAME, CONTACT_FIELDS, Field
from christmas_campaign.sequences.registry import SEQUENCES
from christmas_campaign.sequences.signup import SIGNUP


class Property(NamedTuple):
    """One property of a database: its name and type in Notion, and the options that a select must have."""

    name: str
    type: str
    options: tuple[str, ...] = ()


class Database(NamedTuple):
    """One database: the name of the setting with its id, its title when it is created, and its properties."""

    setting: str
    title: str
    properties: tuple[Property, ...]

    def property(self, name: str) -> Property:
        """Return the property of this name; raises ``LookupError`` if there is none."""
        for candidate in self.properties:
            if candidate.name == name:
                return candidate
        raise LookupError(f"the database {self.title} has no property {name!r}")


_SEGMENTS = tuple(segment.name for segment in SEGMENTS)

CONTACTS = Database(
    setting="NOTION_BUSINESSX_DB_ID",
    title="BusinessX",
    properties=(
        Property("first_name", "title"),
        Property("last_name", "rich_text"),
        Property(notion_names.CONTACT_EMAIL, "email"),
        Property(notion_names.CONTACT_SCORE, "number"),
        Property(notion_names.CONTACT_SEGMENT, "select", _SEGMENTS),
        Property(notion_names.CONTACT_STATUS, "select", ("Nurture Sequence", notion_names.PRE_CALL)),
        Property(
            notion_names.CONTACT_PHASE,
            "select",
            (
                "Phase 1 Assessment",
                "Phase 1 Diagnostic",
                "Phase 2A Done-For-You",
                "Phase 2B Coaching",
                "Phase 2C DIY",
            ),
        ),
        Property(
            notion_names.CONTACT_BOOKING,
            "select",
            (notion_names.NOT_BOOKED, notion_names.BOOKED, "Completed", notion_names.NO_SHOW),
        ),
        Property(notion_names.CONTACT_CALL, "date"),
        *(
            Property(notion_names.contact_sent(number), "checkbox")
            for number in range(1, notion_names.CONTACT_EMAILS + 1)
        ),
        *(Property(notion_names.contact_date(number), "date") for number in range(1, notion_names.CONTACT_EMAILS + 1)),
    ),
)


def _of_fields(fields: Iterable[Field]) -> Iterator[Property]:
    """Yield the properties of these payload fields."""
    for field in fields:
        if field.property is not None:
            yield Property(field.property, field.property_type)


def _without_duplicates(properties: Iterable[Property]) -> tuple[Property, ...]:
    """Return the properties without later ones of the same name."""
    by_name: dict[str, Property] = {}
    for candidate in properties:
        by_name.setdefault(candidate.name, candidate)
    return tuple(by_name.values())


SEQUENCE_PAGES = Database(
    setting="NOTION_EMAIL_SEQUENCE_DB_ID",
    title="Email Sequence",
    properties=_without_duplicates(
        (
            Property(notion_names.PAGE_NAME, "title"),
            *_of_fields(CONTACT_FIELDS),
            *_of_fields([BUSINESS_NAME]),
            Property(
                notion_names.PAGE_TEMPLATE_TYPE, "select", tuple(sequence.template_type for sequence in SEQUENCES)
            ),
            Property(notion_names.PAGE_CAMPAIGN, "select", (facts.NAME,)),
            Property(notion_names.PAGE_SEGMENT, "select", _SEGMENTS),
            *_of_fields(SIGNUP.fields),
            Property(notion_names.PAGE_SIGNUP_DATE, "date"),
            Property(notion_names.PAGE_CREATED, "date"),
            Property(notion_names.PAGE_ASSESSED, "checkbox"),
            Property(notion_names.PAGE_COMPLETED, "checkbox"),
            Property(notion_names.PAGE_STOPPED, "rich_text"),
            *(Property(notion_names.page_sent(number), "date") for number in notion_names.PAGE_EMAILS),
            *_of_fields(field for sequence in SEQUENCES for field in sequence.fields),
        )
    ),
)

TEMPLATES = Database(
    setting="NOTION_EMAIL_TEMPLATES_DB_ID",
    title="Email Templates",
    properties=(
        Property(notion_names.TEMPLATE_NAME, "title"),
        Property(notion_names.TEMPLATE_SUBJECT, "rich_text"),
        Property(notion_names.TEMPLATE_HTML, "rich_text"),
        Property(notion_names.TEMPLATE_TEXT, "rich_text"),
        Property(notion_names.TEMPLATE_STATUS, "select", (notion_names.TEMPLATE_ACTIVE, "Draft", "Archived")),
    ),
)

ANALYTICS = Database(
    setting="NOTION_EMAIL_ANALYTICS_DB_ID",
    title="Email Analytics",
    properties=(
        Property(notion_names.ANALYTICS_TITLE, "title"),
        Property(notion_names.ANALYTICS_EMAIL, "email"),
        Property(notion_names.ANALYTICS_TEMPLATE, "rich_text"),
        Property(notion_names.ANALYTICS_RESEND_ID, "rich_text"),
        Property(notion_names.ANALYTICS_ERROR, "rich_text"),
        Property(notion_names.ANALYTICS_NUMBER, "number"),
        Property(
            notion_names.ANALYTICS_STATUS,
            "select",
            tuple(
                dict.fromkeys(
                    (*map(str, (Outcome.SENT, Outcome.FAILED, Outcome.SKIPPED)), *(kind.status for kind in Kind))
                )
            ),
        ),
        Property(notion_names.ANALYTICS_DATE, "date"),
        Property(notion_names.ANALYTICS_CAMPAIGN, "select", (facts.NAME,)),
    ),
)

PORTALS = Database(
    setting="NOTION_CUSTOMER_PROJECTS_DB_ID",
    title="Customer Projects",
    properties=(
        Property(notion_names.PORTAL_NAME, "title"),
        Property(notion_names.PORTAL_EMAIL, "email"),
        Property(notion_names.PORTAL_BUSINESS_NAME, "rich_text"),
        Property(notion_names.PORTAL_CALL, "date"),
        Property(notion_names.PORTAL_NEXT_STEPS, "rich_text"),
        Property(notion_names.PORTAL_STATUS, "select", (notion_names.PORTAL_DELIVERED,)),
        Property(notion_names.PORTAL_CREATED, "date"),
    ),
)

#: All databases that this release reads and writes.
DATABASES: tuple[Database, ...] = (CONTACTS, SEQUENCE_PAGES, TEMPLATES, ANALYTICS, PORTALS)
