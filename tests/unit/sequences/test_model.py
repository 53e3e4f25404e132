from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.campaign import facts
from christmas_campaign.sequences import model, registry

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "template", "delays"),
    [
        ("signup", "5-Day E{}", {2: 24 * HOUR, 3: 72 * HOUR, 4: 96 * HOUR, 5: 120 * HOUR}),
        ("noshow", "noshow_recovery_email_{}", {1: HOUR / 12, 2: 24 * HOUR, 3: 48 * HOUR}),
        ("postcall", "postcall_maybe_email_{}", {1: HOUR, 2: 72 * HOUR, 3: 168 * HOUR}),
        ("onboarding", "onboarding_phase1_email_{}", {1: HOUR, 2: 24 * HOUR, 3: 72 * HOUR}),
        ("precall", "precall_email_{}", {1: -72 * HOUR, 2: -24 * HOUR, 3: -2 * HOUR}),
    ],
)
def test_sequence_has_the_emails_of_the_contract(name: str, template: str, delays: dict[int, timedelta]) -> None:
    expected = [(number, delay, template.format(number)) for number, delay in delays.items()]
    assert [tuple(email) for email in registry.sequence(name).emails] == expected


SERVICE = "Christmas Traditional Service"


@pytest.mark.parametrize(
    ("name", "template_type", "answers_as", "duplicate", "event_field", "anchor_field"),
    [
        ("signup", "5-Day Sequence", "Christmas 2025", "already_in_sequence", None, "email_1_sent_at"),
        ("noshow", "No-Show Recovery", SERVICE, "duplicate_noshow_sequence", "calendly_event_uri", None),
        ("postcall", "Post-Call Follow-Up", SERVICE, "duplicate_postcall_sequence", "call_date", None),
        ("onboarding", "Onboarding", SERVICE, "duplicate_onboarding_sequence", "payment_date", None),
        ("precall", "Pre-Call Prep", SERVICE, "duplicate_precall_sequence", "booking_uri", "scheduled_time"),
    ],
)
def test_sequence_has_the_names_of_the_contract(
    name: str, template_type: str, answers_as: str, duplicate: str, event_field: str | None, anchor_field: str | None
) -> None:
    own = registry.sequence(name)
    assert (own.name, own.webhook_key) == (name, f"WEBHOOK_KEY_{name.upper()}")
    assert (own.template_type, own.answers_as, own.duplicate) == (template_type, answers_as, duplicate)
    assert (own.event_field, own.anchor_field) == (event_field, anchor_field)
    is_precall = name == "precall"
    assert (own.only_what_fits, own.event_time_field) == (is_precall, "scheduled_time" if is_precall else None)
    assert own.anchor_ahead.days == (366 if is_precall else 31)


def test_there_are_five_sequences_in_this_order() -> None:
    assert [own.name for own in registry.SEQUENCES] == ["signup", "noshow", "postcall", "onboarding", "precall"]


def test_emails_are_an_hour_apart_and_a_minute_in_testing_mode() -> None:
    assert timedelta(hours=1) == facts.SPACING
    assert timedelta(minutes=1) == facts.TESTING_UNIT


@pytest.mark.parametrize("name", ["", "Signup", "signup "])
def test_unknown_sequence_is_an_error(name: str) -> None:
    with pytest.raises(registry.UnknownSequence, match=f"there is no sequence '{name}'"):
        registry.sequence(name)


@pytest.mark.parametrize(("name", "number"), [("signup", 1), ("signup", 6), ("signup", -2), ("noshow", 0)])
def test_unknown_email_is_an_error(name: str, number: int) -> None:
    with pytest.raises(model.UnknownEmail, match=f"the sequence {name} has no e-mail {number}"):
        registry.sequence(name).email(number)
