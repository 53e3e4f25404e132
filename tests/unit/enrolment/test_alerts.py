from __future__ import annotations

import pytest

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Reason
from christmas_campaign.campaign.segments import CRITICAL, OPTIMIZE, URGENT, Segment
from christmas_campaign.enrolment.alerts import Pages, failure, signup_alert, subject, warning
from christmas_campaign.events.intake import Event
from unit import build

ID, CONTACT = build.WHO["enrolment"], build.WHO["contact"]
PAGES = Pages(sequence="9f1ccc60-dd69-4393-bd85-78315608f4be", contact="c329f1ea-3618-430e-b2e0-4c2f1af2d849")
PAGE_LINK, CONTACT_LINK = (f"https://www.notion.so/{str(page_id).replace('-', '')}" for page_id in PAGES)


def test_signup_alert_names_segment_contact_and_action() -> None:
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
def test_other_segments_raise_no_signup_alert(segment: Segment) -> None:
    assert signup_alert(build.event(), segment) is None


def test_long_name_in_a_signup_alert_is_one_line_of_at_most_200_characters() -> None:
    def lines(**fields: str) -> list[str]:
        # Events of executions from before the check of names may have names of any length.
        body = signup_alert(build.event()._replace(fields={**build.event().fields, **fields}), CRITICAL)
        assert body is not None
        return str(body["content"]).split("\n")

    long = lines(first_name="a" * 201, business_name="b\n" * 900)
    assert long[0] == f"**CRITICAL** (priority 1): {'b ' * 99}b…"
    assert long[3].startswith(f"Contact: {'a' * 199}…, zoe@example.com")
    assert f"Contact: {'a' * 200}, zoe@example.com" in lines(first_name="a" * 200)[3]


def test_alert_about_an_email_names_reason_template_page_and_action() -> None:
    assert failure(build.event(), ID, 3, Reason.TEMPLATE_MISSING, "There is no active template.", PAGES) == {
        "key": f"{ID}.3.template_missing",
        "message": "**Failed**: signup, e-mail 3 of 5 (template 5-Day E3): template_missing.\n"
        "There is no active template.\n"
        f"Contact {CONTACT}: {PAGE_LINK}.\n"
        f"To do: {WHAT_TO_DO[Reason.TEMPLATE_MISSING]} `christmas failures` lists all.",
    }


@pytest.mark.parametrize(
    ("pages", "link"),
    [
        (PAGES, PAGE_LINK),
        (PAGES._replace(contact=None), PAGE_LINK),
        (PAGES._replace(sequence=None), f"no page in Email Sequence yet; in BusinessX {CONTACT_LINK}"),
        (Pages(), "no page in Notion is known"),
        (None, "no page in Notion is known"),
    ],
)
def test_alert_about_an_enrolment_links_to_the_page_that_exists(pages: Pages | None, link: str) -> None:
    event = build.event("noshow")
    assert failure(event, event.id, None, Reason.CONTACT_NOT_FOUND, "", pages) == {
        "key": f"{event.id}.0.contact_not_found",
        "message": "**Failed**: noshow, the enrolment: contact_not_found.\n"
        f"Contact {CONTACT}: {link}.\n"
        f"To do: {WHAT_TO_DO[Reason.CONTACT_NOT_FOUND]} `christmas failures` lists all.",
    }


def test_alert_without_the_event_names_the_enrolment() -> None:
    lines = failure(None, ID, 2, Reason.ENROLMENT_UNKNOWN, "There is no record.")["message"].split("\n")
    assert lines[0] == "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): enrolment_unknown."
    assert lines[2] == f"Contact of the enrolment {ID}: no page in Notion is known."


def test_alert_about_a_cancellation_without_the_event_names_the_sequence() -> None:
    message = failure(None, "precall-1f0c-cancelled", None, Reason.NOTION_UNREACHABLE, "No answer.")["message"]
    assert message.startswith("**Failed**: precall, the enrolment: notion_unreachable.")


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("noshow", 1, "noshow, e-mail 1 of 3 (template noshow_recovery_email_1)"),
        ("signup", 9, "signup, e-mail 9"),
        ("another", 1, "another, e-mail 1"),
    ],
)
def test_subject_names_the_template_if_this_release_has_it(name: str, number: int, words: str) -> None:
    assert subject(name, number) == words


@pytest.mark.parametrize("event", [build.event("onboarding"), None])
@pytest.mark.parametrize("reason", WHAT_TO_DO)
def test_alert_with_a_long_detail_fits_and_contains_no_personal_data(reason: Reason, event: Event | None) -> None:
    for length, detail in ((1_000, "x" * 1_000), (1_001, f"{'x' * 999}…")):
        message = failure(event, ID, 2, reason, "x" * length, PAGES)["message"]
        lines = message.split("\n")
        assert lines[0].startswith(f"**Failed**: {'onboarding' if event else 'signup'}, e-mail 2 of ")
        assert lines[0].endswith(f": {reason.value}.")
        assert (lines[1], lines[3:]) == (detail, [f"To do: {WHAT_TO_DO[reason]} `christmas failures` lists all."])
        assert len(message) <= 2_000, "Discord's limit"
        assert not [word for word in ("zoe", "Zoë", "example.com", "Sang") if word in message]


def test_key_is_the_same_only_for_the_same_failure() -> None:
    keys = [
        failure(event, enrolment, number, reason, detail)["key"]
        for event, enrolment, number, reason, detail in (
            (build.event(), ID, 2, Reason.VALUE_MISSING, "A detail."),
            (None, ID, 2, Reason.VALUE_MISSING, "The same in other words."),
            (build.event(), ID, 3, Reason.VALUE_MISSING, "A detail."),
            (build.event(), ID, None, Reason.VALUE_MISSING, "A detail."),
            (build.event(), ID, 2, Reason.TEMPLATE_EMPTY, "A detail."),
            (build.event(), "signup-abc", 2, Reason.VALUE_MISSING, "A detail."),
        )
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 5


def test_signup_alert_without_a_usable_name_has_the_default() -> None:
    body = signup_alert(build.event(first_name="You won https://spam.example.com"), CRITICAL)
    assert body is not None
    assert "Contact: there, zoe@example.com." in str(body["content"])


def test_warning_is_sent_once_for_an_enrolment() -> None:
    message = warning(build.event(), "Look at this.", Pages(contact="contact-1"))
    assert message["message"].split("\n") == [
        "**Warning**: signup, the enrolment.",
        "Look at this.",
        f"Contact {CONTACT}: no page in Email Sequence yet; in BusinessX https://www.notion.so/contact1.",
    ]
    assert message["key"] == f"{build.event().id}.0.warning"
