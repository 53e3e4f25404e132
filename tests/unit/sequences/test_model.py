from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.campaign import facts
from christmas_campaign.sequences import model, registry

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "emails"),
    [
        (
            "signup",
            [
                (2, 24 * HOUR, "5-Day E2"),
                (3, 72 * HOUR, "5-Day E3"),
                (4, 96 * HOUR, "5-Day E4"),
                (5, 120 * HOUR, "5-Day E5"),
            ],
        ),
        (
            "noshow",
            [
                (1, 5 * MINUTE, "noshow_recovery_email_1"),
                (2, 24 * HOUR, "noshow_recovery_email_2"),
                (3, 48 * HOUR, "noshow_recovery_email_3"),
            ],
        ),
        (
            "postcall",
            [
                (1, 1 * HOUR, "postcall_maybe_email_1"),
                (2, 72 * HOUR, "postcall_maybe_email_2"),
                (3, 168 * HOUR, "postcall_maybe_email_3"),
            ],
        ),
        (
            "onboarding",
            [
                (1, 1 * HOUR, "onboarding_phase1_email_1"),
                (2, 24 * HOUR, "onboarding_phase1_email_2"),
                (3, 72 * HOUR, "onboarding_phase1_email_3"),
            ],
        ),
        (
            "precall",
            [
                (1, -72 * HOUR, "precall_email_1"),
                (2, -24 * HOUR, "precall_email_2"),
                (3, -2 * HOUR, "precall_email_3"),
            ],
        ),
    ],
)
def test_which_emails_after_how_long_from_which_template(name: str, emails: list[tuple[int, timedelta, str]]) -> None:
    assert [tuple(email) for email in registry.sequence(name).emails] == emails


@pytest.mark.parametrize(
    ("name", "template_type", "answers_as", "duplicate", "event_field", "anchor_field"),
    [
        ("signup", "5-Day Sequence", "Christmas 2025", "already_in_sequence", None, "email_1_sent_at"),
        (
            "noshow",
            "No-Show Recovery",
            "Christmas Traditional Service",
            "duplicate_noshow_sequence",
            "calendly_event_uri",
            None,
        ),
        (
            "postcall",
            "Post-Call Follow-Up",
            "Christmas Traditional Service",
            "duplicate_postcall_sequence",
            "call_date",
            None,
        ),
        (
            "onboarding",
            "Onboarding",
            "Christmas Traditional Service",
            "duplicate_onboarding_sequence",
            "payment_date",
            None,
        ),
        (
            "precall",
            "Pre-Call Prep",
            "Christmas Traditional Service",
            "duplicate_precall_sequence",
            "booking_uri",
            "scheduled_time",
        ),
    ],
)
def test_what_else_a_sequence_is(
    name: str, template_type: str, answers_as: str, duplicate: str, event_field: str | None, anchor_field: str | None
) -> None:
    found = registry.sequence(name)
    assert found.name == name
    assert found.template_type == template_type
    assert found.answers_as == answers_as
    assert found.duplicate == duplicate
    assert found.event_field == event_field
    assert found.anchor_field == anchor_field


def test_the_webhooks_keys_are_the_secrets_of_the_contract() -> None:
    assert [found.webhook_key for found in registry.SEQUENCES] == [
        "WEBHOOK_KEY_SIGNUP",
        "WEBHOOK_KEY_NOSHOW",
        "WEBHOOK_KEY_POSTCALL",
        "WEBHOOK_KEY_ONBOARDING",
        "WEBHOOK_KEY_PRECALL",
    ]


def test_there_are_five_sequences() -> None:
    assert [found.name for found in registry.SEQUENCES] == ["signup", "noshow", "postcall", "onboarding", "precall"]


def test_only_the_emails_before_a_call_are_left_out_when_it_is_too_late() -> None:
    assert [found.name for found in registry.SEQUENCES if found.only_what_fits] == ["precall"]
    assert [found.name for found in registry.SEQUENCES if found.event_time_field] == ["precall"]
    assert registry.sequence("precall").event_time_field == "scheduled_time"
    ahead = {found.name: found.anchor_ahead.days for found in registry.SEQUENCES}
    assert ahead == {"signup": 31, "noshow": 31, "postcall": 31, "onboarding": 31, "precall": 366}


def test_emails_keep_an_hour_apart_and_a_minute_in_testing_mode() -> None:
    assert timedelta(hours=1) == facts.SPACING
    assert timedelta(minutes=1) == facts.TESTING_UNIT


@pytest.mark.parametrize("name", ["", "Signup", "christmas", "signup "])
def test_an_unknown_sequence_is_an_error_and_never_another_one(name: str) -> None:
    with pytest.raises(registry.UnknownSequence, match="there is no sequence"):
        registry.sequence(name)


@pytest.mark.parametrize(
    ("name", "number"), [("signup", 1), ("signup", 0), ("signup", 6), ("signup", -2), ("noshow", 0), ("noshow", 4)]
)
def test_a_number_outside_the_sequence_is_an_error_and_never_another_template(name: str, number: int) -> None:
    with pytest.raises(model.UnknownEmail, match=f"the sequence {name} has no e-mail {number}"):
        registry.sequence(name).email(number)
