"""What is the same event, and what is another: one page and one set of e-mails for each, however often it is told."""

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

#: All whose dates count from the arrival. Bookings, whose events overtake one another, have tests of their own.
NAMES = [each.name for each in SEQUENCES if not each.only_what_fits]

#: All but the signup: they need a contact, and an address may be in them again and again.
OTHERS = [each.name for each in SEQUENCES if each.needs_contact and not each.only_what_fits]

TYPES = {
    "signup": "5-Day Sequence",
    "noshow": "No-Show Recovery",
    "postcall": "Post-Call Follow-Up",
    "onboarding": "Onboarding",
}

DUPLICATE = {
    "signup": "already_in_sequence",
    "noshow": "duplicate_noshow_sequence",
    "postcall": "duplicate_postcall_sequence",
    "onboarding": "duplicate_onboarding_sequence",
}

#: Hours after the anchor, by number, in production.
HOURS: dict[str, dict[int, float]] = {
    "signup": {2: 24, 3: 72, 4: 96, 5: 120},
    "noshow": {1: 1 / 12, 2: 24, 3: 48},
    "postcall": {1: 1, 2: 72, 3: 168},
    "onboarding": {1: 1, 2: 24, 3: 72},
}

#: The same event as that of ``support.payload``, with other words: all else that a payload says does not count.
SAME: dict[str, list[dict[str, Any]]] = {
    "signup": [{"assessment_score": "90", "first_name": "Anna", "red_systems": 3}],
    "noshow": [{"scheduled_time": "2026-01-01T09:00:00Z", "business_name": "Salon Ana & Co."}],
    "postcall": [
        {"call_date": "2025-11-20T09:00:00-05:00"},
        {"call_date": " 2025-11-20 09:00 ", "call_notes": "Without a zone it is Toronto's."},
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


def quiet(name: str) -> dict[str, Any]:
    """What makes the e-mails of a signup wait longer than the tests run."""
    return {"email_1_sent_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()} if name == "signup" else {}


def begin_all(stack: Stack, events: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[datetime]:
    """Post events (sequence, address, fields), all at once; returns when each arrived."""
    answers = post_all(stack, [(name, payload(email, name, **fields)) for name, email, fields in events])
    assert [answer["status"] for _, answer in answers] == ["accepted"] * len(events)
    return [times.parse(answer["timestamp"]) for _, answer in answers]


def enrolments(stack: Stack, email: str, name: str, count: int) -> list[Execution]:
    """The runs of ``enroll`` for a contact, once there are ``count`` and all have ended, the oldest first."""

    def all_ended() -> list[Execution] | None:
        found = runs(stack, "enroll", email, name)
        return found if len(found) >= count and all(run.state in ENDED for run in found) else None

    found = until(all_ended, f"the end of {count} enrolments", timeout=120)
    assert len(found) == count
    return found


def outcome(run: Execution) -> tuple[str, str | None, str | None]:
    """How a run ended."""
    return run.state, run.labels.get("outcome"), run.labels.get("reason")


def emails_of(stack: Stack, found: Iterable[Execution]) -> dict[int, datetime | None]:
    """When each e-mail is due that these runs of ``enroll`` scheduled; no number may be there twice."""
    started = [each for run in found for each in stack.kestra.executions(parent=run.id)]
    assert {each.flow for each in started} <= {"send-email", "sources", "stop", "tell"}
    scheduled = [each for each in started if each.flow == "send-email"]
    due = {int(each.inputs["number"]): each.scheduled for each in scheduled}
    assert len(due) == len(scheduled)
    return due


def check_dates(stack: Stack, run: Execution, name: str, anchor: datetime) -> None:
    """Each e-mail waits for its time after the anchor; all of them later if the first one was overdue at the enrolment."""
    due = emails_of(stack, [run])
    assert due.keys() == HOURS[name].keys()
    assert run.ended is not None
    expected = {number: anchor + timedelta(hours=hours) / SCALE for number, hours in HOURS[name].items()}
    first = due[min(due)]
    assert first is not None
    late = first - expected[min(due)]
    assert timedelta(0) <= late
    assert late == timedelta(0) or first < run.ended, "what was not overdue keeps its time"
    for number, date in expected.items():
        found = due[number]
        assert found is not None
        # Dates are kept to the millisecond.
        assert abs(found - (date + late)) <= timedelta(milliseconds=1), number


def pages(stack: Stack, email: str, name: str | None = None) -> list[dict[str, Any]]:
    """The plain values of an address's pages in Email Sequence, of one sequence or of all, with their ids under ``id``."""
    found = [
        {**page_values.plain(page), "id": page["id"], "edited": page["last_edited_time"]}
        for page in find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    ]
    return [page for page in found if name is None or page["Template Type"] == TYPES[name]]


def stamps(page: Mapping[str, Any]) -> dict[int, datetime]:
    """What a page says of e-mails that were sent."""
    said = {number: page_values.moment(page[f"Email {number} Sent"]) for number in range(1, 8)}
    return {number: moment for number, moment in said.items() if moment is not None}


def stamped(stack: Stack, email: str, name: str, count: int) -> list[dict[str, Any]]:
    """An address's pages of one sequence, once there are ``count`` and each says that an e-mail was sent."""

    def all_stamped() -> list[dict[str, Any]] | None:
        found = pages(stack, email, name)
        return found if len(found) >= count and all(stamps(page) for page in found) else None

    return until(all_stamped, f"the first e-mail on {count} pages")


def end_of(stack: Stack, execution: str) -> Execution:
    """A run, once it has ended."""
    return until(lambda: run if (run := stack.kestra.execution(execution)).state in ENDED else None, "the run")


def create(stack: Stack, wanted: Iterable[Mapping[str, Any]]) -> None:
    """Make pages in Email Sequence, several at a time."""
    with stack.notion() as notion, ThreadPoolExecutor(8) as pool:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        list(pool.map(lambda values: notion.create_page(source, schema.SEQUENCE_PAGES, values), wanted))


def forget(stack: Stack, enrolment: str) -> None:
    """Lose the machine's memory of an enrolment, as it does a month after the sequence."""
    for kept in ("enrolled", "enrolment", "page"):
        assert stack.kestra.kv_delete(f"{kept}.{enrolment}"), kept


@pytest.mark.long
def test_the_same_event_is_known_however_it_is_written(stack: Stack) -> None:
    emails = {name: address(name) for name in NAMES}
    for email in emails.values():
        add_contact(stack, email)
    begin_all(stack, [(name, email, quiet(name)) for name, email in emails.items()])
    before = {}
    for name, email in emails.items():
        run = enrolled(stack, email, name)
        before[name] = emails_of(stack, [run])
        assert before[name].keys() == HOURS[name].keys()

    calls = [
        (name, written, fields)
        for name, email in emails.items()
        for written, fields in zip([f"\t{email.title()} ", email.upper(), f" {email}"], [*SAME[name], {}], strict=False)
    ]
    answers = post_all(stack, [(name, payload(written, name, **fields)) for name, written, fields in calls])
    assert answers == [
        (200, {"status": "skipped", "reason": DUPLICATE[name], "email": written}) for name, written, _ in calls
    ]
    for name, email in emails.items():
        assert emails_of(stack, enrolments(stack, email, name, 1)) == before[name]
        (page,) = pages(stack, email)
        assert page["First Name"] == "Ana"


@pytest.mark.long
def test_an_event_that_is_no_longer_kept_is_found_by_its_page_however_it_is_written(stack: Stack) -> None:
    """The memory ends a month after the sequence; the page stays for years."""
    emails = {name: address(name) for name in NAMES}
    for email in emails.values():
        add_contact(stack, email)
    begin_all(stack, [(name, email, quiet(name)) for name, email in emails.items()])
    first = {name: enrolled(stack, email, name) for name, email in emails.items()}
    delete_waiting_emails(stack)
    for run in first.values():
        forget(stack, run.labels["enrolment"])

    again = [(name, f" {email.upper()}", fields) for name, email in emails.items() for fields in SAME[name][:2]]
    begin_all(stack, again)
    for name, email in emails.items():
        (one, *others) = enrolments(stack, email, name, 1 + len(SAME[name][:2]))
        assert outcome(one) == ("SUCCESS", "enrolled", None)
        assert [outcome(run) for run in others] == [("SUCCESS", "skipped", DUPLICATE[name])] * len(others)
        assert {run.labels["enrolment"] for run in others} == {one.labels["enrolment"]}
        assert emails_of(stack, others) == {}
        (page,) = pages(stack, email)
        assert page["Template Type"] == TYPES[name]


#: Two events of each of these sequences: the second is another, if only by a second.
TWO_EVENTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "noshow": (
        {"calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA"},
        {"calendly_event_uri": "https://api.calendly.com/scheduled_events/aaa"},
    ),
    "postcall": ({"call_date": "2025-11-20T14:00:00Z"}, {"call_date": "2025-11-20T14:00:01Z"}),
    "onboarding": ({"payment_date": "2025-11-20T14:00:00Z"}, {"payment_date": "2025-11-20T14:00:00-05:00"}),
}


@pytest.mark.long
def test_another_event_of_the_same_address_has_its_own_page_and_its_own_emails(stack: Stack) -> None:
    # One for each sequence: who has bought enters no other one.
    emails = {name: address(name) for name in OTHERS}
    for email in emails.values():
        add_contact(stack, email)
    begin_all(stack, [(name, emails[name], TWO_EVENTS[name][0]) for name in OTHERS])
    first = {}
    for name in OTHERS:
        enrolments(stack, emails[name], name, 1)
    delete_waiting_emails(stack, all_but=[1])
    for name in OTHERS:
        (first[name],) = stamped(stack, emails[name], name, 1)
    arrived = begin_all(stack, [(name, emails[name], TWO_EVENTS[name][1]) for name in OTHERS])

    both = {}
    for name, second_arrived in zip(OTHERS, arrived, strict=True):
        both[name] = one, two = enrolments(stack, emails[name], name, 2)
        assert outcome(two) == ("SUCCESS", "enrolled", None)
        assert one.labels["enrolment"] != two.labels["enrolment"]
        check_dates(stack, two, name, second_arrived)
    delete_waiting_emails(stack, all_but=[1])

    for name, second_arrived in zip(OTHERS, arrived, strict=True):
        old, new = stamped(stack, emails[name], name, 2)
        if old["id"] != first[name]["id"]:
            old, new = new, old
        # Each stamped on its own page: the first one's stamp stands as it was before the second event.
        assert old["id"] == first[name]["id"]
        assert stamps(old)[1] == stamps(first[name])[1] < second_arrived <= stamps(new)[1]
        keys = [mail.idempotency_key for mail in mails(stack, emails[name]) if mail.tags["sequence"] == name]
        assert {f"{run.labels['enrolment']}-e1" for run in both[name]} <= set(keys)
        field = {"noshow": "Calendly Event URI", "postcall": "Call Date", "onboarding": "Payment Date"}[name]
        said = {
            "noshow": TWO_EVENTS["noshow"][1]["calendly_event_uri"],
            "postcall": "2025-11-20T09:00:01-05:00",
            "onboarding": "2025-11-20T19:00:00.000+00:00",
        }
        assert new[field] == said[name]


@pytest.mark.parametrize("name", [NAMES[0], *map(long_case, NAMES[1:])])
def test_ten_identical_calls_at_once_are_one_enrolment(stack: Stack, name: str) -> None:
    email = address()
    add_contact(stack, email)
    answers = post_all(stack, [(name, payload(email, name))] * 10)
    assert {code for code, _ in answers} == {200}
    skipped = {"status": "skipped", "reason": DUPLICATE[name], "email": email}
    taken = [answer for _, answer in answers if answer["status"] == "accepted"]
    assert [answer for _, answer in answers if answer["status"] != "accepted"] == [skipped] * (10 - len(taken))
    assert len({answer["execution_id"] for answer in taken}) == len(taken) > 0

    found = enrolments(stack, email, name, len(taken))
    assert sorted(outcome(run)[1:] for run in found) == sorted(
        [("enrolled", None), *[("skipped", DUPLICATE[name])] * (len(taken) - 1)]
    )
    assert {run.state for run in found} == {"SUCCESS"}
    assert emails_of(stack, found).keys() == HOURS[name].keys()
    (page,) = pages(stack, email)
    assert page["Template Type"] == TYPES[name]


@pytest.mark.long
def test_one_address_may_be_in_several_sequences_at_once(stack: Stack) -> None:
    email = address()
    # A purchase would end them.
    names = [name for name in NAMES if name != "onboarding"]
    add_contact(stack, email)
    # The website's own e-mail was sent a day ago, so that the signup's first one is due at once, as the others' are.
    anchor = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=24) / SCALE
    fields: dict[str, dict[str, Any]] = {"signup": {"email_1_sent_at": anchor.isoformat()}}
    arrived = begin_all(stack, [(name, email, fields.get(name, {})) for name in names])
    for name, begun in zip(names, arrived, strict=True):
        (run,) = enrolments(stack, email, name, 1)
        assert outcome(run) == ("SUCCESS", "enrolled", None)
        check_dates(stack, run, name, anchor if name == "signup" else begun)
    delete_waiting_emails(stack, all_but=(1, 2))
    assert sorted(page["Template Type"] for page in pages(stack, email)) == sorted(TYPES[name] for name in names)

    def first_ones() -> dict[str, dict[int, datetime]] | None:
        found = {name: stamps(page) for name in names for page in pages(stack, email, name)}
        return found if all(min(HOURS[name]) in found[name] for name in names) else None

    stamped = until(first_ones, "the first e-mail of each sequence", timeout=90)
    sent = {name: [mail for mail in mails(stack, email) if mail.tags["sequence"] == name] for name in names}
    # What the website sent, and not one of the other first e-mails.
    assert stamped["signup"].pop(1) == anchor
    for name in names:
        assert min(HOURS[name]) in stamped[name]
        assert stamped[name].keys() <= set(numbers(sent[name]))


@pytest.mark.long
def test_another_noshow_a_year_later_is_a_new_sequence(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    a_year_ago = datetime.now(UTC) - timedelta(days=365)
    create(
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

    found = mails(stack, email)
    assert numbers(found) == [1, 2, 3]
    assert old in pages(stack, email)
    (new,) = [page for page in pages(stack, email) if page["id"] != old["id"]]
    assert (new["Template Type"], new["Sequence Completed"]) == ("No-Show Recovery", True)
    for mail in found:
        assert timedelta(0) <= stamps(new)[int(mail.tags["number"])] - mail.received_at < timedelta(seconds=30)


def others_of(name: str, email: str) -> list[dict[str, Any]]:
    """130 pages of an address that are not that of the event in ``support.payload``: 110 of its sequence, 20 of all kinds."""
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
        *(each for each in other * 4 if each["Template Type"] not in (TYPES[name], TYPES["signup"])),
        *({"Email": email, "First Name": "Nobody in particular"} for _ in range(6 if name != "signup" else 2)),
        *({**dict.fromkeys(each.name for each in schema.SEQUENCE_PAGES.properties), "Email": email} for _ in range(6)),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_found_among_130_pages_of_its_address(stack: Stack, name: str) -> None:
    """Notion gives a hundred pages at a time."""
    email = address()
    add_contact(stack, email)
    create(stack, others_of(name, email))
    before = {page["id"] for page in pages(stack, email)}
    assert len(before) == 130
    post_event(stack, name, email, **quiet(name))
    run = enrolled(stack, email, name)
    delete_waiting_emails(stack)
    own = stack.kestra.kv_get(f"page.{run.labels['enrolment']}")
    assert {page["id"] for page in pages(stack, email)} == {*before, own}
    forget(stack, run.labels["enrolment"])

    post_event(stack, name, email, **quiet(name))
    _, again = enrolments(stack, email, name, 2)
    assert outcome(again) == ("SUCCESS", "skipped", DUPLICATE[name])
    assert {page["id"] for page in pages(stack, email)} == {*before, own}


@pytest.mark.long
def test_every_property_of_the_contact_and_of_the_page_may_be_null(stack: Stack) -> None:
    """Fault 9 of the old system: a page with an empty select crashed it."""
    emails = {name: address(name) for name in NAMES}
    no_contact = dict.fromkeys(
        each.name for each in schema.CONTACTS.properties if each.name != notion_names.CONTACT_EMAIL
    )
    no_page = dict.fromkeys(each.name for each in schema.SEQUENCE_PAGES.properties)
    for email in emails.values():
        add_contact(stack, email, **no_contact)
    create(stack, [{**no_page, "Email": email, "Campaign": "Christmas 2025"} for email in emails.values()])
    empty = {name: pages(stack, email)[0] for name, email in emails.items()}
    sent_at = {"email_1_sent_at": (datetime.now(UTC) - timedelta(hours=24) / SCALE).isoformat()}
    begin_all(stack, [(name, email, sent_at if name == "signup" else {}) for name, email in emails.items()])

    for name, email in emails.items():
        found = enrolments(stack, email, name, 1)
        assert outcome(found[0]) == ("SUCCESS", "enrolled", None)
        (page,) = pages(stack, email, name)
        assert (page["First Name"], page["Campaign"]) == ("Ana", "Christmas 2025")
        # Only a signup takes up a page of no sequence.
        assert (page["id"] == empty[name]["id"]) is (name == "signup")
        if name != "signup":
            assert empty[name] in pages(stack, email)
        (mail, *_) = wait_for_mails(stack, email, 1)
        assert numbers([mail]) == [min(HOURS[name])]


@pytest.mark.long
def test_an_event_without_a_contact_is_taken_up_once_there_is_one(stack: Stack) -> None:
    emails = {name: address(name) for name in OTHERS}
    begin_all(stack, [(name, email, {}) for name, email in emails.items()])
    first = {}
    for name, email in emails.items():
        (first[name],) = enrolments(stack, email, name, 1)
        assert outcome(first[name]) == ("WARNING", "skipped", "contact_not_found")
        assert emails_of(stack, [first[name]]) == {}
        assert pages(stack, email) == []
        assert list(find_pages(stack, schema.PORTALS, notion_names.PORTAL_EMAIL, email)) == []
        said = "There is no contact with this address in BusinessX: add it, then run this again. Nothing was sent."
        assert said in [line.message for line in stack.kestra.logs(first[name].id)]
        assert email not in str([line.message for line in stack.kestra.logs(first[name].id)])
        add_contact(stack, email)

    # By hand, with the inputs of that run: with its labels, as Kestra's "replay" keeps them, and without.
    again = {}
    for name in OTHERS:
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
