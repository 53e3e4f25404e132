from __future__ import annotations

import pytest

from christmas_campaign.alert import alert, failure
from christmas_campaign.intake import Event
from christmas_campaign.reasons import WHAT_TO_DO, Reason
from christmas_campaign.segments import CRITICAL, OPTIMIZE, URGENT, Segment
from unit import build


def test_the_alert_says_who_why_and_what_to_do() -> None:
    event = build.event(red_systems=3, orange_systems=1, business_name="Bảo Sang Beauty Salon")
    assert alert(event, CRITICAL) == {
        "content": "**CRITICAL** (priority 1): Bảo Sang Beauty Salon\n"
        "Several business systems are broken at once. Two or more red systems; money and staff are being lost now.\n"
        "To do: Call within one working day and offer the first free diagnostic slot.\n"
        "Contact: Zoë, zoe@example.com. Score 52 of 100; red 3, orange 1.",
        "allowed_mentions": {"parse": []},
        "flags": 4,
    }


@pytest.mark.parametrize("segment", [URGENT, OPTIMIZE])
def test_the_other_segments_raise_none(segment: Segment) -> None:
    assert alert(build.event(), segment) is None


def test_a_long_name_does_not_outgrow_discord() -> None:
    event = build.event(first_name="a" * 2_000, business_name="b\n" * 900)
    body = alert(event, CRITICAL)
    assert body is not None
    content = str(body["content"])
    assert len(content) < 1_000
    assert f"Contact: {'a' * 199}…, zoe@example.com" in content
    assert content.count("\n") == 3
    exact = alert(build.event(first_name="a" * 200), CRITICAL)
    assert exact is not None
    assert f"Contact: {'a' * 200}, zoe" in str(exact["content"])


ID = "signup-a2f7e0ca3f2dd1e0686380cb"
CONTACT = "7ece2a81c666152c41fce3d8"


def test_a_failed_email_is_told_with_its_reason_and_what_to_do() -> None:
    assert failure(build.event(), ID, 3, Reason.TEMPLATE_MISSING, "There is no active template.") == {
        "key": f"{ID}.3.template_missing",
        "message": f"**Failed**: E-mail 3 of signup (contact {CONTACT}): template_missing.\n"
        "There is no active template.\n"
        "To do: Make the template in Email Templates, or set its Status to Active; then `christmas replay`."
        " `christmas failures` lists all.",
    }


def test_a_failed_enrolment_is_told_the_same_way() -> None:
    event = build.event("noshow")
    assert failure(event, event.id, None, Reason.CONTACT_NOT_FOUND, "There is no contact.") == {
        "key": f"{event.id}.0.contact_not_found",
        "message": f"**Failed**: An enrolment of noshow (contact {CONTACT}): contact_not_found.\n"
        "There is no contact.\n"
        "To do: Add the contact to BusinessX, with this address; then `christmas replay`."
        " `christmas failures` lists all.",
    }


def test_what_nobody_knows_any_more_is_told_by_its_id() -> None:
    assert failure(None, ID, 2, Reason.ENROLMENT_UNKNOWN, "What the webhook said is not kept.") == {
        "key": f"{ID}.2.enrolment_unknown",
        "message": f"**Failed**: E-mail 2 of {ID}: enrolment_unknown.\n"
        "What the webhook said is not kept.\n"
        "To do: Have the event posted again: what it said is kept for 30 days after the last e-mail was due."
        " `christmas failures` lists all.",
    }


def test_without_a_detail_there_is_no_empty_line() -> None:
    said = failure(build.event(), ID, 2, Reason.STEP_FAILED, "")["message"]
    assert said.split("\n") == [
        f"**Failed**: E-mail 2 of signup (contact {CONTACT}): step_failed.",
        "To do: The execution's log says which task failed, and why; mend it, then `christmas replay`."
        " `christmas failures` lists all.",
    ]


@pytest.mark.parametrize("event", [build.event(), build.event("postcall"), None])
@pytest.mark.parametrize("reason", WHAT_TO_DO)
def test_every_reason_that_waits_for_a_person_can_be_told_and_names_nobody(reason: Reason, event: Event | None) -> None:
    said = failure(event, ID, 2, reason, "Why.")
    assert said["key"] == f"{ID}.2.{reason.value}"
    assert said["message"].split("\n")[0].endswith(f": {reason.value}.")
    assert said["message"].split("\n")[1:] == ["Why.", f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all."]
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
        f"**Failed**: E-mail 2 of signup (contact {CONTACT}): value_missing.",
        f"{detail[:999]}…",
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
    message = failure(build.event("onboarding"), ID, 2, reason, "x" * length)["message"]
    assert message.split("\n")[1:] == [said, f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all."]
    assert len(message) <= 2_000
