"""Which payloads are the same event: each event has one page and one set of e-mails, however often it is posted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import (
    SCALE,
    add_contact,
    address,
    delete_waiting_emails,
    ended,
    enrolled,
    find_pages,
    long_case,
    mails,
    numbers,
    payload,
    post_all,
    post_event,
    runs,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import SEQUENCES

#: The sequences whose dates count from the arrival of the event. Bookings have their own tests.
NAMES = [entry.name for entry in SEQUENCES if not entry.only_what_fits]

#: The sequences that need a contact, and that an address may enter several times: all of ``NAMES`` except the signup.
REPEATABLE = [entry.name for entry in SEQUENCES if entry.needs_contact and not entry.only_what_fits]

#: The value of "Template Type" on the pages of a sequence.
TYPES = {
    "signup": "5-Day Sequence",
    "noshow": "No-Show Recovery",
    "postcall": "Post-Call Follow-Up",
    "onboarding": "Onboarding",
}

#: The reason in the answer to an event that was enrolled before.
DUPLICATE = {
    "signup": "already_in_sequence",
    "noshow": "duplicate_noshow_sequence",
    "postcall": "duplicate_postcall_sequence",
    "onboarding": "duplicate_onboarding_sequence",
}

#: Hours from the anchor to each e-mail, by number, in production.
HOURS: dict[str, dict[int, float]] = {
    "signup": {2: 24, 3: 72, 4: 96, 5: 120},
    "noshow": {1: 1 / 12, 2: 24, 3: 48},
    "postcall": {1: 1, 2: 72, 3: 168},
    "onboarding": {1: 1, 2: 24, 3: 72},
}

#: Fields that make another payload of the same event as ``support.payload``. Only the fields that identify the event count.
SAME: dict[str, list[dict[str, Any]]] = {
    "signup": [{"assessment_score": "90", "first_name": "Anna", "red_systems": 3}],
    "noshow": [{"scheduled_time": "2026-01-01T09:00:00Z", "business_name": "Salon Ana & Co."}],
    "postcall": [
        {"call_date": "2025-11-20T09:00:00-05:00"},
        {"call_date": " 2025-11-20 09:00 ", "call_notes": "A time without a zone is Toronto time."},
        {"call_date": "2025-11-20T23:00:00.000+09:00"},
    ],
    "onboarding": [
        {"payment_date": "2025-11-20T09:00:00-05:00", "payment_amount": 1},
        {"payment_date": " 2025-11-20 09:00 "},
        # In Auckland it is the next day.
        {"payment_date": "2025-11-21T03:00:00.000+13:00"},
    ],
}

ENDED = ("SUCCESS", "WARNING", "FAILED")


def far_future(name: str) -> dict[str, Any]:
    """Return fields that make the e-mails of a signup due after the tests; other sequences have no such field."""
    return {"email_1_sent_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()} if name == "signup" else {}


def post_events(stack: Stack, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[datetime]:
    """Post events (sequence, address, fields) at the same time; return when each arrived, in UTC."""
    answers = post_all(stack, [(name, payload(email, name, **fields)) for name, email, fields in events])
    assert [answer["status"] for _, answer in answers] == ["accepted"] * len(events)
    return [times.parse(answer["timestamp"]) for _, answer in answers]


def enrolments(stack: Stack, email: str, name: str, count: int) -> list[Execution]:
    """Wait until a contact has ``count`` runs of ``enroll`` and all have ended; return them, oldest first."""

    def all_ended() -> list[Execution] | None:
        enrolling = runs(stack, "enroll", email, name)
        return enrolling if len(enrolling) >= count and all(run.state in ENDED for run in enrolling) else None

    ended_runs = until(all_ended, f"the end of {count} enrolments", timeout=120)
    assert len(ended_runs) == count
    return ended_runs


def outcome(run: Execution) -> tuple[str, str | None, str | None]:
    """Return the state of a run and its labels ``outcome`` and ``reason``."""
    return run.state, run.labels.get("outcome"), run.labels.get("reason")


def emails_of(stack: Stack, enrolling: Iterable[Execution]) -> dict[int, datetime | None]:
    """Return when the e-mails that these runs of ``enroll`` scheduled are due, by number; each number must be unique."""
    started = [child for run in enrolling for child in stack.kestra.executions(parent=run.id)]
    assert {child.flow for child in started} <= {"send-email", "sources", "stop", "tell"}
    scheduled = [child for child in started if child.flow == "send-email"]
    due = {int(email.inputs["number"]): email.scheduled for email in scheduled}
    assert len(due) == len(scheduled)
    return due


def check_dates(stack: Stack, run: Execution, name: str, anchor: datetime) -> None:
    """Check when each e-mail is due after the anchor. If the first one was overdue at the enrolment, all are equally later."""
    due = emails_of(stack, [run])
    assert due.keys() == HOURS[name].keys()
    assert run.ended is not None
    expected = {number: anchor + timedelta(hours=hours) / SCALE for number, hours in HOURS[name].items()}
    first = due[min(due)]
    assert first is not None
    late = first - expected[min(due)]
    assert timedelta(0) <= late
    assert late == timedelta(0) or first < run.ended, "an e-mail that was not overdue keeps its date"
    for number, date in expected.items():
        due_date = due[number]
        assert due_date is not None
        # Kestra stores dates in milliseconds.
        assert abs(due_date - (date + late)) <= timedelta(milliseconds=1), number


def pages(stack: Stack, email: str, name: str | None = None) -> list[dict[str, Any]]:
    """Return the plain values of an address's pages in Email Sequence, of one sequence or of all.

    Each also has the page's id under ``id`` and the time of its last change under ``edited``.
    """
    all_pages = [
        {**page_values.plain(page), "id": page["id"], "edited": page["last_edited_time"]}
        for page in find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    ]
    return [page for page in all_pages if name is None or page["Template Type"] == TYPES[name]]


def stamps(page: Mapping[str, Any]) -> dict[int, datetime]:
    """Return when each e-mail was sent according to the page, by number."""
    sent = {number: page_values.moment(page[f"Email {number} Sent"]) for number in range(1, 8)}
    return {number: moment for number, moment in sent.items() if moment is not None}


def stamped(stack: Stack, email: str, name: str, count: int) -> list[dict[str, Any]]:
    """Wait until an address has ``count`` pages of one sequence, each with a date of a sent e-mail; return the pages."""

    def all_stamped() -> list[dict[str, Any]] | None:
        matching = pages(stack, email, name)
        return matching if len(matching) >= count and all(stamps(page) for page in matching) else None

    return until(all_stamped, f"the first e-mail on {count} pages")


def end_of(stack: Stack, execution: str) -> Execution:
    """Return a run once it has ended."""
    return until(lambda: run if (run := stack.kestra.execution(execution)).state in ENDED else None, "the run")


def create_pages(stack: Stack, properties: Iterable[Mapping[str, Any]]) -> None:
    """Create pages with these properties in Email Sequence, eight at a time."""
    with stack.notion() as notion, ThreadPoolExecutor(8) as pool:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        list(pool.map(lambda values: notion.create_page(source, schema.SEQUENCE_PAGES, values), properties))


def expire(stack: Stack, enrolment: str) -> None:
    """Delete the KV entries of an enrolment. Kestra does the same when they expire, a month after the sequence."""
    for prefix in ("enrolled", "enrolment", "page"):
        assert stack.kestra.kv_delete(f"{prefix}.{enrolment}"), prefix


@pytest.mark.long
def test_same_event_in_another_spelling_is_skipped(stack: Stack) -> None:
    emails = {name: address(name) for name in NAMES}
    for email in emails.values():
        add_contact(stack, email)
    post_events(stack, [(name, email, far_future(name)) for name, email in emails.items()])
    before = {}
    for name, email in emails.items():
        run = enrolled(stack, email, name)
        before[name] = emails_of(stack, [run])
        assert before[name].keys() == HOURS[name].keys()

    calls = [
        (name, spelling, fields)
        for name, email in emails.items()
        for spelling, fields in zip(
            [f"\t{email.title()} ", email.upper(), f" {email}"], [*SAME[name], {}], strict=False
        )
    ]
    answers = post_all(stack, [(name, payload(spelling, name, **fields)) for name, spelling, fields in calls])
    assert answers == [
        (200, {"status": "skipped", "reason": DUPLICATE[name], "email": spelling}) for name, spelling, _ in calls
    ]
    for name, email in emails.items():
        assert emails_of(stack, enrolments(stack, email, name, 1)) == before[name]
        (page,) = pages(stack, email)
        assert page["First Name"] == "Ana"


@pytest.mark.long
def test_same_event_after_its_kv_entries_expired_is_skipped_by_its_page(stack: Stack) -> None:
    """The KV entries expire a month after the sequence; the page stays for years."""
    emails = {name: address(name) for name in NAMES}
    for email in emails.values():
        add_contact(stack, email)
    post_events(stack, [(name, email, far_future(name)) for name, email in emails.items()])
    first = {name: enrolled(stack, email, name) for name, email in emails.items()}
    delete_waiting_emails(stack)
    for run in first.values():
        expire(stack, run.labels["enrolment"])

    again = [(name, f" {email.upper()}", fields) for name, email in emails.items() for fields in SAME[name][:2]]
    post_events(stack, again)
    for name, email in emails.items():
        (one, *others) = enrolments(stack, email, name, 1 + len(SAME[name][:2]))
        assert outcome(one) == ("SUCCESS", "enrolled", None)
        assert [outcome(run) for run in others] == [("SUCCESS", "skipped", DUPLICATE[name])] * len(others)
        assert {run.labels["enrolment"] for run in others} == {one.labels["enrolment"]}
        assert emails_of(stack, others) == {}
        (page,) = pages(stack, email)
        assert page["Template Type"] == TYPES[name]


#: Two different events of each of these sequences. Some differ only by a second or by upper and lower case.
TWO_EVENTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "noshow": (
        {"calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA"},
        {"calendly_event_uri": "https://api.calendly.com/scheduled_events/aaa"},
    ),
    "postcall": ({"call_date": "2025-11-20T14:00:00Z"}, {"call_date": "2025-11-20T14:00:01Z"}),
    "onboarding": ({"payment_date": "2025-11-20T14:00:00Z"}, {"payment_date": "2025-11-20T14:00:00-05:00"}),
}


@pytest.mark.long
def test_second_event_of_an_address_has_its_own_page_and_emails(stack: Stack) -> None:
    # Each sequence has its own contact: a contact who has bought enters no other sequence.
    emails = {name: address(name) for name in REPEATABLE}
    for email in emails.values():
        add_contact(stack, email)
    post_events(stack, [(name, emails[name], TWO_EVENTS[name][0]) for name in REPEATABLE])
    first = {}
    for name in REPEATABLE:
        enrolments(stack, emails[name], name, 1)
    delete_waiting_emails(stack, all_but=[1])
    for name in REPEATABLE:
        (first[name],) = stamped(stack, emails[name], name, 1)
    arrived = post_events(stack, [(name, emails[name], TWO_EVENTS[name][1]) for name in REPEATABLE])

    both = {}
    for name, second_arrived in zip(REPEATABLE, arrived, strict=True):
        both[name] = one, two = enrolments(stack, emails[name], name, 2)
        assert outcome(two) == ("SUCCESS", "enrolled", None)
        assert one.labels["enrolment"] != two.labels["enrolment"]
        check_dates(stack, two, name, second_arrived)
    delete_waiting_emails(stack, all_but=[1])

    for name, second_arrived in zip(REPEATABLE, arrived, strict=True):
        old, new = stamped(stack, emails[name], name, 2)
        if old["id"] != first[name]["id"]:
            old, new = new, old
        # Each event's date is on its own page: the second event does not change the first one's date.
        assert old["id"] == first[name]["id"]
        assert stamps(old)[1] == stamps(first[name])[1] < second_arrived <= stamps(new)[1]
        keys = [mail.idempotency_key for mail in mails(stack, emails[name]) if mail.tags["sequence"] == name]
        assert {f"{run.labels['enrolment']}-e1" for run in both[name]} <= set(keys)
        field = {"noshow": "Calendly Event URI", "postcall": "Call Date", "onboarding": "Payment Date"}[name]
        expected = {
            "noshow": TWO_EVENTS["noshow"][1]["calendly_event_uri"],
            "postcall": "2025-11-20T09:00:01-05:00",
            "onboarding": "2025-11-20T19:00:00.000+00:00",
        }
        assert new[field] == expected[name]


@pytest.mark.parametrize("name", [NAMES[0], *map(long_case, NAMES[1:])])
def test_ten_identical_calls_at_once_create_one_enrolment(stack: Stack, name: str) -> None:
    email = address()
    add_contact(stack, email)
    answers = post_all(stack, [(name, payload(email, name))] * 10)
    assert {code for code, _ in answers} == {200}
    skipped = {"status": "skipped", "reason": DUPLICATE[name], "email": email}
    accepted = [answer for _, answer in answers if answer["status"] == "accepted"]
    assert [answer for _, answer in answers if answer["status"] != "accepted"] == [skipped] * (10 - len(accepted))
    assert len({answer["execution_id"] for answer in accepted}) == len(accepted) > 0

    enrolling = enrolments(stack, email, name, len(accepted))
    assert sorted(outcome(run)[1:] for run in enrolling) == sorted(
        [("enrolled", None), *[("skipped", DUPLICATE[name])] * (len(accepted) - 1)]
    )
    assert {run.state for run in enrolling} == {"SUCCESS"}
    assert emails_of(stack, enrolling).keys() == HOURS[name].keys()
    (page,) = pages(stack, email)
    assert page["Template Type"] == TYPES[name]


@pytest.mark.long
def test_address_can_be_in_several_sequences_at_once(stack: Stack) -> None:
    email = address()
    # A purchase would end the other sequences.
    names = [name for name in NAMES if name != "onboarding"]
    add_contact(stack, email)
    # The website sent its own e-mail a day ago. So the signup's first e-mail is due at once, as in the other sequences.
    anchor = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=24) / SCALE
    fields: dict[str, dict[str, Any]] = {"signup": {"email_1_sent_at": anchor.isoformat()}}
    arrived = post_events(stack, [(name, email, fields.get(name, {})) for name in names])
    for name, begun in zip(names, arrived, strict=True):
        (run,) = enrolments(stack, email, name, 1)
        assert outcome(run) == ("SUCCESS", "enrolled", None)
        check_dates(stack, run, name, anchor if name == "signup" else begun)
    delete_waiting_emails(stack, all_but=(1, 2))
    assert sorted(page["Template Type"] for page in pages(stack, email)) == sorted(TYPES[name] for name in names)

    def first_ones() -> dict[str, dict[int, datetime]] | None:
        sent_dates = {name: stamps(page) for name in names for page in pages(stack, email, name)}
        return sent_dates if all(min(HOURS[name]) in sent_dates[name] for name in names) else None

    stamped = until(first_ones, "the first e-mail of each sequence", timeout=90)
    sent = {name: [mail for mail in mails(stack, email) if mail.tags["sequence"] == name] for name in names}
    # The date of the website's own e-mail.
    assert stamped["signup"].pop(1) == anchor
    for name in names:
        assert min(HOURS[name]) in stamped[name]
        assert stamped[name].keys() <= set(numbers(sent[name]))


@pytest.mark.long
def test_noshow_a_year_later_starts_a_new_sequence(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    a_year_ago = datetime.now(UTC) - timedelta(days=365)
    create_pages(
        stack,
        [
            {
                "Name": f"{email} - No-Show Recovery",
                "Email": email,
                "Template Type": "No-Show Recovery",
                "Campaign": "Christmas 2025",
                "Calendly Event URI": "https://api.calendly.com/scheduled_events/LAST-YEAR",
                **{f"Email {number} Sent": a_year_ago + timedelta(days=number) for number in (1, 2, 3)},
                "Sequence Completed": True,
            }
        ],
    )
    (old,) = pages(stack, email)
    post_event(stack, "noshow", email)
    wait_for_mails(stack, email, 3, timeout=120)
    ended(stack, email, 3, timeout=120, sequence="noshow")

    received = mails(stack, email)
    assert numbers(received) == [1, 2, 3]
    assert old in pages(stack, email)
    (new,) = [page for page in pages(stack, email) if page["id"] != old["id"]]
    assert (new["Template Type"], new["Sequence Completed"]) == ("No-Show Recovery", True)
    for mail in received:
        assert timedelta(0) <= stamps(new)[int(mail.tags["number"])] - mail.received_at < timedelta(seconds=30)


def pages_of_other_events(name: str, email: str) -> list[dict[str, Any]]:
    """Return the properties of 130 pages of an address, none of ``support.payload``'s event: 110 of its sequence, 20 others."""
    common = {"Email": email, "Template Type": TYPES[name], "Campaign": "Christmas 2025"}
    far = [datetime(2024, 1, 1, 14, tzinfo=UTC) + timedelta(days=day) for day in range(105)]
    near = [datetime(2025, 11, 20, 14, tzinfo=UTC) + timedelta(hours=hours) for hours in (-30, -1, 1, 12, 30)]
    of_sequence: dict[str, list[dict[str, Any]]] = {
        "signup": [{"Campaign": f"Christmas {2024 - number % 3}"} for number in range(110)],
        "noshow": [{"Calendly Event URI": f"https://api.calendly.com/scheduled_events/{day}"} for day in range(110)],
        "postcall": [{"Call Date": times.local(moment)} for moment in [*far, *near]],
        "onboarding": [{"Payment Date": moment} for moment in [*far, *near]],
    }
    other = [{"Email": email, "Template Type": kind, "Campaign": "Christmas 2025"} for kind in TYPES.values()]
    return [
        *({**common, **values} for values in of_sequence[name]),
        *(values for values in other * 4 if values["Template Type"] not in (TYPES[name], TYPES["signup"])),
        *({"Email": email, "First Name": "Nobody in particular"} for _ in range(6 if name != "signup" else 2)),
        *(
            {**dict.fromkeys(column.name for column in schema.SEQUENCE_PAGES.properties), "Email": email}
            for _ in range(6)
        ),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_repeated_event_is_found_among_130_pages_of_its_address(stack: Stack, name: str) -> None:
    """Notion returns at most a hundred pages in one response."""
    email = address()
    add_contact(stack, email)
    create_pages(stack, pages_of_other_events(name, email))
    before = {page["id"] for page in pages(stack, email)}
    assert len(before) == 130
    post_event(stack, name, email, **far_future(name))
    run = enrolled(stack, email, name)
    delete_waiting_emails(stack)
    own = stack.kestra.kv_get(f"page.{run.labels['enrolment']}")
    assert {page["id"] for page in pages(stack, email)} == {*before, own}
    expire(stack, run.labels["enrolment"])

    post_event(stack, name, email, **far_future(name))
    _, again = enrolments(stack, email, name, 2)
    assert outcome(again) == ("SUCCESS", "skipped", DUPLICATE[name])
    assert {page["id"] for page in pages(stack, email)} == {*before, own}


@pytest.mark.long
def test_contact_and_page_with_empty_properties_are_enrolled(stack: Stack) -> None:
    """Fault 9 of the old system: it crashed on a page with an empty select property."""
    emails = {name: address(name) for name in NAMES}
    empty_contact = dict.fromkeys(
        column.name for column in schema.CONTACTS.properties if column.name != notion_names.CONTACT_EMAIL
    )
    empty_page = dict.fromkeys(column.name for column in schema.SEQUENCE_PAGES.properties)
    for email in emails.values():
        add_contact(stack, email, **empty_contact)
    create_pages(stack, [{**empty_page, "Email": email, "Campaign": "Christmas 2025"} for email in emails.values()])
    empty = {name: pages(stack, email)[0] for name, email in emails.items()}
    sent_at = {"email_1_sent_at": (datetime.now(UTC) - timedelta(hours=24) / SCALE).isoformat()}
    post_events(stack, [(name, email, sent_at if name == "signup" else {}) for name, email in emails.items()])

    for name, email in emails.items():
        (run,) = enrolments(stack, email, name, 1)
        assert outcome(run) == ("SUCCESS", "enrolled", None)
        (page,) = pages(stack, email, name)
        assert (page["First Name"], page["Campaign"]) == ("Ana", "Christmas 2025")
        # Only a signup uses an existing page without a sequence.
        assert (page["id"] == empty[name]["id"]) is (name == "signup")
        if name != "signup":
            assert empty[name] in pages(stack, email)
        (mail, *_) = wait_for_mails(stack, email, 1)
        assert numbers([mail]) == [min(HOURS[name])]


@pytest.mark.long
def test_event_without_a_contact_is_enrolled_by_a_run_after_the_contact_exists(stack: Stack) -> None:
    emails = {name: address(name) for name in REPEATABLE}
    post_events(stack, [(name, email, {}) for name, email in emails.items()])
    first = {}
    for name, email in emails.items():
        (first[name],) = enrolments(stack, email, name, 1)
        assert outcome(first[name]) == ("WARNING", "skipped", "contact_not_found")
        assert emails_of(stack, [first[name]]) == {}
        assert pages(stack, email) == []
        assert list(find_pages(stack, schema.PORTALS, notion_names.PORTAL_EMAIL, email)) == []
        message = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
        assert message in [line.message for line in stack.kestra.logs(first[name].id)]
        assert email not in str([line.message for line in stack.kestra.logs(first[name].id)])
        add_contact(stack, email)

    # Run `enroll` again with the same inputs: with its labels, as Kestra's "replay" does, and for noshow without labels.
    again = {}
    for name in REPEATABLE:
        labels = {key: first[name].labels[key] for key in ("sequence", "contact", "enrolment")}
        again[name] = stack.kestra.run("enroll", first[name].inputs, labels=None if name == "noshow" else labels)
    for name, email in emails.items():
        run = end_of(stack, again[name])
        assert outcome(run) == ("SUCCESS", "enrolled", None)
        assert emails_of(stack, [run]).keys() == HOURS[name].keys()
        (page,) = pages(stack, email)
        assert page["Template Type"] == TYPES[name]
        (mail, *_) = wait_for_mails(stack, email, 1)
        assert numbers([mail]) == [1]
        for waiting in stack.kestra.executions(parent=run.id, flow_id="send-email"):
            assert waiting.labels["sequence"] == name
            assert waiting.labels["contact"] == opaque_ids.contact_id(email)
            assert waiting.labels["enrolment"] == first[name].labels["enrolment"]
