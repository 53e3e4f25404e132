"""What the unit tests share: payloads, events and records, and pages as Notion answers them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from christmas_campaign.campaign import times, unsubscribe_link
from christmas_campaign.campaign.outcomes import Kind
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email.delivery_reports import Report
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.schema import Database
from christmas_campaign.sequences.registry import SEQUENCES, sequence

#: Ten in the morning in Toronto.
NOW = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

#: When the call is that the event of a booking is about: four days later.
CALL = NOW + 96 * HOUR

#: All that may break on its way into an e-mail.
AWKWARD = 'Zoë "Lệ" O\'Neil \\1 {{first_name}}'
AWKWARD_HTML = "Zoë &quot;Lệ&quot; O&#x27;Neil \\1 {{first_name}}"

NAMES = tuple(found.name for found in SEQUENCES)

#: What each handler requires, and no more.
REQUIRED: dict[str, dict[str, Any]] = {
    "signup": {"email": "zoe@example.com", "first_name": "Zoë", "assessment_score": 52},
    "noshow": {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "business_name": "Bảo Sang Beauty Salon",
        "calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-20T14:00:00Z",
    },
    "postcall": {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "business_name": "Bảo Sang Beauty Salon",
        "call_date": "2025-11-20T14:00:00Z",
    },
    "onboarding": {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "business_name": "Bảo Sang Beauty Salon",
        "payment_confirmed": True,
        "payment_amount": 2997,
        "payment_date": "2025-11-20T14:00:00Z",
    },
    "precall": {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "booking_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-24T15:00:00Z",
    },
}

#: What labels every run about a signup of this contact.
WHO = {
    "sequence": "signup",
    "contact": "7ece2a81c666152c41fce3d8",
    "enrolment": "signup-a2f7e0ca3f2dd1e0686380cb",
}

#: The ids of Notion's data sources that a record keeps.
SOURCES = {"templates": "source-templates", "analytics": "source-analytics"}

#: Settings with which an e-mail can be composed.
UNSUBSCRIBE_KEYS = unsubscribe_link.keys("a key of the links to unsubscribe")
SETTINGS = Settings(
    sender_address="value@example.org",
    unsubscribe_address="stop@example.org",
    public_url="https://campaign.example.org",
    unsubscribe_keys=UNSUBSCRIBE_KEYS,
    postal_address="1 Main St, Toronto",
)

#: The page by which this contact unsubscribes.
UNSUBSCRIBE = f"https://campaign.example.org/unsubscribe/{UNSUBSCRIBE_KEYS.token(WHO['contact'])}"

#: What every body needs. In HTML it is its own text, so that a derived plain text ends with it too.
FOOTER = " {{mail_reason}} {{postal_address}} {{unsubscribe_url}}"


def footer(name: str = "signup", /) -> str:
    """What becomes of it in an e-mail of a sequence."""
    return f"{sequence(name).mail_reason} 1 Main St, Toronto {UNSUBSCRIBE}"


def payload(name: str = "signup", /, **fields: Any) -> dict[str, Any]:
    """A good payload, with these fields besides or instead; ``...`` leaves one out."""
    given = {**REQUIRED[name], **fields}
    return {field: value for field, value in given.items() if value is not ...}


def event(name: str = "signup", /, *, at: datetime = NOW, **fields: Any) -> Event:
    """The event of a good payload that arrived at ``at``."""
    return intake.read(payload(name, **fields), name, at)


def record(
    name: str = "signup",
    /,
    *,
    emails: Mapping[int, datetime] | None = None,
    contact: Mapping[str, Any] | None = None,
    signup: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Record:
    """A record whose e-mails are all due at their times after ``NOW``, or before ``CALL``, or at these."""
    due = {email.number: (CALL if email.delay < 0 * HOUR else NOW) + email.delay for email in sequence(name).emails}
    return Record(event(name, **fields), contact or {}, due if emails is None else emails, SOURCES, signup or {})


#: Resend's id of an e-mail.
RESEND_ID = "56761188-7520-42d8-8898-ff6fc54ce618"


def resend(name: str = "email.delivered", /, *, at: Any = NOW, tags: Any = ..., **data: Any) -> dict[str, Any]:
    """What Resend's webhook says of e-mail 2 of a signup."""
    own = {"sequence": "signup", "number": "2", "enrolment": WHO["enrolment"], "contact": WHO["contact"]}
    return {
        "type": name,
        "created_at": times.text(at) if isinstance(at, datetime) else at,
        "data": {
            "created_at": "2025-11-20T14:59:58.894719+00:00",
            "email_id": RESEND_ID,
            "from": "Sang Le - BusOS <value@example.org>",
            "to": ["zoe@example.com"],
            "subject": "A subject",
            "tags": own if tags is ... else tags,
            **data,
        },
    }


def report(kind: Kind = Kind.DELIVERED, /, *, at: datetime = NOW, detail: str = "", number: int = 2) -> Report:
    """What is read from that."""
    return Report(WHO["enrolment"], number, WHO["contact"], RESEND_ID, kind, at, detail)


def _shown(kind: str, value: Any) -> Any:
    match kind:
        case "title" | "rich_text":
            return [
                {"type": "text", "text": {"content": piece}, "plain_text": piece, "href": None}
                for piece in page_values.pieces(str(value))
            ]
        case "select":
            return {"id": "x", "name": value, "color": "default"}
        case "date":
            return {"start": value, "end": None, "time_zone": None}
        case _:
            return value


def page(
    database: Database, values: Mapping[str, Any] | None = None, *, page_id: str = "page-1", **rest: Any
) -> dict[str, Any]:
    """A page as Notion answers it, with all properties of its database; what is not among ``values`` is null."""
    given = values or {}
    properties = {
        each.name: {
            "id": f"{number:04x}",
            "type": each.type,
            each.type: None if given.get(each.name) is None else _shown(each.type, given[each.name]),
        }
        for number, each in enumerate(database.properties)
    }
    assert set(given) <= set(properties), "no such property"
    return {"object": "page", "id": page_id, "archived": False, "in_trash": False, "properties": properties, **rest}


def contact(page_id: str = "contact-1", **values: Any) -> dict[str, Any]:
    """A contact's page in BusinessX."""
    return page(schema.CONTACTS, {"email": "zoe@example.com", **values}, page_id=page_id)


def sequence_page(values: Mapping[str, Any] | None = None, *, page_id: str = "page-1", **rest: Any) -> dict[str, Any]:
    """A page in Email Sequence: of this contact and campaign, and all else null."""
    own = {"Email": "zoe@example.com", "Campaign": "Christmas 2025"}
    return page(schema.SEQUENCE_PAGES, {**own, **(values or {})}, page_id=page_id, **rest)


def template(
    subject: str | None = "A subject",
    html: str | None = "<p>A body</p>",
    text: str | None = None,
    *,
    name: str = "5-Day E2",
    footer: str = FOOTER,
    **rest: Any,
) -> dict[str, Any]:
    """A page in Email Templates; each body that is not empty has the footer that the law wants."""
    html, text = (body + footer if body and body.strip() else body for body in (html, text))
    values = {
        "Template Name": name,
        "Subject Line": subject,
        "Email Body HTML": html,
        "Email Body Plain Text": text,
        "Status": "Active",
    }
    return page(schema.TEMPLATES, values, page_id="template-1", **rest)


def text_of(written: Mapping[str, Any]) -> str:
    """The text within a text property as it is written to Notion."""
    (objects,) = written.values()
    return "".join(each["text"]["content"] for each in objects)


def response(body: Any, code: int = 200) -> dict[str, Any]:
    """A response as an HTTP task of Kestra hands it on."""
    return {"code": code, "headers": {}, "body": body if isinstance(body, str) else json.dumps(body)}


def found(*pages: Any) -> dict[str, Any]:
    """The response to a Notion query that found these pages."""
    return response({"object": "list", "results": list(pages), "has_more": False, "next_cursor": None})


def database(source: str = "source-1") -> dict[str, Any]:
    """The response to the look-up of a Notion database."""
    return response({"object": "database", "id": "db", "data_sources": [{"id": source, "name": "x"}]})
