"""Decisions are the same wherever the machine stands: three zones, across both changes of Toronto's clocks.

This file is also a program: it prints what is decided as JSON, and the tests run it under one ``TZ`` after the other.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign import notion_names, times, unsubscribe_link
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import compose
from christmas_campaign.enrolment import lookups, plan
from christmas_campaign.enrolment.plan import Enrol
from christmas_campaign.events import intake
from christmas_campaign.notion import page_values, schema
from christmas_campaign.templates import html_verdict

#: Where the machine may stand, and what its clock is ahead of UTC in January, to see that it does.
ZONES = {"America/Toronto": "-0500", "Asia/Tokyo": "+0900", "UTC": "+0000"}

SOURCES = dict.fromkeys(("pages", "templates", "analytics", "portals"), "source")
SETTINGS = Settings(
    sender_address="value@example.org",
    public_url="https://campaign.example.org",
    unsubscribe_keys=unsubscribe_link.keys("a key of the links to unsubscribe"),
    postal_address="1 Main St, Toronto",
)
FOOTER = " {{mail_reason}} {{postal_address}} {{unsubscribe_url}}"

CONTACT = {"email": "ana@example.com", "first_name": "Ana", "business_name": "Salon Ana"}

#: By name: the sequence, when its webhook arrives, and what the payload says besides. On 2 November 2025 Toronto's clocks go
#: back at two o'clock: 1:30 is there twice. On 8 March 2026 they go forward at two: 2:30 is not there at all.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    # 24 hours after noon it is eleven o'clock.
    "signup, the day before": ("signup", "2025-11-01T12:00:30-04:00", {"email_1_sent_at": "2025-11-01T12:00:00"}),
    "signup, the first 1:30": ("signup", "2025-11-02T05:30:00Z", {"email_1_sent_at": "2025-11-02T01:30:00"}),
    "signup, the second 1:30": ("signup", "2025-11-02T06:30:00Z", {"email_1_sent_at": "2025-11-02T01:30:00-05:00"}),
    "signup, in the gap": ("signup", "2026-03-08T07:30:00Z", {"email_1_sent_at": "2026-03-08T02:30:00"}),
    "signup, a day alone": ("signup", "2026-03-08T07:30:00Z", {"email_1_sent_at": "2026-03-08"}),
    "noshow, the first 1:30": (
        "noshow",
        "2025-11-02T05:30:00Z",
        {"calendly_event_uri": "https://calendly.example.com/1", "scheduled_time": "2025-11-02T01:30:00"},
    ),
    "noshow, in the gap": (
        "noshow",
        "2026-03-08T07:30:00Z",
        {"calendly_event_uri": "https://calendly.example.com/2", "scheduled_time": "2026-03-08T02:30:00+09:00"},
    ),
    "postcall, the second 1:30": ("postcall", "2025-11-02T06:30:00Z", {"call_date": "2025-11-02T01:30:00"}),
    # Half past eleven at night in Toronto: in UTC and in Tokyo it is the next day already.
    "postcall, at night": ("postcall", "2025-11-02T03:30:00Z", {"call_date": "2025-11-02T01:00:00+00:00"}),
    "postcall, in the gap": ("postcall", "2026-03-08T07:30:00Z", {"call_date": "2026-03-07T23:45:00"}),
    "onboarding, the first 1:30": (
        "onboarding",
        "2025-11-02T05:30:00Z",
        {"payment_date": "2025-11-02T00:15:00", "start_date": "2025-11-02"},
    ),
    "onboarding, in the gap": (
        "onboarding",
        "2026-03-08T07:30:00Z",
        {"payment_date": "2026-03-08T01:59:59.500", "start_date": "2026-03-08T02:30:00"},
    ),
}

REST: dict[str, dict[str, Any]] = {
    "signup": {"assessment_score": 52},
    "onboarding": {"payment_confirmed": True, "payment_amount": 2997},
}

#: Every value of an e-mail that has to do with time.
SAID = "{{days_to_deadline}} {{deadline_date}}"
SAID_OF_TIMES = {
    "signup": "{{email_1_sent_at_text}}",
    "noshow": "{{scheduled_time_text}}",
    "postcall": "{{call_date_text}}",
    "onboarding": "{{payment_date_text}} / {{start_date_text}}",
}


def page(database: schema.Database, values: Mapping[str, Any]) -> dict[str, Any]:
    """A page as Notion answers it."""
    written: Any = page_values.properties(database, values)
    properties: dict[str, Any] = {}
    for name, value in written.items():
        ((kind, given),) = value.items()
        if kind in ("title", "rich_text"):
            given = [{**piece, "plain_text": piece["text"]["content"]} for piece in given]
        properties[name] = {"type": kind, kind: given}
    return {"object": "page", "id": "page-1", "archived": False, "properties": properties}


def decide(name: str, now: datetime, said: Mapping[str, Any]) -> dict[str, Any]:
    """All that intake, plan and compose make of a payload, as far as it has to do with time."""
    event = intake.read({**CONTACT, **REST.get(name, {}), **said}, name, now)
    decided = plan.plan(
        event,
        contacts=[page(schema.CONTACTS, {"email": event.email})],
        pages=[],
        begun=False,
        sources=SOURCES,
        settings=SETTINGS,
        now=now,
    )
    assert isinstance(decided, Enrol)
    record = decided.record
    template = page(
        schema.TEMPLATES,
        {
            notion_names.TEMPLATE_NAME: "any",
            notion_names.TEMPLATE_SUBJECT: SAID,
            notion_names.TEMPLATE_HTML: SAID_OF_TIMES[name] + FOOTER,
            notion_names.TEMPLATE_STATUS: notion_names.TEMPLATE_ACTIVE,
        },
    )
    emails = {}
    for number, due in record.emails.items():
        composed = compose.compose(
            record,
            number,
            enrolment=event.id,
            page=page(schema.SEQUENCE_PAGES, {}),
            active=compose.active_templates([template]),
            judge=html_verdict.judge,
            settings=SETTINGS,
        )
        assert isinstance(composed, compose.Composed)
        request = composed.request
        said_in_it = str(request["html"]).partition(" You get this e-mail")[0]
        emails[str(number)] = [times.text(due), request["subject"], said_in_it]
    return {
        "emails": emails,
        "ttl": decided.ttl,
        "id": event.id,
        "lookups": lookups.lookups(event).as_json(),
        "page": decided.page.body["properties"],
        "portal": decided.portal,
    }


def program() -> None:
    """Print the decisions of all cases, and what the machine's clock is ahead of UTC in January."""
    told = {case: decide(name, datetime.fromisoformat(now), said) for case, (name, now, said) in CASES.items()}
    zone = time.strftime("%z", time.localtime(datetime.fromisoformat("2026-01-15T12:00:00+00:00").timestamp()))
    print(json.dumps({"zone": zone, "decided": told}))


@functools.cache
def decided(zone: str) -> dict[str, Any]:
    """What the program says on a machine that stands in ``zone``."""
    env = {**os.environ, "TZ": zone}
    # -P: the folder of this file has an "email" of its own.
    ran = subprocess.run(
        [sys.executable, "-P", __file__], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    assert said["zone"] == ZONES[zone]
    found: dict[str, Any] = said["decided"]
    return found


@pytest.mark.parametrize("zone", ["America/Toronto", "Asia/Tokyo"])
@pytest.mark.parametrize("case", CASES)
def test_everything_decided_is_the_same_in_every_zone(case: str, zone: str) -> None:
    assert decided(zone)[case] == decided("UTC")[case]


#: When each e-mail goes out (UTC), how many days it says are left, and how it writes the times of its payload. By hand.
EMAILS: dict[str, tuple[str, list[tuple[str, int]]]] = {
    "signup, the day before": (
        "Saturday, November 1, 2025 at 12:00 PM EDT",
        [
            # Eleven o'clock in Toronto, where the clock says one hour less than the day before.
            ("2025-11-02T16:00:00.000Z", 33),
            ("2025-11-04T16:00:00.000Z", 31),
            ("2025-11-05T16:00:00.000Z", 30),
            ("2025-11-06T16:00:00.000Z", 29),
        ],
    ),
    "signup, the first 1:30": (
        # Without a zone it is the first of the two, which is summer's: four hours behind.
        "Sunday, November 2, 2025 at 1:30 AM EDT",
        [
            # 0:30 on the next day.
            ("2025-11-03T05:30:00.000Z", 32),
            ("2025-11-05T05:30:00.000Z", 30),
            ("2025-11-06T05:30:00.000Z", 29),
            ("2025-11-07T05:30:00.000Z", 28),
        ],
    ),
    "signup, the second 1:30": (
        "Sunday, November 2, 2025 at 1:30 AM EST",
        [
            ("2025-11-03T06:30:00.000Z", 32),
            ("2025-11-05T06:30:00.000Z", 30),
            ("2025-11-06T06:30:00.000Z", 29),
            ("2025-11-07T06:30:00.000Z", 28),
        ],
    ),
    "signup, in the gap": (
        # A time that no clock shows is taken as winter's, five hours behind; an hour later by summer's.
        "Sunday, March 8, 2026 at 3:30 AM EDT",
        [
            ("2026-03-09T07:30:00.000Z", 0),
            ("2026-03-11T07:30:00.000Z", 0),
            ("2026-03-12T07:30:00.000Z", 0),
            ("2026-03-13T07:30:00.000Z", 0),
        ],
    ),
    "signup, a day alone": (
        "Sunday, March 8, 2026",
        [
            # From midnight in Toronto: one o'clock on the next day.
            ("2026-03-09T05:00:00.000Z", 0),
            ("2026-03-11T05:00:00.000Z", 0),
            ("2026-03-12T05:00:00.000Z", 0),
            ("2026-03-13T05:00:00.000Z", 0),
        ],
    ),
    "noshow, the first 1:30": (
        "Sunday, November 2, 2025 at 1:30 AM EDT",
        [("2025-11-02T05:35:00.000Z", 33), ("2025-11-03T05:30:00.000Z", 32), ("2025-11-04T05:30:00.000Z", 31)],
    ),
    "noshow, in the gap": (
        # 2:30 in Tokyo is the afternoon before in Toronto.
        "Saturday, March 7, 2026 at 12:30 PM EST",
        [("2026-03-08T07:35:00.000Z", 0), ("2026-03-09T07:30:00.000Z", 0), ("2026-03-10T07:30:00.000Z", 0)],
    ),
    "postcall, the second 1:30": (
        "Sunday, November 2, 2025",
        [("2025-11-02T07:30:00.000Z", 33), ("2025-11-05T06:30:00.000Z", 30), ("2025-11-09T06:30:00.000Z", 26)],
    ),
    "postcall, at night": (
        "Saturday, November 1, 2025",
        [("2025-11-02T04:30:00.000Z", 33), ("2025-11-05T03:30:00.000Z", 31), ("2025-11-09T03:30:00.000Z", 27)],
    ),
    "postcall, in the gap": (
        "Saturday, March 7, 2026",
        [("2026-03-08T08:30:00.000Z", 0), ("2026-03-11T07:30:00.000Z", 0), ("2026-03-15T07:30:00.000Z", 0)],
    ),
    "onboarding, the first 1:30": (
        "Sunday, November 2, 2025 / Sunday, November 2, 2025",
        [("2025-11-02T06:30:00.000Z", 33), ("2025-11-03T05:30:00.000Z", 32), ("2025-11-05T05:30:00.000Z", 30)],
    ),
    "onboarding, in the gap": (
        "Sunday, March 8, 2026 / Sunday, March 8, 2026",
        [("2026-03-08T08:30:00.000Z", 0), ("2026-03-09T07:30:00.000Z", 0), ("2026-03-11T07:30:00.000Z", 0)],
    ),
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", CASES)
def test_emails_go_out_when_they_should_and_say_the_right_days(case: str, zone: str) -> None:
    text, emails = EMAILS[case]
    first = 2 if case.startswith("signup") else 1
    assert decided(zone)[case]["emails"] == {
        str(number): [date, f"{days} December 5, 2025", text] for number, (date, days) in enumerate(emails, first)
    }


#: What pages say, by the property: dates as instants, texts in Toronto's time.
ON_THE_PAGE: dict[str, dict[str, str]] = {
    "signup, the first 1:30": {"Email 1 Sent": "2025-11-02T05:30:00.000Z", "Signup Date": "2025-11-02T05:30:00.000Z"},
    "signup, the second 1:30": {"Email 1 Sent": "2025-11-02T06:30:00.000Z", "Signup Date": "2025-11-02T06:30:00.000Z"},
    "signup, in the gap": {"Email 1 Sent": "2026-03-08T07:30:00.000Z"},
    "signup, a day alone": {"Email 1 Sent": "2026-03-08T05:00:00.000Z"},
    "noshow, the first 1:30": {"Scheduled Time": "2025-11-02T01:30:00-04:00"},
    "noshow, in the gap": {"Scheduled Time": "2026-03-07T12:30:00-05:00"},
    "postcall, the second 1:30": {"Call Date": "2025-11-02T01:30:00-04:00"},
    "postcall, at night": {"Call Date": "2025-11-01T21:00:00-04:00"},
    "postcall, in the gap": {"Call Date": "2026-03-07T23:45:00-05:00"},
    "onboarding, the first 1:30": {"Payment Date": "2025-11-02T04:15:00.000Z", "Start Date": "2025-11-02"},
    "onboarding, in the gap": {"Payment Date": "2026-03-08T06:59:59.500Z", "Start Date": "2026-03-08T07:30:00.000Z"},
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("case", ON_THE_PAGE)
def test_the_page_says_the_same_instants(case: str, zone: str) -> None:
    written = decided(zone)[case]["page"]
    said = {}
    for name in ON_THE_PAGE[case]:
        value = written[name]
        said[name] = value["date"]["start"] if "date" in value else value["rich_text"][0]["text"]["content"]
    assert said == ON_THE_PAGE[case]


if __name__ == "__main__":
    program()
