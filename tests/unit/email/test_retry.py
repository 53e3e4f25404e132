from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import retry
from christmas_campaign.email.gate import KEY_HOLDS
from christmas_campaign.email.retry import GivenUp, PutOff
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE

WORDS = {
    Reason.NOTION_UNREACHABLE: "Notion could not be reached, or was not ready to answer",
    Reason.RESEND_UNREACHABLE: "Resend could not be reached, or was not ready to take the e-mail",
    Reason.SEND_IN_PROGRESS: "Resend is still busy with this e-mail",
    Reason.STOPS_CHANGED: "The contact's suppressions changed right before the e-mail was sent",
    Reason.ANALYTICS_PAGE_MISSING: "Email Analytics has no page for this e-mail",
}


@pytest.mark.parametrize(
    ("tries", "minutes"), [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (10, 30), (12, 30), (47, 30)]
)
def test_wait_doubles_up_to_half_an_hour(tries: int, minutes: int) -> None:
    assert retry.wait(tries, Settings()) == minutes * MINUTE


@pytest.mark.parametrize("tries", [48, 1_000_000])
def test_there_is_no_wait_after_the_last_retry(tries: int) -> None:
    assert retry.wait(tries, Settings(time_scale=14_400)) is None


def test_retries_end_an_hour_before_the_idempotency_key_expires() -> None:
    waits = [retry.wait(tries, Settings()) for tries in range(retry.TRIES)]
    assert sum((wait for wait in waits if wait is not None), timedelta(0)) == 22 * HOUR + MINUTE
    assert KEY_HOLDS == 23 * HOUR


@pytest.mark.parametrize(
    ("tries", "scale", "seconds"), [(0, 29, 60 / 29), (0, 31, 2), (2, 60, 4), (47, 60, 30), (47, 1_000_000, 2)]
)
def test_time_scale_divides_the_wait_down_to_two_seconds(tries: int, scale: float, seconds: float) -> None:
    assert retry.wait(tries, Settings(time_scale=scale)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("reason", WORDS)
def test_temporary_failure_is_retried_and_then_given_up(reason: Reason) -> None:
    again = retry.put_off(reason, 47, Settings(), NOW)
    assert again == PutOff(reason, f"{WORDS[reason]}. It is tried again.", NOW + 30 * MINUTE, 48)
    assert again.outcome is Outcome.DEFERRED
    last = retry.put_off(reason, 48, Settings(), NOW)
    assert last == GivenUp(reason, f"{WORDS[reason]}, for as long as it was tried: 49 times.")
    assert last.outcome is Outcome.FAILED


def test_lower_limit_of_tries_gives_up_sooner() -> None:
    assert isinstance(retry.put_off(Reason.ANALYTICS_PAGE_MISSING, 2, Settings(), NOW, 3), PutOff)
    assert isinstance(retry.put_off(Reason.ANALYTICS_PAGE_MISSING, 3, Settings(), NOW, 3), GivenUp)
