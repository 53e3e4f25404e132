from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from christmas_campaign import gate
from christmas_campaign.enrolment import Record, Settled
from christmas_campaign.reasons import Outcome, Reason
from christmas_campaign.sequences import UnknownEmail
from christmas_campaign.settings import Settings
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE
DAY_AGO = NOW - 24 * HOUR


def ask(
    number: int = 3,
    *,
    record: Record | None = None,
    known: bool = True,
    page_id: str | None = "page-1",
    own: Settled | None = None,
    before: Settled | None = None,
    settings: Settings = build.SETTINGS,
    now: datetime = NOW,
) -> dict[str, Any]:
    kept = (record or build.record()) if known else None
    return gate.gate(number, record=kept, page_id=page_id, own=own, before=before, settings=settings, now=now)


def sent(at: datetime = DAY_AGO) -> Settled:
    return Settled(Outcome.SENT, at, resend_id="re_1")


@pytest.mark.parametrize(("number", "template"), [(2, "5-Day E2"), (3, "5-Day E3"), (5, "5-Day E5")])
def test_an_email_whose_turn_has_come_asks_for_its_template(number: int, template: str) -> None:
    assert ask(number, before=None if number == 2 else sent()) == {
        "go": True,
        "page_path": "/v1/pages/page-1",
        "templates_path": "/v1/data_sources/source-templates/query",
        "template_query": {
            "filter": {
                "and": [
                    {"property": "Template Name", "title": {"equals": template}},
                    {"property": "Status", "select": {"equals": "Active"}},
                ]
            }
        },
    }


@pytest.mark.parametrize("name", ["noshow", "postcall", "onboarding"])
def test_the_first_email_waits_for_none(name: str) -> None:
    assert ask(1, record=build.record(name))["go"] is True


@pytest.mark.parametrize("lost", [{"known": False}, {"page_id": None}, {"known": False, "page_id": None}])
def test_an_enrolment_that_is_no_longer_kept_needs_a_person(lost: dict[str, Any]) -> None:
    assert ask(3, own=sent(), **lost) == {
        "go": False,
        "outcome": "failed",
        "reason": "enrolment_unknown",
        "detail": "What the webhook said is not kept, or no longer: it is for 30 days after the last e-mail was due.",
    }


def test_what_was_sent_is_not_sent_again_even_if_the_one_before_it_is_unsettled() -> None:
    assert ask(3, own=sent(), before=None) == {
        "go": False,
        "outcome": "skipped",
        "reason": "already_sent",
        "detail": "Sent at 2025-11-19T15:00:00.000Z.",
    }


@pytest.mark.parametrize(
    "own", [Settled(Outcome.FAILED, DAY_AGO, Reason.VALUE_MISSING), Settled(Outcome.SKIPPED, DAY_AGO)]
)
def test_what_failed_or_was_skipped_can_be_replayed(own: Settled) -> None:
    assert ask(3, own=own, before=sent())["go"] is True


@pytest.mark.parametrize(
    ("settings", "date"),
    [
        (build.SETTINGS, NOW + HOUR),
        (Settings(testing_mode=True), NOW + MINUTE),
        (Settings(time_scale=1_200), NOW + timedelta(seconds=3)),
        # Kestra looks once a second, and an e-mail takes another to be settled.
        (Settings(time_scale=14_400), NOW + timedelta(seconds=2)),
    ],
)
def test_an_email_waits_for_the_one_before_it(settings: Settings, date: datetime) -> None:
    assert ask(3, before=None, settings=settings) == {
        "go": False,
        "outcome": "deferred",
        "reason": "earlier_email_unsettled",
        "detail": "E-mail 2 is neither sent nor skipped nor failed for good.",
        "date": date.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.SKIPPED, Outcome.FAILED])
def test_an_email_keeps_its_distance_from_the_one_before_it(outcome: Outcome) -> None:
    assert ask(3, before=Settled(outcome, NOW - HOUR / 4)) == {
        "go": False,
        "outcome": "deferred",
        "reason": "too_soon",
        "detail": "E-mail 2 was settled at 2025-11-20T14:45:00.000Z.",
        "date": "2025-11-20T15:45:00.000Z",
    }


@pytest.mark.parametrize(
    ("ago", "settings", "go"),
    [
        (HOUR, build.SETTINGS, True),
        (HOUR - timedelta(seconds=1), build.SETTINGS, False),
        (MINUTE, Settings(testing_mode=True), True),
        (MINUTE - timedelta(seconds=1), Settings(testing_mode=True), False),
        (timedelta(seconds=0.25), Settings(time_scale=14_400), True),
        (timedelta(seconds=0.24), Settings(time_scale=14_400), False),
    ],
)
def test_the_distance_is_exactly_the_spacing(ago: timedelta, settings: Settings, go: bool) -> None:
    assert ask(3, before=sent(NOW - ago), settings=settings)["go"] is go


def test_an_email_whose_predecessor_was_sent_before_the_enrolment_does_not_wait() -> None:
    assert ask(3, record=build.record(emails={3: NOW, 4: NOW, 5: NOW}), before=None)["go"] is True


def test_an_email_waits_for_the_one_before_it_in_the_record() -> None:
    """Adopted with E3 sent and E2 not: E4 comes after E2."""
    record = build.record(emails={2: NOW, 4: NOW, 5: NOW})
    unsettled = ask(4, record=record, before=None)
    assert (unsettled["go"], unsettled["reason"]) == (False, "earlier_email_unsettled")
    assert unsettled["detail"] == "E-mail 2 is neither sent nor skipped nor failed for good."
    soon = ask(4, record=record, before=sent(NOW - HOUR / 4))
    assert (soon["go"], soon["reason"], soon["date"]) == (False, "too_soon", "2025-11-20T15:45:00.000Z")
    assert soon["detail"] == "E-mail 2 was settled at 2025-11-20T14:45:00.000Z."
    assert ask(4, record=record, before=sent(NOW - HOUR))["go"] is True


@pytest.mark.parametrize("number", [0, 1, 6])
def test_a_number_outside_the_sequence_is_an_error(number: int) -> None:
    with pytest.raises(UnknownEmail):
        ask(number)
