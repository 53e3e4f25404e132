from __future__ import annotations

import pytest

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.campaign.segments import CRITICAL, OPTIMIZE, URGENT, Segment
from christmas_campaign.enrolment.alerts import Pages, failure, signup_alert, subject
from christmas_campaign.events.intake import Event
from unit import build


def test_the_alert_says_who_why_and_what_to_do() -> None:
    event = build.event(red_systems=3, orange_systems=1, business_name="Bảo Sang Beauty Salon")
    assert signup_alert(event, CRITICAL) == {
        "content": "**CRITICAL** (priority 1): Bảo Sang Beauty Salon\n"
        "Several business systems are broken at once. Two or more red systems; money and staff are being lost now.\n"
        "To do: Call within one working day and offer the first free diagnostic slot.\n"
        "Contact: Zoë, zoe@example.com. Score 52 of 100; red 3, orange 1.",
        "allowed_mentions": {"parse": []},
        "flags": 4,
    }


@pytest.mark.parametrize("segment", [URGENT, OPTIMIZE])
def test_the_other_segments_raise_none(segment: Segment) -> None:
    assert signup_alert(build.event(), segment) is None


def test_a_long_name_does_not_outgrow_discord() -> None:
    event = build.event(first_name="a" * 2_000, business_name="b\n" * 900)
    body = signup_alert(event, CRITICAL)
    assert body is not None
    content = str(body["content"])
    assert len(content) < 1_000
    assert f"Contact: {'a' * 199}…, zoe@example.com" in content
    assert content.count("\n") == 3
    exact = signup_alert(build.event(first_name="a" * 200), CRITICAL)
    assert exact is not None
    assert f"Contact: {'a' * 200}, zoe" in str(exact["content"])


ID = "signup-a2f7e0ca3f2dd1e0686380cb"
CONTACT = "7ece2a81c666152c41fce3d8"


PAGES = Pages(sequence="9f1ccc60-dd69-4393-bd85-78315608f4be", contact="c329f1ea-3618-430e-b2e0-4c2f1af2d849")
LINK, CONTACT_LINK = (f"https://www.notion.so/{str(each).replace('-', '')}" for each in PAGES)


def test_alert_of_an_email_names_the_sequence_the_email_the_template_and_the_page() -> None:
    assert failure(build.event(), ID, 3, Reason.TEMPLATE_MISSING, "There is no active template.", PAGES) == {
        "key": f"{ID}.3.template_missing",
        "message": "**Failed**: signup, e-mail 3 of 5 (template 5-Day E3): template_missing.\n"
        "There is no active template.\n"
        f"Contact {CONTACT}: {LINK}.\n"
        "To do: Create the template in Email Templates, or set its Status to Active; then `christmas replay`."
        " `christmas failures` lists all.",
    }


@pytest.mark.parametrize(
    ("pages", "where"),
    [
        (PAGES, LINK),
        (PAGES._replace(contact=None), LINK),
        (PAGES._replace(sequence=None), f"no page in Email Sequence yet; in BusinessX {CONTACT_LINK}"),
        (Pages(), "no page in Notion is known"),
        (None, "no page in Notion is known"),
    ],
)
def test_alert_of_an_enrolment_names_the_sequence_and_the_page_that_there_is(pages: Pages | None, where: str) -> None:
    event = build.event("noshow")
    assert failure(event, event.id, None, Reason.CONTACT_NOT_FOUND, "There is no contact.", pages) == {
        "key": f"{event.id}.0.contact_not_found",
        "message": "**Failed**: noshow, the enrolment: contact_not_found.\n"
        "There is no contact.\n"
        f"Contact {CONTACT}: {where}.\n"
        "To do: Add the contact to BusinessX, with this address; then `christmas replay`."
        " `christmas failures` lists all.",
    }


def test_alert_of_an_enrolment_that_is_not_kept_has_its_id() -> None:
    lines = failure(None, ID, 2, Reason.ENROLMENT_UNKNOWN, "It is not kept.")["message"].split("\n")
    assert lines[0] == "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): enrolment_unknown."
    assert lines[2] == f"Contact of the enrolment {ID}: no page in Notion is known."


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("signup", None, "signup, the enrolment"),
        ("noshow", 1, "noshow, e-mail 1 of 3 (template noshow_recovery_email_1)"),
        ("signup", 9, "signup, e-mail 9"),
        ("another", 1, "another, e-mail 1"),
    ],
)
def test_subject_names_the_email_as_far_as_it_is_known(name: str, number: int | None, words: str) -> None:
    assert subject(name, number) == words


def test_without_a_detail_there_is_no_empty_line() -> None:
    said = failure(build.event(), ID, 2, Reason.STEP_FAILED, "", PAGES)["message"]
    assert said.split("\n") == [
        "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): step_failed.",
        f"Contact {CONTACT}: {LINK}.",
        "To do: Read in the execution's log which task failed and why; correct the cause, then `christmas replay`."
        " `christmas failures` lists all.",
    ]


@pytest.mark.parametrize("event", [build.event(), build.event("postcall"), None])
@pytest.mark.parametrize("reason", WHAT_TO_DO)
def test_every_reason_that_waits_for_a_person_can_be_told_and_names_nobody(reason: Reason, event: Event | None) -> None:
    said = failure(event, ID, 2, reason, "Why.")
    assert said["key"] == f"{ID}.2.{reason.value}"
    assert said["message"].split("\n")[0].endswith(f": {reason.value}.")
    lines = said["message"].split("\n")
    assert lines[1] == "Why."
    assert lines[3:] == [f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all."]
    assert not [word for word in ("zoe", "Zoë", "example.com", "Sang") if word in said["message"]]


def test_the_same_failure_has_the_same_key_and_no_other() -> None:
    keys = [
        failure(event, enrolment, number, reason, detail)["key"]
        for event, enrolment, number, reason, detail in (
            (build.event(), ID, 2, Reason.VALUE_MISSING, "Once."),
            (None, ID, 2, Reason.VALUE_MISSING, "Again, in other words."),
            (build.event(), ID, 3, Reason.VALUE_MISSING, "Once."),
            (build.event(), ID, None, Reason.VALUE_MISSING, "Once."),
            (build.event(), ID, 2, Reason.TEMPLATE_EMPTY, "Once."),
            (build.event(), "signup-abc", 2, Reason.VALUE_MISSING, "Once."),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5


def test_a_long_detail_does_not_outgrow_discord() -> None:
    """A template of which every placeholder lacks its value."""
    detail = "; ".join(f"no value for {{{{a_name_of_a_placeholder_{number}}}}}" for number in range(60))
    said = failure(build.event(), ID, 2, Reason.VALUE_MISSING, detail)["message"]
    assert said.split("\n") == [
        "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): value_missing.",
        f"{detail[:999]}…",
        f"Contact {CONTACT}: no page in Notion is known.",
        f"To do: {WHAT_TO_DO[Reason.VALUE_MISSING]} `christmas failures` lists all.",
    ]
    assert len(said) <= 2_000


@pytest.mark.parametrize(
    ("length", "said"), [(999, "x" * 999), (1_000, "x" * 1_000), (1_001, f"{'x' * 999}…"), (5_000, f"{'x' * 999}…")]
)
@pytest.mark.parametrize("reason", WHAT_TO_DO)
def test_a_detail_is_shortened_to_a_thousand_characters_and_what_to_do_is_left_whole(
    reason: Reason, length: int, said: str
) -> None:
    message = failure(build.event("onboarding"), ID, 2, reason, "x" * length, PAGES)["message"]
    lines = message.split("\n")
    assert (lines[1], lines[3:]) == (said, [f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all."])
    assert len(message) <= 2_000
