from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.segments import CRITICAL
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import compose
from christmas_campaign.enrolment import alerts, plan
from christmas_campaign.enrolment.plan import Enrol, Skip
from christmas_campaign.enrolment.record import Record
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import schema
from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.stops.rules import RULES, Lifts, Source, Stop
from unit import build, native

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE

TYPES = {
    "signup": "5-Day Sequence",
    "noshow": "No-Show Recovery",
    "postcall": "Post-Call Follow-Up",
    "onboarding": "Onboarding",
    "precall": "Pre-Call Prep",
}
DUPLICATES = {
    "signup": "already_in_sequence",
    "noshow": "duplicate_noshow_sequence",
    "postcall": "duplicate_postcall_sequence",
    "onboarding": "duplicate_onboarding_sequence",
    "precall": "duplicate_precall_sequence",
}


def ask(
    event: Event | None = None,
    *pages: Mapping[str, Any],
    contacts: tuple[Mapping[str, Any], ...] = (build.contact(),),
    begun: bool = False,
    planned: Mapping[int, datetime] = {},
    stopped: tuple[Stop, ...] = (),
    lifts: Lifts | None = None,
    signup: Event | None = None,
    portals: tuple[Mapping[str, Any], ...] = (),
    settings: Settings = build.SETTINGS,
    now: datetime = NOW,
) -> Any:
    """Return the decision: an ``Enrol`` or a ``Skip``."""
    return plan.plan(
        event or build.event(),
        contacts=contacts,
        pages=pages,
        portals=portals,
        begun=begun,
        planned=planned,
        stops=stopped,
        lifts=lifts,
        signup=signup,
        sources={"pages": "source-pages", "portals": "source-portals", **build.SOURCES},
        settings=settings,
        now=now,
    )


def hours(planned: Enrol, after: datetime = NOW) -> dict[int, float]:
    """How many hours after a moment each e-mail is scheduled."""
    return {number: (date - after) / HOUR for number, date in planned.record.emails.items()}


def text(content: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": content}}]


def date(moment: str) -> dict[str, Any]:
    return {"date": {"start": moment}}


AT = date("2025-11-20T15:00:00.000Z")
AT_NOON = "2025-11-20T12:00:00-05:00"

#: What the pages of all sequences have.
COMMON = {"Name", "Email", "First Name", "Business Name", "Template Type", "Campaign", "Sequence Created"}

#: What tells the event of each ``build.event`` on its page.
EVENTS = {
    "signup": {},
    "noshow": {"Calendly Event URI": "https://api.calendly.com/scheduled_events/AAA"},
    "postcall": {"Call Date": "2025-11-20T09:00:00-05:00"},
    "onboarding": {"Payment Date": "2025-11-20T14:00:00.000Z"},
    "precall": {
        "Calendly Event URI": "https://api.calendly.com/scheduled_events/AAA",
        "Scheduled Time": "2025-11-24T10:00:00-05:00",
    },
}


def own(name: str, **said: Any) -> dict[str, Any]:
    """The page of a sequence's event, as it was enrolled."""
    return build.sequence_page({"Template Type": TYPES[name], **EVENTS[name], **said})


# A new page.


def test_all_that_a_signup_leads_to() -> None:
    event = build.event(
        red_systems=2,
        orange_systems=1,
        yellow_systems=4,
        business_name="Bảo Sang Beauty Salon",
        first_name=build.AWKWARD,
    )
    planned = ask(event)
    record = Record(
        event,
        dict.fromkeys(build.contact()["properties"]) | {"email": "zoe@example.com"},
        {2: NOW + 24 * HOUR, 3: NOW + 72 * HOUR, 4: NOW + 96 * HOUR, 5: NOW + 120 * HOUR},
        build.SOURCES,
    )
    assert planned.note == "Enrolled in signup: 4 e-mail(s) scheduled."
    assert planned.record == record
    # Five days, and thirty more.
    assert planned.ttl == "PT3024000S"
    assert planned.portal is None
    assert planned.alert == alerts.signup_alert(event, CRITICAL)
    assert {
        "known": planned.known.as_json(),
        "contact": planned.contact._asdict(),
        "page": planned.page._asdict(),
    } == {
        "known": {
            "path": "/v1/data_sources/source-pages/query",
            "query": {
                "filter": {
                    "and": [
                        {"property": "Email", "email": {"equals": "zoe@example.com"}},
                        {"property": "Campaign", "select": {"equals": "Christmas 2025"}},
                    ]
                }
            },
            "link": "https://www.notion.so/contact1",
        },
        "contact": {
            "path": "/v1/pages/contact-1",
            "body": {
                "properties": {
                    "Assessment Score": {"number": 52},
                    "Segment": {"select": {"name": "CRITICAL"}},
                    "Christmas Campaign Status": {"select": {"name": "Nurture Sequence"}},
                    "Phase": {"select": {"name": "Phase 1 Assessment"}},
                }
            },
        },
        "page": {
            "method": "POST",
            "path": "/v1/pages",
            "body": {
                "parent": {"type": "data_source_id", "data_source_id": "source-pages"},
                "properties": {
                    "Name": {"title": text("zoe@example.com - 5-Day Sequence")},
                    "Email": {"email": "zoe@example.com"},
                    "First Name": {"rich_text": text(build.AWKWARD)},
                    "Business Name": {"rich_text": text("Bảo Sang Beauty Salon")},
                    "Template Type": {"select": {"name": "5-Day Sequence"}},
                    "Campaign": {"select": {"name": "Christmas 2025"}},
                    "Segment": {"select": {"name": "CRITICAL"}},
                    "Assessment Score": {"number": 52},
                    "Red Systems": {"number": 2},
                    "Orange Systems": {"number": 1},
                    "Yellow Systems": {"number": 4},
                    "Green Systems": {"number": 0},
                    "Signup Date": AT,
                    "Sequence Created": AT,
                    "Assessment Completed": {"checkbox": True},
                },
            },
        },
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [("noshow", {1: 5 / 60, 2: 24, 3: 48}), ("postcall", {1: 1, 2: 72, 3: 168}), ("onboarding", {1: 1, 2: 24, 3: 72})],
)
def test_the_page_and_the_dates_of_the_other_sequences(name: str, expected: dict[int, float]) -> None:
    planned = ask(build.event(name))
    assert hours(planned) == expected
    properties = planned.page.body["properties"]
    assert planned.page.method == "POST"
    assert properties["Name"] == {"title": text(f"zoe@example.com - {TYPES[name]}")}
    assert properties["Template Type"] == {"select": {"name": TYPES[name]}}
    assert properties["Campaign"] == {"select": {"name": "Christmas 2025"}}
    assert properties["Business Name"] == {"rich_text": text("Bảo Sang Beauty Salon")}
    assert properties["Sequence Created"] == AT
    assert not {"Segment", "Assessment Score", "Signup Date", "Email 1 Sent"} & set(properties)


@pytest.mark.parametrize(
    ("counts", "segment"),
    [
        ({}, "OPTIMIZE"),
        ({"orange_systems": 2}, "URGENT"),
        ({"red_systems": "1"}, "URGENT"),
        ({"red_systems": 2, "orange_systems": 8}, "CRITICAL"),
    ],
)
def test_the_segment_stands_on_both_pages(counts: dict[str, Any], segment: str) -> None:
    planned = ask(build.event(**counts))
    for body in (planned.page.body, planned.contact.body):
        assert body["properties"]["Segment"] == {"select": {"name": segment}}


def test_the_plan_may_be_made_after_the_arrival() -> None:
    """The anchor is the arrival of the webhook; the page was created when it was."""
    planned = ask(now=NOW + HOUR)
    assert hours(planned) == {2: 24, 3: 72, 4: 96, 5: 120}
    properties = planned.page.body["properties"]
    assert properties["Signup Date"] == AT
    assert properties["Sequence Created"] == date("2025-11-20T16:00:00.000Z")
    assert planned.ttl == "PT3020400S"


def test_testing_mode_is_minutes() -> None:
    assert hours(ask(settings=Settings(testing_mode=True))) == {
        number: minutes / 60 for number, minutes in ((2, 1), (3, 2), (4, 3), (5, 4))
    }


# The contact.


def test_without_a_contact_a_signup_goes_on_and_says_so() -> None:
    planned = ask(contacts=())
    assert isinstance(planned, Enrol)
    assert planned.contact is None
    assert planned.record.contact == {}
    assert planned.note == (
        "Enrolled in signup: 4 e-mail(s) scheduled. BusinessX has no contact with this address: nothing was updated there."
    )


def test_of_several_contacts_the_oldest_is_updated() -> None:
    planned = ask(contacts=(build.contact("old", Phase="Phase 1 Diagnostic"), build.contact("new")))
    assert planned.contact.path == "/v1/pages/old"
    assert planned.record.contact["Phase"] == "Phase 1 Diagnostic"
    assert planned.note == (
        "Enrolled in signup: 4 e-mail(s) scheduled. BusinessX has 2 contacts with this address: the oldest was updated."
    )


# The anchor.


@pytest.mark.parametrize(
    ("told", "on_page", "anchor"),
    [
        (None, None, NOW),
        (None, "2025-11-20T12:00:00.000Z", NOW - 3 * HOUR),
        (None, "2025-11-20T07:00:00.000-05:00", NOW - 3 * HOUR),
        (None, "2025-11-20", NOW - 10 * HOUR),
        ("2025-11-20T14:00:00Z", None, NOW - HOUR),
        ("2025-11-20T09:00:00", None, NOW - HOUR),
        ("2025-11-20T14:00:00Z", "2025-11-20T12:00:00.000Z", NOW - HOUR),
        ("2025-11-20T16:00:00Z", None, NOW + HOUR),
    ],
)
def test_the_anchor_is_the_payloads_word_then_the_pages_then_the_arrival(
    told: str | None, on_page: str | None, anchor: datetime
) -> None:
    pages = [build.sequence_page({"Email 1 Sent": on_page})] if on_page else []
    event = build.event(email_1_sent_at=told) if told else build.event()
    assert hours(ask(event, *pages), anchor) == {2: 24, 3: 72, 4: 96, 5: 120}


#: A page that the old system left: three days after the signup, two days after E2.
LEFT_BY_PREFECT = {"Signup Date": "2025-11-17T15:00:00.000Z", "Email 2 Sent": "2025-11-18T15:00:00.000Z"}


def test_a_contact_in_the_middle_of_the_old_sequence_gets_the_rest_on_time() -> None:
    planned = ask(None, build.sequence_page(LEFT_BY_PREFECT))
    assert hours(planned) == {3: 0, 4: 24, 5: 48}
    written = planned.page.body["properties"]
    assert not {"Signup Date", "Email 1 Sent", "Email 2 Sent"} & set(written)
    assert "Christmas Email 1 Sent" not in planned.contact.body["properties"]


@pytest.mark.parametrize(
    ("told", "on_page", "anchor"),
    [
        # Each of the sources is earlier than the next one; the last column is when the delays count from, in hours from now.
        ("2025-11-20T14:00:00Z", {"Email 1 Sent": "2025-11-20T13:00:00Z", **LEFT_BY_PREFECT}, -1),
        (None, {"Email 1 Sent": "2025-11-20T13:00:00Z", **LEFT_BY_PREFECT}, -2),
        (None, {"Email 2 Sent": "2025-11-20T12:00:00Z", "Signup Date": "2025-11-01"}, -27),
        (None, {"Signup Date": "2025-11-20T11:00:00Z"}, -4),
        (None, {"Signup Date": "2025-11-20T06:00:00"}, -4),
        (None, {"Signup Date": None}, 0),
        # A day alone: at the time of day at which the webhook arrived.
        (None, {"Signup Date": "2025-11-20"}, 0),
        (None, {"Signup Date": "2025-11-19"}, -24),
        # No signup is later than its arrival, whatever the page says.
        (None, {"Signup Date": "2025-11-20T20:00:00Z"}, 0),
        (None, {"Signup Date": "2025-11-21"}, 0),
    ],
)
def test_the_anchor_of_a_signup_is_the_first_source_that_is_known(
    told: str | None, on_page: dict[str, Any], anchor: float
) -> None:
    event = build.event(email_1_sent_at=told) if told else build.event()
    planned = hours(ask(event, build.sequence_page(on_page)), NOW + anchor * HOUR)
    assert planned[4] == 96


def test_a_signup_date_without_a_time_keeps_the_time_of_day_when_the_clock_goes_forward() -> None:
    """From ten o'clock to ten o'clock are 23 hours in Toronto on that day."""
    arrived = datetime(2026, 3, 8, 14, tzinfo=UTC)
    page = build.sequence_page({"Signup Date": "2026-03-07"})
    assert hours(ask(build.event(at=arrived), page, now=arrived), arrived) == {2: 1, 3: 49, 4: 73, 5: 97}


def test_the_anchor_by_the_latest_email_knows_testing_mode_and_squeezed_time() -> None:
    page = build.sequence_page({"Email 3 Sent": (NOW - MINUTE / 2).isoformat()})
    testing = ask(None, page, settings=Settings(testing_mode=True))
    assert hours(testing) == pytest.approx({2: 1 / 120, 4: 5 / 120, 5: 7 / 120})
    page = build.sequence_page({"Email 2 Sent": (NOW - HOUR).isoformat(), "Email 3 Sent": (NOW - HOUR / 2).isoformat()})
    assert hours(ask(None, page, settings=Settings(time_scale=24))) == {4: 0.5, 5: 1.5}


@pytest.mark.parametrize("status", ["failed", " Failed "])
def test_an_email_1_that_failed_is_neither_noted_as_sent_nor_the_anchor(status: str) -> None:
    event = build.event(email_1_sent_at="2025-11-19T14:00:00Z", email_1_status=status)
    planned = ask(event, build.sequence_page({"Signup Date": "2025-11-20T12:00:00Z"}))
    assert hours(planned, NOW - 3 * HOUR) == {2: 24, 3: 72, 4: 96, 5: 120}
    assert "Email 1 Sent" not in planned.page.body["properties"]
    assert "Christmas Email 1 Sent" not in planned.contact.body["properties"]
    assert hours(ask(event)) == {2: 24, 3: 72, 4: 96, 5: 120}


@pytest.mark.parametrize("status", ["sent", "delivered", "", None])
def test_any_other_status_of_email_1_changes_nothing(status: str | None) -> None:
    told = "2025-11-20T14:00:00Z"
    given = build.event(email_1_sent_at=told, email_1_status=status)
    assert ask(given).record.emails == ask(build.event(email_1_sent_at=told)).record.emails


def test_the_payloads_word_is_written_into_an_empty_email_1_sent_and_no_other() -> None:
    event = build.event(email_1_sent_at="2025-11-20T09:00:00")
    told = date("2025-11-20T14:00:00.000Z")
    assert ask(event).page.body["properties"]["Email 1 Sent"] == told
    assert ask(event, build.sequence_page()).page.body["properties"]["Email 1 Sent"] == told
    full = build.sequence_page({"Email 1 Sent": "2025-11-19"})
    assert "Email 1 Sent" not in ask(event, full).page.body["properties"]
    assert "Email 1 Sent" not in ask(build.event()).page.body["properties"]


def test_a_page_that_says_email_1_was_sent_does_not_stop_the_rest() -> None:
    """Today the website marks it before it calls, and the contact is skipped."""
    page = build.sequence_page({"Email 1 Sent": "2025-11-20T15:00:00.000Z"})
    assert hours(ask(None, page)) == {2: 24, 3: 72, 4: 96, 5: 120}


def test_only_the_first_overdue_email_goes_out_at_once() -> None:
    for long_ago in ("2025-11-16T11:00:00Z", "2025-01-01"):
        assert hours(ask(build.event(email_1_sent_at=long_ago))) == {2: 0, 3: 48, 4: 72, 5: 96}
    late = ask(build.event(email_1_sent_at="2025-01-01"), settings=Settings(testing_mode=True))
    assert hours(late) == {2: 0, 3: 1 / 60, 4: 2 / 60, 5: 3 / 60}


def test_a_time_in_the_payload_moves_no_other_sequence() -> None:
    event = build.event("noshow", scheduled_time="2025-11-01T10:00:00Z", email_1_sent_at="2025-11-01T10:00:00Z")
    assert hours(ask(event)) == {1: 5 / 60, 2: 24, 3: 48}


# The other sequences' pages, and what else an event says.


def test_the_page_of_a_noshow() -> None:
    properties = ask(build.event("noshow", reschedule_url="https://x.example.com")).page.body["properties"]
    assert {name: properties[name] for name in list(properties) if name not in COMMON} == {
        "Calendly Event URI": {"rich_text": text("https://api.calendly.com/scheduled_events/AAA")},
        "Scheduled Time": {"rich_text": text("2025-11-20T09:00:00-05:00")},
        "Event Type": {"rich_text": text("Discovery Call - $2997 Diagnostic")},
    }


def test_the_page_of_a_call_that_ended_maybe() -> None:
    event = build.event("postcall", call_notes="n" * 2_001, objections=["price", "time"], follow_up_priority="high")
    properties = ask(event).page.body["properties"]
    assert {name: properties[name] for name in list(properties) if name not in COMMON} == {
        "Call Date": {"rich_text": text("2025-11-20T09:00:00-05:00")},
        "Call Outcome": {"rich_text": text("Maybe")},
        "Follow-Up Priority": {"rich_text": text("High")},
        "Call Notes": {"rich_text": [*text("n" * 2_000), *text("n")]},
        "Objections": {"rich_text": text("price, time")},
    }


def test_the_page_of_a_new_customer() -> None:
    event = build.event(
        "onboarding", start_date="2025-12-01", observation_dates=["Mon", "Tue"], salon_address="1 Main St"
    )
    properties = ask(event).page.body["properties"]
    assert {name: properties[name] for name in list(properties) if name not in COMMON} == {
        "Payment Amount": {"number": 2997},
        "Payment Date": date("2025-11-20T14:00:00.000Z"),
        "Start Date": date("2025-12-01"),
        "Package Type": {"rich_text": text("Phase 1 - Traditional Service Diagnostic")},
        "Salon Address": {"rich_text": text("1 Main St")},
        "Observation Dates": {"rich_text": text("Mon, Tue")},
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("noshow", {"Booking Status": {"select": {"name": "No-Show"}}}),
        ("postcall", {"Booking Status": {"select": {"name": "Completed"}}}),
        ("onboarding", {"Phase": {"select": {"name": "Phase 1 Diagnostic"}}}),
    ],
)
def test_what_each_event_says_of_the_contact(name: str, said: dict[str, Any]) -> None:
    assert ask(build.event(name)).contact == PageUpdate("/v1/pages/contact-1", {"properties": said})


def test_that_email_1_was_sent_is_said_of_the_contact_too() -> None:
    told = date("2025-11-20T14:00:00.000Z")
    for planned in (
        ask(build.event(email_1_sent_at="2025-11-20T09:00:00")),
        ask(None, build.sequence_page({"Email 1 Sent": "2025-11-20T14:00:00Z"})),
    ):
        assert planned.contact.body["properties"] == {
            "Christmas Campaign Status": {"select": {"name": "Nurture Sequence"}},
            "Phase": {"select": {"name": "Phase 1 Assessment"}},
            "Assessment Score": {"number": 52},
            "Segment": {"select": {"name": "OPTIMIZE"}},
            "Christmas Email 1 Sent": {"checkbox": True},
            "Christmas Email 1 Date": told,
        }
    assert "Christmas Email 1 Sent" not in ask().contact.body["properties"]


def test_of_two_times_of_email_1_the_contact_is_told_the_one_on_the_page() -> None:
    event = build.event(email_1_sent_at="2025-11-20T09:00:00")
    for sent in (
        {"Email 1 Sent": "2025-11-19T14:00:00Z"},
        {"Email 1 Sent": "2025-11-19T14:00:00Z", "Email 2 Sent": AT_NOON},
    ):
        planned = ask(event, build.sequence_page(sent))
        assert planned.contact.body["properties"]["Christmas Email 1 Date"] == date("2025-11-19T14:00:00.000Z")
    planned = ask(event, build.sequence_page({"Email 2 Sent": AT_NOON}))
    assert planned.contact.body["properties"]["Christmas Email 1 Date"] == date("2025-11-20T14:00:00.000Z")
    assert planned.page.body["properties"]["Email 1 Sent"] == date("2025-11-20T14:00:00.000Z")


def test_an_event_that_says_nothing_of_the_contact_leaves_their_page_alone() -> None:
    assert sequence("precall").contact_properties == {}
    assert ask(build.event("precall")).contact is None


@pytest.mark.parametrize("name", ["noshow", "postcall", "onboarding"])
def test_without_a_contact_nothing_is_sent_and_a_person_is_told(name: str) -> None:
    note = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
    assert ask(build.event(name), contacts=()) == Skip(Reason.CONTACT_NOT_FOUND, note, warns=True)
    assert ask(build.event(name), own(name), contacts=()).reason == DUPLICATES[name]


def test_a_new_customer_gets_a_portal() -> None:
    contact = build.contact(**{"Diagnostic Call Date": "2025-11-18T10:00:00.000-05:00"})
    assert ask(build.event("onboarding"), contacts=(contact,)).portal == {
        "parent": {"type": "data_source_id", "data_source_id": "source-portals"},
        "properties": {
            "Name": {"title": text("Bảo Sang Beauty Salon - Customer Portal")},
            "Email": {"email": "zoe@example.com"},
            "Business Name": {"rich_text": text("Bảo Sang Beauty Salon")},
            "Diagnostic Call Date": date("2025-11-18T10:00:00.000-05:00"),
            "Next Steps": {"rich_text": text("We agree on the days of the observation in your salon.")},
            "Status": {"select": {"name": "Portal Delivered"}},
            "Created Date": AT,
        },
    }
    days = ask(build.event("onboarding", observation_dates=["Mon", "Tue"])).portal["properties"]
    assert days["Next Steps"] == {"rich_text": text("Observation in the salon: Mon, Tue")}
    assert days["Diagnostic Call Date"] == {"date": None}


def test_a_customer_who_has_a_portal_gets_no_other() -> None:
    def portal(name: str | None) -> Mapping[str, Any]:
        return build.page(schema.PORTALS, {"Name": name})

    event = build.event("onboarding")
    assert ask(event, portals=(portal(None), portal("Bảo Sang Beauty Salon - Customer Portal"))).portal is None
    assert ask(event, portals=(portal("Another Salon - Customer Portal"),)).portal is not None


@pytest.mark.parametrize("name", ["signup", "noshow", "postcall"])
def test_no_other_event_makes_a_portal(name: str) -> None:
    assert ask(build.event(name)).portal is None


def test_what_the_signup_said_is_kept_for_the_other_sequences() -> None:
    signup = build.event(red_systems=2, weakest_system_1="GPS")
    assert ask(build.event("noshow"), signup=signup).record.signup == signup.fields
    assert ask(build.event("noshow")).record.signup == {}
    assert ask(build.event(), signup=signup).record.signup == {}


def test_what_a_signup_said_that_is_no_longer_kept_is_read_from_its_page() -> None:
    said = {"Assessment Score": 41, "Red Systems": 3, "Email": "zoe@example.com"}
    for page, expected in (
        (own("signup", **said), {"email": "zoe@example.com", "assessment_score": 41, "red_systems": 3}),
        (own("signup", Campaign="Christmas 2024", **said), {}),
        (build.sequence_page(said), {}),
        (own("noshow", **said), {}),
    ):
        event = build.event("noshow", calendly_event_uri="another")
        assert ask(event, page).record.signup == expected
    kept = build.event(assessment_score=52)
    assert ask(build.event("noshow"), own("signup", **said), signup=kept).record.signup == kept.fields


# Names that the call of Calendly or DocuSign does not bring.


def native_event(name: str) -> Event:
    payload = native.calendly({"first_name": None, "name": " "}) if name == "noshow" else native.docusign(NAMELESS)
    return intake.read(payload, name, NOW)


NAMELESS = native.signer(name=None)
KEPT = build.event(first_name="Lệ Ngọc", business_name="Bảo Sang Beauty Salon")
ITS_PAGE = own("signup", **{"First Name": "Lệ Ngọc", "Business Name": "Bảo Sang Beauty Salon"})


def mailed(planned: Enrol) -> tuple[str, str]:
    """What the first e-mail says for the two names."""
    asked = compose.sources(planned.record, 1, build.SETTINGS)
    parts = {"Subject Line": "{{first_name}}", "Email Body HTML": "-", "Email Body Plain Text": "{{business_name}}"}
    letter = compose.letter("a template", parts, asked)
    return letter.subject, letter.text


@pytest.mark.parametrize("name", ["noshow", "onboarding"])
@pytest.mark.parametrize(
    ("signup", "pages", "contact", "first_name", "business"),
    [
        (KEPT, (), {"first_name": "Zoé"}, "Lệ Ngọc", "Bảo Sang Beauty Salon"),
        (None, (ITS_PAGE,), {"first_name": "Zoé"}, "Lệ Ngọc", "Bảo Sang Beauty Salon"),
        (build.event(first_name="Lệ Ngọc"), (ITS_PAGE,), {"first_name": "Zoé"}, "Lệ Ngọc", "your business"),
        (None, (), {"first_name": "Zoé"}, "Zoé", "your business"),
        (None, (), {}, "there", "your business"),
    ],
)
def test_the_names_are_looked_up_by_address_for_the_page_and_the_emails(
    name: str,
    signup: Event | None,
    pages: tuple[Mapping[str, Any], ...],
    contact: dict[str, Any],
    first_name: str,
    business: str,
) -> None:
    planned = ask(native_event(name), *pages, signup=signup, contacts=(build.contact(**contact),))
    properties = planned.page.body["properties"]
    assert properties["First Name"] == {"rich_text": text(first_name)}
    assert properties["Business Name"] == {"rich_text": text(business)}
    assert mailed(planned) == (first_name, business)
    if name == "onboarding":
        portal = planned.portal["properties"]
        assert portal["Name"] == {"title": text(f"{business} - Customer Portal")}
        assert portal["Business Name"] == {"rich_text": text(business)}


def test_what_the_call_brings_comes_before_what_is_looked_up() -> None:
    event = intake.read(native.calendly(), "noshow", NOW)
    planned = ask(event, signup=KEPT)
    assert planned.page.body["properties"]["First Name"] == {"rich_text": text("Zoë")}
    assert mailed(planned) == ("Zoë", "Bảo Sang Beauty Salon")


@pytest.mark.parametrize("name", ["noshow", "onboarding"])
def test_an_event_that_was_told_in_the_flat_form_is_known_in_the_other(name: str) -> None:
    assert ask(native_event(name), own(name)).reason == DUPLICATES[name]


def test_only_a_segment_that_asks_for_it_raises_an_alert() -> None:
    assert ask(build.event(red_systems=2)).alert is not None
    assert ask(build.event(red_systems=1, orange_systems=8)).alert is None
    assert ask(build.event("onboarding")).alert is None


# Adoption.


def test_a_page_that_the_website_made_is_adopted() -> None:
    said = {
        "Name": "A name of the website's",
        "Email": "zoe@example.com",
        "First Name": "Zoé",
        "Assessment Score": 0,
        "Segment": "URGENT",
        "Assessment Completed": False,
    }
    planned = ask(build.event(red_systems=2), build.sequence_page(said, page_id="page-7"))
    assert planned.page._asdict() == {
        "method": "PATCH",
        "path": "/v1/pages/page-7",
        "body": {
            "properties": {
                "Business Name": {"rich_text": text("your business")},
                "Template Type": {"select": {"name": "5-Day Sequence"}},
                "Red Systems": {"number": 2},
                "Orange Systems": {"number": 0},
                "Yellow Systems": {"number": 0},
                "Green Systems": {"number": 0},
                "Signup Date": AT,
                "Sequence Created": AT,
                "Assessment Completed": {"checkbox": True},
            }
        },
    }
    assert planned.note == (
        "Enrolled in signup: 4 e-mail(s) scheduled. Email Sequence had its page already: it was adopted."
    )


def test_a_page_with_nothing_but_nulls_is_adopted_and_filled_in() -> None:
    planned = ask(None, build.sequence_page())
    assert planned.page.method == "PATCH"
    new = ask().page.body["properties"]
    assert planned.page.body["properties"] == {name: new[name] for name in new if name != "Campaign"}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # What the page says was sent, in hours from now, and when the rest goes out.
        ({1: -30.0, 2: -6.0}, {3: 42, 4: 66, 5: 90}),
        ({1: -30.0}, {2: 0, 3: 48, 4: 72, 5: 96}),
        ({2: -2.0}, {3: 46, 4: 70, 5: 94}),
        ({1: -200.0, 2: -0.25}, {3: 0.75, 4: 24.75, 5: 48.75}),
        ({1: -200.0, 2: -3.0, 3: -2.0, 4: -1.0}, {5: 0}),
        ({1: -200.0, 2: -3.0, 3: -2.0, 4: -0.5}, {5: 0.5}),
        ({1: -200.0, 5: -3.0}, {2: 0, 3: 48, 4: 72}),
        # The old system never says that E1 was sent: the latest of the others counts, on time as it was.
        ({2: -48.0}, {3: 0, 4: 24, 5: 48}),
        ({2: -70.0, 3: -22.0}, {4: 2, 5: 26}),
        ({3: -20.0}, {2: 0, 4: 72, 5: 96}),
        ({3: -10.0, 2: -8.0}, {4: 64, 5: 88}),
        ({4: -30.0}, {2: 0, 3: 48, 5: 96}),
        ({2: -96.0, 3: -48.0, 4: -24.0}, {5: 0}),
    ],
)
def test_what_an_adopted_page_says_was_sent_is_not_sent_again(
    sent: dict[int, float], expected: dict[int, float]
) -> None:
    page = build.sequence_page(
        {f"Email {number} Sent": (NOW + when * HOUR).isoformat() for number, when in sent.items()}
    )
    planned = ask(None, page)
    assert hours(planned) == expected
    numbers = list(expected)
    assert planned.record.as_json()["before"] == {
        str(number): numbers[place] for place, number in enumerate(numbers[1:])
    }
    assert planned.note.startswith(f"Enrolled in signup: {len(expected)} e-mail(s) scheduled.")


def test_a_page_with_all_emails_sent_has_nothing_left() -> None:
    page = build.sequence_page({f"Email {number} Sent": "2025-11-19" for number in range(1, 6)})
    nothing = Skip(Reason.NOTHING_LEFT_TO_SEND, "The page says that every e-mail was sent.")
    assert ask(None, page) == nothing
    assert ask(None, page, begun=True) == nothing


@pytest.mark.parametrize("name", ["noshow", "postcall", "onboarding"])
def test_the_other_events_adopt_a_page_without_a_type_only_if_it_tells_the_same_event(name: str) -> None:
    assert ask(build.event(name), build.sequence_page()).page.method == "POST"
    planned = ask(build.event(name), build.sequence_page(EVENTS[name], page_id="page-7"))
    assert (planned.page.method, planned.page.path) == ("PATCH", "/v1/pages/page-7")
    assert planned.page.body["properties"]["Template Type"] == {"select": {"name": TYPES[name]}}
    assert planned.record.emails == ask(build.event(name)).record.emails


def test_a_booking_adopts_no_page() -> None:
    """The old system made none for bookings; a no-show of the same call may have left one."""
    assert ask(build.event("precall"), build.sequence_page(EVENTS["precall"])).page.method == "POST"


@pytest.mark.parametrize("name", ["noshow", "postcall", "onboarding"])
def test_a_signup_adopts_no_page_of_another_event(name: str) -> None:
    assert ask(None, build.sequence_page(EVENTS[name])).page.method == "POST"


def test_a_page_of_the_event_counts_before_one_without_a_type() -> None:
    pages = (build.sequence_page(EVENTS["noshow"]), own("noshow"))
    assert ask(build.event("noshow"), *pages).reason == "duplicate_noshow_sequence"


@pytest.mark.parametrize(
    "page",
    [
        build.sequence_page({"Campaign": "Christmas 2024"}),
        build.sequence_page({"Campaign": None}),
        build.sequence_page({"Campaign": "Christmas 2024", "Template Type": "5-Day Sequence"}),
        build.sequence_page({"Template Type": "No-Show Recovery"}),
        build.sequence_page(archived=True),
        build.sequence_page({"Template Type": "5-Day Sequence"}, in_trash=True),
        {"id": "page-1", "properties": None},
    ],
    ids=["last year", "no campaign", "enrolled last year", "another sequence", "archived", "in trash", "no properties"],
)
def test_another_page_does_not_count(page: dict[str, Any]) -> None:
    planned = ask(None, page)
    assert planned.page.method == "POST"
    assert planned.note == "Enrolled in signup: 4 e-mail(s) scheduled."


def test_of_several_pages_without_a_type_the_oldest_is_adopted() -> None:
    pages = [build.sequence_page(page_id=page_id) for page_id in ("old", "new")]
    assert ask(None, *pages).page.path == "/v1/pages/old"


# The same event again.


@pytest.mark.parametrize("name", build.NAMES)
def test_a_contact_who_is_in_the_sequence_already_is_skipped(name: str) -> None:
    note = "This event has its page in Email Sequence already."
    assert ask(build.event(name), own(name)) == Skip(Reason(DUPLICATES[name]), note)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("noshow", {"Calendly Event URI": "https://api.calendly.com/scheduled_events/BBB"}),
        ("noshow", {"Calendly Event URI": None}),
        ("postcall", {"Call Date": "2025-11-20T09:01:00-05:00"}),
        ("postcall", {"Call Date": "next Thursday"}),
        ("postcall", {"Call Date": None}),
        ("onboarding", {"Payment Date": "2025-11-21T14:00:00.000Z"}),
        ("onboarding", {"Payment Date": None}),
    ],
)
def test_a_page_of_another_event_is_not_this_ones(name: str, said: dict[str, Any]) -> None:
    planned = ask(build.event(name), own(name, **said))
    assert planned.page.method == "POST"


@pytest.mark.parametrize("campaign", [None, "Christmas 2024"])
def test_an_event_is_the_same_in_any_campaign(campaign: str | None) -> None:
    assert isinstance(ask(build.event("noshow"), own("noshow", Campaign=campaign)), Skip)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("postcall", {"Call Date": "2025-11-20T14:00:00Z"}),
        ("postcall", {"Call Date": "2025-11-20T23:00:00+09:00"}),
        ("postcall", {"Call Date": "2025-11-20 09:00"}),
        ("onboarding", {"Payment Date": "2025-11-20T09:00:00.000-05:00"}),
    ],
)
def test_the_same_time_is_the_same_event_however_it_is_written(name: str, said: dict[str, Any]) -> None:
    assert isinstance(ask(build.event(name), own(name, **said)), Skip)


def test_a_payment_of_a_day_is_the_same_on_that_day() -> None:
    event = build.event("onboarding", payment_date="2025-11-20")
    assert isinstance(ask(event, own("onboarding", **{"Payment Date": "2025-11-20"})), Skip)
    assert ask(event).page.body["properties"]["Payment Date"] == {"date": {"start": "2025-11-20"}}


def test_an_enrolled_page_counts_even_behind_one_that_could_be_adopted() -> None:
    enrolled = build.sequence_page({"Template Type": "5-Day Sequence"})
    assert ask(None, build.sequence_page(page_id="other"), enrolled).reason == "already_in_sequence"


def test_a_contact_may_be_in_several_sequences_at_once() -> None:
    others = [build.sequence_page({"Template Type": TYPES[name]}) for name in ("noshow", "postcall", "onboarding")]
    assert ask(None, *others).page.method == "POST"


def test_an_enrolment_that_was_begun_and_not_finished_is_taken_up_again() -> None:
    said = {"Template Type": "5-Day Sequence", "Sequence Created": "2025-11-20", "Email 2 Sent": "2025-11-20T14:30:00Z"}
    dates = {number: NOW + after * HOUR for number, after in ((2, -0.5), (3, 72), (4, 96), (5, 120))}
    planned = ask(None, build.sequence_page(said, page_id="page-7"), begun=True, planned=dates)
    assert planned.page.path == "/v1/pages/page-7"
    assert planned.page.method == "PATCH"
    assert not {"Template Type", "Sequence Created", "Campaign"} & set(planned.page.body["properties"])
    assert hours(planned) == {3: 72, 4: 96, 5: 120}


def test_an_enrolment_that_was_begun_without_a_page_makes_one() -> None:
    assert ask(begun=True).page.method == "POST"


def stop(reason: Reason, after: timedelta) -> Stop:
    return Stop(reason, NOW + after, Source.PERSON)


@pytest.mark.parametrize("reason", RULES)
@pytest.mark.parametrize("name", build.NAMES)
def test_who_is_stopped_enters_no_sequence_that_the_reason_ends(name: str, reason: Reason) -> None:
    said = ask(build.event(name), stopped=(stop(reason, MINUTE),))
    if name in RULES[reason].ends:
        note = "The contact was stopped for this sequence on 20 November 2025, 10:01 America/Toronto."
        assert said == Skip(reason, note)
    else:
        assert isinstance(said, Enrol)


def test_whoever_booked_and_then_missed_the_call_is_written_to() -> None:
    assert isinstance(ask(build.event("noshow"), stopped=(stop(Reason.BOOKED, -MINUTE),)), Enrol)


def test_nobody_is_told_that_a_contact_who_is_stopped_is_unknown() -> None:
    said = ask(build.event("noshow"), contacts=(), stopped=(stop(Reason.UNSUBSCRIBED, MINUTE),))
    assert (said.reason, said.warns) == ("unsubscribed", False)


def test_an_event_that_is_known_is_known_even_if_the_contact_is_stopped() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence", "Email": "zoe@example.com"})
    assert ask(None, page, stopped=(stop(Reason.UNSUBSCRIBED, MINUTE),)).reason == "already_in_sequence"


def test_what_was_begun_is_finished_whatever_stops_the_contact() -> None:
    assert isinstance(ask(begun=True, stopped=(stop(Reason.UNSUBSCRIBED, MINUTE),)), Enrol)


# Before a call.


def due(said: Enrol) -> dict[int, str]:
    return {number: times.text(date) for number, date in said.record.emails.items()}


def test_what_comes_before_a_call_counts_back_from_it() -> None:
    said = ask(build.event("precall"))
    assert due(said) == {
        1: "2025-11-21T15:00:00.000Z",
        2: "2025-11-23T15:00:00.000Z",
        3: "2025-11-24T13:00:00.000Z",
    }
    # The flow `booking` writes it; and the website has sent nothing.
    assert said.contact is None
    assert "Email 1 Sent" not in said.page.body["properties"]


def test_where_time_is_squeezed_the_wait_for_the_call_is() -> None:
    said = ask(build.event("precall"), settings=Settings(time_scale=96))
    assert due(said) == {
        1: "2025-11-20T15:15:00.000Z",
        2: "2025-11-20T15:45:00.000Z",
        3: "2025-11-20T15:58:45.000Z",
    }


def test_in_testing_mode_the_call_may_be_whenever_it_likes() -> None:
    said = ask(build.event("precall", scheduled_time="2025-11-01"), settings=Settings(testing_mode=True))
    assert list(due(said)) == [1, 2, 3]


def test_what_fits_no_more_is_left_out_and_nothing_may_be_left() -> None:
    assert list(due(ask(build.event("precall", scheduled_time="2025-11-21T15:00:00Z")))) == [2, 3]
    event = build.event("precall", scheduled_time="2025-11-20T16:00:00Z")
    assert ask(event) == Skip(Reason.NOTHING_LEFT_TO_SEND, "It is too late for any of its e-mails.")
    # What was begun comes to an end, or the repair would take it up again for ever.
    assert due(ask(event, begun=True)) == {3: "2025-11-20T15:00:00.000Z"}


@pytest.mark.parametrize(
    "said", [{"Scheduled Time": "2025-11-24T10:01:00-05:00"}, {"Scheduled Time": None}, {"Calendly Event URI": "other"}]
)
def test_a_call_that_moves_is_another_event(said: dict[str, Any]) -> None:
    assert ask(build.event("precall"), own("precall", **said)).page.method == "POST"


def test_the_page_has_the_time_of_a_call_to_the_second() -> None:
    event = build.event("precall", scheduled_time="2025-11-24T15:00:00.123Z")
    assert ask(event, own("precall")).reason == "duplicate_precall_sequence"


MARKED = build.sequence_page(
    {"Template Type": "5-Day Sequence", "Stop Reason": "unsubscribed since 2025-11-19T10:00:00-05:00"}
)


@pytest.mark.parametrize("name", build.NAMES)
def test_new_enrolment_is_skipped_when_a_page_says_stopped_for_good(name: str) -> None:
    """As after a restore of a backup that is older than the stop."""
    page = build.sequence_page(
        {"Template Type": "Another", "Stop Reason": "bounced since 2025-11-19T10:00:00-05:00 (from E3)"}
    )
    said = ask(build.event(name), page)
    note = 'A page of the contact says "Stop Reason": bounced.'
    assert said == Skip(Reason.BOUNCED, note)
    # What was begun is finished; each e-mail reads the page again.
    assert isinstance(ask(build.event(name), page, begun=True), Enrol)


def test_page_that_says_a_stop_was_not_for_good_lets_a_new_enrolment_in() -> None:
    page = build.sequence_page({"Template Type": "5-Day Sequence", "Stop Reason": "booked (from E3)"})
    assert isinstance(ask(build.event("postcall"), page), Enrol)


@pytest.mark.parametrize(("lifts", "go"), [(Lifts(NOW), True), (Lifts(NOW - 48 * HOUR), False), (Lifts(), False)])
def test_stop_that_was_lifted_since_lets_a_new_enrolment_in(lifts: Lifts, go: bool) -> None:
    assert isinstance(ask(build.event("postcall"), MARKED, lifts=lifts), Enrol) is go
