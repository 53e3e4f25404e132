from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.segments import CRITICAL
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import compose
from christmas_campaign.enrolment import alerts, plan
from christmas_campaign.enrolment.plan import Enrol, Skip
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import schema
from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.stops.rules import RULES, Lifts, Source, Stop
from unit import build, native

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE

#: The sequences whose delays count from the arrival of the webhook.
FROM_ARRIVAL = ("noshow", "postcall", "onboarding")

#: The properties that every new page in Email Sequence has.
COMMON = {"Name", "Email", "First Name", "Business Name", "Template Type", "Campaign", "Sequence Created"}

#: The properties that identify the event of each ``build.event`` on its page.
EVENT_PROPERTIES: dict[str, dict[str, Any]] = {
    "signup": {},
    "noshow": {"Calendly Event URI": "https://api.calendly.com/scheduled_events/AAA"},
    "postcall": {"Call Date": "2025-11-20T09:00:00-05:00"},
    "onboarding": {"Payment Date": "2025-11-20T14:00:00.000Z"},
    "precall": {
        "Calendly Event URI": "https://api.calendly.com/scheduled_events/AAA",
        "Scheduled Time": "2025-11-24T10:00:00-05:00",
    },
}


def run_plan(
    event: Event | None = None,
    *pages: Mapping[str, Any],
    contacts: tuple[Mapping[str, Any], ...] = (build.contact(),),
    begun: bool = False,
    settings: Settings = build.SETTINGS,
    now: datetime = NOW,
    **state: Any,
) -> Any:
    """Return the decision about an event (default: a signup): an ``Enrol`` or a ``Skip``."""
    sources = {"pages": "source-pages", "portals": "source-portals", **build.SOURCES}
    return plan.plan(
        event or build.event(),
        contacts=contacts,
        pages=pages,
        begun=begun,
        sources=sources,
        settings=settings,
        now=now,
        **state,
    )


def hours(enrol: Enrol, after: datetime = NOW) -> dict[int, float]:
    """Return when each e-mail is due, in hours after a time."""
    return {number: (due - after) / HOUR for number, due in enrol.record.emails.items()}


def text(content: str) -> dict[str, Any]:
    return {"rich_text": [{"type": "text", "text": {"content": content}}]}


def title(content: str) -> dict[str, Any]:
    return {"title": [{"type": "text", "text": {"content": content}}]}


def date(time: str) -> dict[str, Any]:
    return {"date": {"start": time}}


def select(name: str) -> dict[str, Any]:
    return {"select": {"name": name}}


AT_NOW = date("2025-11-20T15:00:00.000Z")


def enrolled_page(name: str, **values: Any) -> dict[str, Any]:
    """Return the page in Email Sequence of the enrolled ``build.event`` of a sequence."""
    return build.sequence_page({"Template Type": sequence(name).template_type, **EVENT_PROPERTIES[name], **values})


# New pages.


def test_new_signup_is_enrolled() -> None:
    event = build.event(
        red_systems=2,
        orange_systems=1,
        yellow_systems=4,
        business_name="Bảo Sang Beauty Salon",
        first_name=build.AWKWARD,
    )
    enrol = run_plan(event)
    assert enrol.note == "Enrolled in signup: 4 e-mail(s) scheduled."
    assert enrol.record == Record(
        event,
        dict.fromkeys(build.contact()["properties"]) | {"email": "zoe@example.com"},
        {2: NOW + 24 * HOUR, 3: NOW + 72 * HOUR, 4: NOW + 96 * HOUR, 5: NOW + 120 * HOUR},
        build.SOURCES,
    )
    assert enrol.ttl == "PT3024000S", "five days, and thirty more"
    assert enrol.portal is None
    assert enrol.alert == alerts.signup_alert(event, CRITICAL)
    address = {"property": "Email", "email": {"equals": "zoe@example.com"}}
    campaign = {"property": "Campaign", "select": {"equals": "Christmas 2025"}}
    assert enrol.known.as_json() == {
        "path": "/v1/data_sources/source-pages/query",
        "query": {"filter": {"and": [address, campaign]}},
        "link": "https://www.notion.so/contact1",
    }
    contact_properties: JsonObject = {
        "Assessment Score": {"number": 52},
        "Segment": select("CRITICAL"),
        "Christmas Campaign Status": select("Nurture Sequence"),
        "Phase": select("Phase 1 Assessment"),
    }
    assert enrol.contact == PageUpdate("/v1/pages/contact-1", {"properties": contact_properties})
    page_properties = {
        "Name": title("zoe@example.com - 5-Day Sequence"),
        "Email": {"email": "zoe@example.com"},
        "First Name": text(build.AWKWARD),
        "Business Name": text("Bảo Sang Beauty Salon"),
        "Template Type": select("5-Day Sequence"),
        "Campaign": select("Christmas 2025"),
        "Segment": select("CRITICAL"),
        "Assessment Score": {"number": 52},
        "Red Systems": {"number": 2},
        "Orange Systems": {"number": 1},
        "Yellow Systems": {"number": 4},
        "Green Systems": {"number": 0},
        "Signup Date": AT_NOW,
        "Sequence Created": AT_NOW,
        "Assessment Completed": {"checkbox": True},
    }
    assert enrol.page._asdict() == {
        "method": "POST",
        "path": "/v1/pages",
        "body": {
            "parent": {"type": "data_source_id", "data_source_id": "source-pages"},
            "properties": page_properties,
        },
    }


@pytest.mark.parametrize(
    ("name", "fields", "expected", "contact"),
    [
        (
            "noshow",
            {"reschedule_url": "https://x.example.com"},
            {
                "Calendly Event URI": text("https://api.calendly.com/scheduled_events/AAA"),
                "Scheduled Time": text("2025-11-20T09:00:00-05:00"),
                "Event Type": text("Discovery Call - $2997 Diagnostic"),
            },
            {"Booking Status": select("No-Show")},
        ),
        (
            "postcall",
            {"call_notes": "n" * 2_001, "objections": ["price", "time"], "follow_up_priority": "high"},
            {
                "Call Date": text("2025-11-20T09:00:00-05:00"),
                "Call Outcome": text("Maybe"),
                "Follow-Up Priority": text("High"),
                "Call Notes": {"rich_text": [*text("n" * 2_000)["rich_text"], *text("n")["rich_text"]]},
                "Objections": text("price, time"),
            },
            {"Booking Status": select("Completed")},
        ),
        (
            "onboarding",
            {"start_date": "2025-12-01", "observation_dates": ["Mon", "Tue"], "salon_address": "1 Main St"},
            {
                "Payment Amount": {"number": 2997},
                "Payment Date": date("2025-11-20T14:00:00.000Z"),
                "Start Date": date("2025-12-01"),
                "Package Type": text("Phase 1 - Traditional Service Diagnostic"),
                "Salon Address": text("1 Main St"),
                "Observation Dates": text("Mon, Tue"),
            },
            {"Phase": select("Phase 1 Diagnostic")},
        ),
    ],
)
def test_new_event_of_another_sequence_is_enrolled(
    name: str, fields: dict[str, Any], expected: dict[str, Any], contact: dict[str, Any]
) -> None:
    # The fields of another sequence's anchor change nothing.
    enrol = run_plan(build.event(name, email_1_sent_at="2025-11-01T10:00:00Z", **fields))
    assert hours(enrol) == {email.number: email.delay / HOUR for email in sequence(name).emails}
    properties = enrol.page.body["properties"]
    assert {property_name: properties.pop(property_name) for property_name in COMMON} == {
        "Name": title(f"zoe@example.com - {sequence(name).template_type}"),
        "Email": {"email": "zoe@example.com"},
        "First Name": text("Zoë"),
        "Business Name": text("Bảo Sang Beauty Salon"),
        "Template Type": select(sequence(name).template_type),
        "Campaign": select("Christmas 2025"),
        "Sequence Created": AT_NOW,
    }
    assert properties == expected
    assert enrol.contact == PageUpdate("/v1/pages/contact-1", {"properties": contact})
    assert (enrol.portal is not None) is (name == "onboarding")
    assert enrol.alert is None


@pytest.mark.parametrize(
    ("counts", "segment"),
    [({"red_systems": "1"}, "URGENT"), ({"orange_systems": 2}, "URGENT"), ({"red_systems": 2}, "CRITICAL")],
)
def test_segment_is_on_both_pages_and_only_critical_raises_an_alert(counts: dict[str, Any], segment: str) -> None:
    enrol = run_plan(build.event(**counts))
    for body in (enrol.page.body, enrol.contact.body):
        assert body["properties"]["Segment"] == select(segment)
    assert (enrol.alert is not None) is (segment == "CRITICAL")


def test_delays_count_from_the_arrival_not_from_the_plan() -> None:
    enrol = run_plan(now=NOW + HOUR)
    assert hours(enrol) == {2: 24, 3: 72, 4: 96, 5: 120}
    assert enrol.page.body["properties"]["Signup Date"] == AT_NOW
    assert enrol.page.body["properties"]["Sequence Created"] == date("2025-11-20T16:00:00.000Z")
    assert enrol.ttl == "PT3020400S"


# The contact in BusinessX.


def test_signup_without_a_contact_is_enrolled_with_a_note() -> None:
    enrol = run_plan(contacts=())
    assert (enrol.contact, enrol.record.contact) == (None, {})
    assert enrol.note == (
        "Enrolled in signup: 4 e-mail(s) scheduled. "
        "BusinessX has no contact with this address: nothing was updated there."
    )


def test_first_of_several_contacts_is_updated_with_a_warning() -> None:
    enrol = run_plan(contacts=(build.contact("latest", Phase="Phase 1 Diagnostic"), build.contact("other")))
    assert enrol.contact.path == "/v1/pages/latest"
    assert enrol.record.contact["Phase"] == "Phase 1 Diagnostic"
    assert (
        enrol.warning == "BusinessX has 2 contacts with this address, and the one edited last counts: leave only one."
    )
    assert enrol.note == f"Enrolled in signup: 4 e-mail(s) scheduled. {enrol.warning}"
    assert run_plan().warning is None


@pytest.mark.parametrize("name", FROM_ARRIVAL)
def test_other_event_without_a_contact_is_skipped_with_a_warning(name: str) -> None:
    note = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
    assert run_plan(build.event(name), contacts=()) == Skip(Reason.CONTACT_NOT_FOUND, note, warns=True)
    # Two reasons come first, and ask nobody to act: the event is enrolled already, or the contact is stopped.
    assert run_plan(build.event(name), enrolled_page(name), contacts=()).reason == sequence(name).duplicate
    skip = run_plan(build.event(name), contacts=(), stops=(stop(Reason.UNSUBSCRIBED),))
    assert (skip.reason, skip.warns) == ("unsubscribed", False)


# The anchor of a signup.

#: The page of a signup by the old system: three days after the signup, two days after E2.
OLD_PAGE = {"Signup Date": "2025-11-17T15:00:00.000Z", "Email 2 Sent": "2025-11-18T15:00:00.000Z"}


E1_SENT = {"email_1_sent_at": "2025-11-20T14:00:00Z"}


@pytest.mark.parametrize(
    ("in_payload", "on_page", "anchor"),
    [
        # Of several sources the first one counts. The anchor is in hours from now.
        (E1_SENT, {"Email 1 Sent": "2025-11-20T13:00:00Z", **OLD_PAGE}, -1),
        ({**E1_SENT, "email_1_status": "sent"}, {}, -1),
        ({"email_1_sent_at": "2025-11-20T11:00:00"}, {}, 1),
        ({**E1_SENT, "email_1_status": " Failed "}, {"Signup Date": "2025-11-20T12:00:00Z"}, -3),
        ({}, {"Email 1 Sent": "2025-11-20T13:00:00Z", **OLD_PAGE}, -2),
        ({}, {"Email 1 Sent": "2025-11-20"}, -10),
        ({}, {"Email 2 Sent": "2025-11-20T12:00:00Z", "Signup Date": "2025-11-01"}, -27),
        ({}, {"Signup Date": "2025-11-20T11:00:00Z"}, -4),
        ({}, {"Signup Date": "2025-11-20T06:00:00"}, -4),
        ({}, {}, 0),
        # A date without a time of day is at the time of day at which the webhook arrived.
        ({}, {"Signup Date": "2025-11-20"}, 0),
        ({}, {"Signup Date": "2025-11-19"}, -24),
        # A signup date after the arrival is a mistake.
        ({}, {"Signup Date": "2025-11-20T20:00:00Z"}, 0),
        ({}, {"Signup Date": "2025-11-21"}, 0),
    ],
)
def test_anchor_of_a_signup_is_the_first_source_that_exists(
    in_payload: dict[str, Any], on_page: dict[str, Any], anchor: float
) -> None:
    enrol = run_plan(build.event(**in_payload), build.sequence_page(on_page))
    assert hours(enrol, NOW + anchor * HOUR)[4] == 96


@pytest.fixture(params=["Asia/Tokyo", "America/Los_Angeles"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The time zone of the machine, which must not matter."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.usefixtures("machine_zone")
def test_signup_date_without_a_time_keeps_the_time_of_day_when_the_clock_goes_forward() -> None:
    """From ten o'clock to ten o'clock are 23 hours in Toronto on that day."""
    arrived = datetime(2026, 3, 8, 14, tzinfo=UTC)
    page = build.sequence_page({"Signup Date": "2026-03-07"})
    assert hours(run_plan(build.event(at=arrived), page, now=arrived), arrived) == {2: 1, 3: 49, 4: 73, 5: 97}


def test_anchor_by_the_latest_email_uses_the_delays_of_the_settings() -> None:
    page = build.sequence_page({"Email 3 Sent": (NOW - MINUTE / 2).isoformat()})
    testing = run_plan(None, page, settings=Settings(testing_mode=True))
    assert hours(testing) == pytest.approx({2: 1 / 120, 4: 5 / 120, 5: 7 / 120})
    page = build.sequence_page({"Email 2 Sent": (NOW - HOUR).isoformat(), "Email 3 Sent": (NOW - HOUR / 2).isoformat()})
    assert hours(run_plan(None, page, settings=Settings(time_scale=24))) == {4: 0.5, 5: 1.5}


IN_PAYLOAD, ON_PAGE = date("2025-11-20T14:00:00.000Z"), date("2025-11-19T14:00:00.000Z")


@pytest.mark.parametrize(
    ("in_payload", "on_page", "page_expected", "contact_expected"),
    [
        (E1_SENT, None, IN_PAYLOAD, IN_PAYLOAD),
        (E1_SENT, {"Email 2 Sent": "2025-11-20T12:00:00-05:00"}, IN_PAYLOAD, IN_PAYLOAD),
        (E1_SENT, {"Email 1 Sent": "2025-11-19T14:00:00Z"}, None, ON_PAGE),
        ({**E1_SENT, "email_1_status": "failed"}, None, None, None),
        ({}, {"Email 1 Sent": "2025-11-19T14:00:00Z"}, None, ON_PAGE),
        ({}, OLD_PAGE, None, None),
    ],
)
def test_time_of_email_1_is_written_to_both_pages_and_the_pages_own_time_stays(
    in_payload: dict[str, Any], on_page: dict[str, Any] | None, page_expected: Any, contact_expected: Any
) -> None:
    enrol = run_plan(build.event(**in_payload), *([] if on_page is None else [build.sequence_page(on_page)]))
    assert enrol.page.body["properties"].get("Email 1 Sent") == page_expected
    contact = enrol.contact.body["properties"]
    assert contact["Segment"] == select("OPTIMIZE")
    assert contact.get("Christmas Email 1 Date") == contact_expected
    assert contact.get("Christmas Email 1 Sent") == ({"checkbox": True} if contact_expected else None)


# The customer's portal.


def test_new_customer_gets_a_portal() -> None:
    contact = build.contact(**{"Diagnostic Call Date": "2025-11-18T10:00:00.000-05:00"})
    assert run_plan(build.event("onboarding"), contacts=(contact,)).portal == {
        "parent": {"type": "data_source_id", "data_source_id": "source-portals"},
        "properties": {
            "Name": title("Bảo Sang Beauty Salon - Customer Portal"),
            "Email": {"email": "zoe@example.com"},
            "Business Name": text("Bảo Sang Beauty Salon"),
            "Diagnostic Call Date": date("2025-11-18T10:00:00.000-05:00"),
            "Next Steps": text("We agree on the days of the observation in your salon."),
            "Status": select("Portal Delivered"),
            "Created Date": AT_NOW,
        },
    }
    days = run_plan(build.event("onboarding", observation_dates=["Mon", "Tue"])).portal["properties"]
    assert days["Next Steps"] == text("Observation in the salon: Mon, Tue")
    assert days["Diagnostic Call Date"] == {"date": None}


def test_customer_who_has_a_portal_gets_no_other() -> None:
    def portal(name: str | None) -> Mapping[str, Any]:
        return build.page(schema.PORTALS, {"Name": name})

    event = build.event("onboarding")
    assert run_plan(event, portals=(portal(None), portal("Bảo Sang Beauty Salon - Customer Portal"))).portal is None
    assert run_plan(event, portals=(portal("Another Salon - Customer Portal"),)).portal is not None


# Values of the contact's signup.


def test_record_has_the_fields_of_the_signup() -> None:
    signup = build.event(red_systems=2, weakest_system_1="GPS")
    page = enrolled_page("signup", **{"Assessment Score": 41})
    assert run_plan(build.event("noshow"), page, signup=signup).record.signup == signup.fields
    assert run_plan(build.event("noshow")).record.signup == {}
    assert run_plan(build.event(), signup=signup).record.signup == {}


def test_signup_without_a_record_is_read_from_its_page() -> None:
    values = {"Assessment Score": 41, "Red Systems": 3, "Email": "zoe@example.com"}
    for page, expected in (
        (enrolled_page("signup", **values), {"email": "zoe@example.com", "assessment_score": 41, "red_systems": 3}),
        (enrolled_page("signup", Campaign="Christmas 2024", **values), {}),
        ({**enrolled_page("signup", **values), "archived": True}, {}),
        (build.sequence_page(values), {}),
        (enrolled_page("noshow", **values), {}),
    ):
        event = build.event("noshow", calendly_event_uri="another")
        assert run_plan(event, page).record.signup == expected


#: The events of Calendly and DocuSign without a name of the contact.
NAMELESS = {
    "noshow": intake.read(native.calendly({"first_name": None, "name": " "}), "noshow", NOW),
    "onboarding": intake.read(native.docusign(native.signer(name=None)), "onboarding", NOW),
}
SIGNUP = build.event(first_name="Lệ Ngọc", business_name="Bảo Sang Beauty Salon")
SIGNUP_PAGE = enrolled_page("signup", **{"First Name": "Lệ Ngọc", "Business Name": "Bảo Sang Beauty Salon"})


def names_in_email(enrol: Enrol) -> tuple[str, str]:
    """Return first name and business name as the first e-mail has them."""
    parts = {"Subject Line": "{{first_name}}", "Email Body HTML": "-", "Email Body Plain Text": "{{business_name}}"}
    letter = compose.letter("a template", parts, compose.sources(enrol.record, 1, build.SETTINGS))
    return letter.subject, letter.text


@pytest.mark.parametrize("name", list(NAMELESS))
@pytest.mark.parametrize(
    ("signup", "pages", "contact", "first_name", "business"),
    [
        (SIGNUP, (), {"first_name": "Zoé"}, "Lệ Ngọc", "Bảo Sang Beauty Salon"),
        (None, (SIGNUP_PAGE,), {"first_name": "Zoé"}, "Lệ Ngọc", "Bảo Sang Beauty Salon"),
        (None, (), {"first_name": "Zoé"}, "Zoé", "your business"),
        (None, (), {}, "there", "your business"),
    ],
)
def test_missing_names_come_from_the_signup_then_the_contact_on_pages_and_in_emails(
    name: str,
    signup: Event | None,
    pages: tuple[Mapping[str, Any], ...],
    contact: dict[str, Any],
    first_name: str,
    business: str,
) -> None:
    enrol = run_plan(NAMELESS[name], *pages, signup=signup, contacts=(build.contact(**contact),))
    properties = enrol.page.body["properties"]
    assert properties["First Name"] == text(first_name)
    assert properties["Business Name"] == text(business)
    assert names_in_email(enrol) == (first_name, business)
    if name == "onboarding":
        assert enrol.portal["properties"]["Name"] == title(f"{business} - Customer Portal")
        assert enrol.portal["properties"]["Business Name"] == text(business)


# Adoption of pages.


def test_page_of_the_website_is_adopted_and_its_values_stay() -> None:
    values = {
        "Name": "A name of the website's",
        "Email": "zoe@example.com",
        "First Name": "Zoé",
        "Assessment Score": 0,
        "Segment": "URGENT",
        "Assessment Completed": False,
    }
    enrol = run_plan(build.event(red_systems=2), build.sequence_page(values, page_id="page-7"))
    assert (enrol.page.method, enrol.page.path) == ("PATCH", "/v1/pages/page-7")
    assert enrol.page.body == {
        "properties": {
            "Business Name": text("your business"),
            "Template Type": select("5-Day Sequence"),
            "Red Systems": {"number": 2},
            "Orange Systems": {"number": 0},
            "Yellow Systems": {"number": 0},
            "Green Systems": {"number": 0},
            "Signup Date": AT_NOW,
            "Sequence Created": AT_NOW,
            "Assessment Completed": {"checkbox": True},
        }
    }
    assert enrol.note == (
        "Enrolled in signup: 4 e-mail(s) scheduled. Email Sequence had its page already: it was adopted."
    )


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # When the e-mails were sent and when the others are due, in hours from now.
        ({1: -30.0, 2: -6.0}, {3: 42, 4: 66, 5: 90}),
        ({1: -200.0, 2: -0.25}, {3: 0.75, 4: 24.75, 5: 48.75}),
        ({1: -200.0, 5: -3.0}, {2: 0, 3: 48, 4: 72}),
        # Without the time of E1 the latest of the other e-mails was on time.
        ({2: -48.0}, {3: 0, 4: 24, 5: 48}),
        ({3: -10.0, 2: -8.0}, {4: 64, 5: 88}),
    ],
)
def test_email_that_an_adopted_page_has_as_sent_is_not_sent_again(
    sent: dict[int, float], expected: dict[int, float]
) -> None:
    times = {f"Email {number} Sent": (NOW + hour * HOUR).isoformat() for number, hour in sent.items()}
    enrol = run_plan(None, build.sequence_page(times))
    assert hours(enrol) == expected
    assert enrol.note.startswith(f"Enrolled in signup: {len(expected)} e-mail(s) scheduled.")


def test_page_with_all_emails_sent_is_skipped() -> None:
    page = build.sequence_page({f"Email {number} Sent": "2025-11-19" for number in range(1, 6)})
    skip = Skip(Reason.NOTHING_LEFT_TO_SEND, "The page says that every e-mail was sent.")
    assert run_plan(None, page) == run_plan(None, page, begun=True) == skip


@pytest.mark.parametrize("name", FROM_ARRIVAL)
def test_page_without_a_type_is_adopted_only_by_its_own_event(name: str) -> None:
    page = build.sequence_page(EVENT_PROPERTIES[name], page_id="page-7")
    adopted = run_plan(build.event(name), page)
    assert (adopted.page.method, adopted.page.path) == ("PATCH", "/v1/pages/page-7")
    assert adopted.page.body["properties"]["Template Type"] == select(sequence(name).template_type)
    assert run_plan(build.event(name), build.sequence_page()).page.method == "POST"
    assert run_plan(build.event(), page).page.method == "POST"


def test_booking_adopts_no_page() -> None:
    """The old system made no pages for bookings; a no-show of the same call may have left one."""
    assert run_plan(build.event("precall"), build.sequence_page(EVENT_PROPERTIES["precall"])).page.method == "POST"


@pytest.mark.parametrize(
    "page",
    [
        build.sequence_page({"Campaign": "Christmas 2024"}),
        build.sequence_page({"Campaign": "Christmas 2024", "Template Type": "5-Day Sequence"}),
        build.sequence_page({"Template Type": "No-Show Recovery"}),
        build.sequence_page(archived=True),
        build.sequence_page({"Template Type": "5-Day Sequence"}, in_trash=True),
        {"id": "page-1", "properties": None},
    ],
)
def test_page_that_is_not_the_signups_is_ignored(page: dict[str, Any]) -> None:
    enrol = run_plan(None, page)
    assert (enrol.page.method, enrol.note) == ("POST", "Enrolled in signup: 4 e-mail(s) scheduled.")


def test_oldest_of_several_pages_without_a_type_is_adopted() -> None:
    pages = [build.sequence_page(page_id=page_id) for page_id in ("old", "new")]
    assert run_plan(None, *pages).page.path == "/v1/pages/old"


def test_name_that_is_an_advertisement_is_replaced_with_a_note_on_the_page() -> None:
    spam = "You won https://spam.example.com"
    enrol = run_plan(build.event(first_name=spam, business_name=spam), contacts=(build.contact(first_name=spam),))
    properties = enrol.page.body["properties"]
    note = "(first_name and business_name replaced: it has an address or more than 80 characters)"
    assert properties["Name"] == title(f"zoe@example.com - 5-Day Sequence {note}")
    assert (properties["First Name"], properties["Business Name"]) == (text("there"), text("your business"))
    assert enrol.record.contact["email"] == "zoe@example.com"
    assert "first_name" not in enrol.record.contact
    for name, new in (("Own title", f"Own title {note}"), (None, f"zoe@example.com {note}")):
        adopted = run_plan(build.event(first_name=spam, business_name=spam), build.sequence_page({"Name": name}))
        assert adopted.page.body["properties"]["Name"] == title(new)


def test_adopted_page_gets_the_address_that_queries_use() -> None:
    page = build.sequence_page({"Email": "Zoe@Example.com", "First Name": "Zoe"})
    properties = run_plan(None, page).page.body["properties"]
    assert properties["Email"] == {"email": "zoe@example.com"}
    assert "First Name" not in properties
    assert "Email" not in run_plan(None, build.sequence_page()).page.body["properties"]


def test_stop_reason_of_another_campaign_does_not_count() -> None:
    values = {"Template Type": "Another", "Stop Reason": "unsubscribed"}
    assert run_plan(None, build.sequence_page(values)).reason is Reason.UNSUBSCRIBED
    assert isinstance(run_plan(None, build.sequence_page({**values, "Campaign": "Christmas 2024"})), Enrol)


# The same event again.


@pytest.mark.parametrize("name", build.NAMES)
def test_event_whose_page_is_enrolled_is_a_duplicate(name: str) -> None:
    duplicate = Skip(sequence(name).duplicate, "This event has its page in Email Sequence already.")
    untyped = build.sequence_page(EVENT_PROPERTIES[name], page_id="other")
    assert run_plan(build.event(name), untyped, enrolled_page(name)) == duplicate
    # A stop changes nothing.
    assert run_plan(build.event(name), enrolled_page(name), stops=(stop(Reason.UNSUBSCRIBED),)) == duplicate


@pytest.mark.parametrize(
    ("name", "values", "is_same"),
    [
        ("noshow", {"Calendly Event URI": "https://api.calendly.com/scheduled_events/BBB"}, False),
        ("noshow", {"Campaign": "Christmas 2024"}, True),
        ("postcall", {"Call Date": "2025-11-20T09:01:00-05:00"}, False),
        ("postcall", {"Call Date": "next Thursday"}, False),
        ("postcall", {"Call Date": "2025-11-20T23:00:00+09:00"}, True),
        ("postcall", {"Call Date": "2025-11-20 09:00"}, True),
        ("onboarding", {"Payment Date": "2025-11-21T14:00:00.000Z"}, False),
        ("onboarding", {"Payment Date": None}, False),
        ("onboarding", {"Payment Date": "2025-11-20T09:00:00.000-05:00"}, True),
        ("precall", {"Scheduled Time": "2025-11-24T10:01:00-05:00"}, False),
        ("precall", {"Scheduled Time": None}, False),
        ("precall", {"Calendly Event URI": "other"}, False),
    ],
)
def test_page_belongs_to_the_event_with_the_same_event_field(name: str, values: dict[str, Any], is_same: bool) -> None:
    decision = run_plan(build.event(name), enrolled_page(name, **values))
    assert isinstance(decision, Skip) is is_same
    assert is_same or decision.page.method == "POST"


def test_payment_date_without_a_time_is_the_same_event_on_that_day() -> None:
    event = build.event("onboarding", payment_date="2025-11-20")
    assert isinstance(run_plan(event, enrolled_page("onboarding", **{"Payment Date": "2025-11-20"})), Skip)
    assert run_plan(event).page.body["properties"]["Payment Date"] == date("2025-11-20")


def test_time_of_a_call_is_compared_without_fractions_of_a_second() -> None:
    event = build.event("precall", scheduled_time="2025-11-24T15:00:00.123Z")
    assert run_plan(event, enrolled_page("precall")).reason == "duplicate_precall_sequence"


def test_unfinished_enrolment_is_resumed_with_its_planned_times() -> None:
    values = {"Sequence Created": "2025-11-20", "Email 2 Sent": "2025-11-20T14:30:00Z"}
    planned = {number: NOW + hour * HOUR for number, hour in ((2, -0.5), (3, 72), (4, 96), (5, 120))}
    enrol = run_plan(None, enrolled_page("signup", **values), begun=True, planned=planned)
    assert (enrol.page.method, enrol.page.path) == ("PATCH", "/v1/pages/page-1")
    assert not {"Template Type", "Sequence Created", "Campaign"} & set(enrol.page.body["properties"])
    assert hours(enrol) == {3: 72, 4: 96, 5: 120}
    assert run_plan(begun=True).page.method == "POST"


# Stops.


def stop(reason: Reason, after: timedelta = MINUTE) -> Stop:
    return Stop(reason, NOW + after, Source.PERSON)


@pytest.mark.parametrize("reason", RULES)
@pytest.mark.parametrize("name", build.NAMES)
def test_stopped_contact_enters_no_sequence_that_the_reason_ends(name: str, reason: Reason) -> None:
    decision = run_plan(build.event(name), stops=(stop(reason),))
    if name in RULES[reason].ends:
        note = "The contact was stopped for this sequence on 20 November 2025, 10:01 America/Toronto."
        assert decision == Skip(reason, note)
        assert isinstance(run_plan(build.event(name), begun=True, stops=(stop(reason),)), Enrol)
    else:
        assert isinstance(decision, Enrol)


def test_contact_who_booked_before_they_missed_the_call_is_enrolled() -> None:
    assert isinstance(run_plan(build.event("noshow"), stops=(stop(Reason.BOOKED, -MINUTE),)), Enrol)


MARKED_PAGE = build.sequence_page(
    {"Template Type": "Another", "Stop Reason": "unsubscribed since 2025-11-19T10:00:00-05:00 (from E3)"}
)


@pytest.mark.parametrize("name", build.NAMES)
def test_page_with_a_permanent_stop_reason_skips_a_new_enrolment(name: str) -> None:
    """The KV store may lack the stop after the restore of an older backup."""
    note = 'A page of the contact says "Stop Reason": unsubscribed.'
    assert run_plan(build.event(name), MARKED_PAGE) == Skip(Reason.UNSUBSCRIBED, note)
    # An unfinished enrolment is finished: the gate reads the page again for each e-mail.
    assert isinstance(run_plan(build.event(name), MARKED_PAGE, begun=True), Enrol)


@pytest.mark.parametrize(
    ("stop_reason", "lifts"),
    [
        ("booked (from E3)", None),
        ("unsubscribed since 2025-11-19T10:00:00-05:00", Lifts(NOW)),
    ],
)
def test_stop_reason_that_is_temporary_or_lifted_is_ignored(stop_reason: str, lifts: Lifts | None) -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence", "Stop Reason": stop_reason})
    assert isinstance(run_plan(build.event("postcall"), page, lifts=lifts), Enrol)
    assert isinstance(run_plan(build.event("postcall"), MARKED_PAGE, lifts=Lifts(NOW - 48 * HOUR)), Skip)


# Before a call.


def test_emails_before_a_call_count_back_from_it() -> None:
    enrol = run_plan(build.event("precall"))
    assert hours(enrol, build.CALL) == {1: -72, 2: -24, 3: -2}
    # The flow `booking` updates the contact, and the website has sent nothing.
    assert enrol.contact is None
    assert "Email 1 Sent" not in enrol.page.body["properties"]
    scaled = run_plan(build.event("precall"), settings=Settings(time_scale=96))
    assert hours(scaled) == {1: 0.25, 2: 0.75, 3: 1 - 1 / 48}


def test_emails_before_a_past_call_are_due_in_testing_mode() -> None:
    event = build.event("precall", scheduled_time="2025-11-01")
    assert list(hours(run_plan(event, settings=Settings(testing_mode=True)))) == [1, 2, 3]


def test_emails_that_are_too_late_for_a_call_are_omitted() -> None:
    assert list(hours(run_plan(build.event("precall", scheduled_time="2025-11-21T15:00:00Z")))) == [2, 3]
    event = build.event("precall", scheduled_time="2025-11-20T16:00:00Z")
    assert run_plan(event) == Skip(Reason.NOTHING_LEFT_TO_SEND, "It is too late for any of its e-mails.")
    # An unfinished enrolment has to end, or `repair` would resume it for ever.
    assert hours(run_plan(event, begun=True)) == {3: 0}
