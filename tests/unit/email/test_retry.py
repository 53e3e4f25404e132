from __future__ import annotations

from datetime import timedelta

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import retry
from christmas_campaign.email.gate import KEY_HOLDS
from christmas_campaign.email.retry import GivenUp, PutOff
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE

#: What the three that pass say.
WORDS = {
    Reason.NOTION_UNREACHABLE: "Notion could not be reached, or was not ready to answer",
    Reason.RESEND_UNREACHABLE: "Resend could not be reached, or was not ready to take the e-mail",
    Reason.SEND_IN_PROGRESS: "Resend is still busy with this e-mail",
    Reason.ANALYTICS_PAGE_MISSING: "Email Analytics has no page for this e-mail",
}


@pytest.mark.parametrize(
    ("tries", "minutes"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (6, 30), (9, 30), (10, 30), (11, 30), (12, 30), (47, 30)],
)
@pytest.mark.parametrize("settings", [Settings(), Settings(testing_mode=True)])
def test_each_wait_is_twice_the_one_before_it_up_to_half_an_hour(tries: int, minutes: int, settings: Settings) -> None:
    assert retry.wait(tries, settings) == minutes * MINUTE


@pytest.mark.parametrize("tries", [48, 49, 1_000_000])
@pytest.mark.parametrize("settings", [Settings(), Settings(time_scale=14_400)])
def test_after_so_many_times_nobody_waits_any_more(tries: int, settings: Settings) -> None:
    assert retry.wait(tries, settings) is None


def test_what_may_be_put_off_less_often_is_given_up_sooner() -> None:
    assert retry.wait(2, Settings(), 3) == 4 * MINUTE
    assert retry.wait(3, Settings(), 3) is None
    soon = retry.put_off(Reason.ANALYTICS_PAGE_MISSING, 2, Settings(), build.NOW, 3)
    assert isinstance(soon, PutOff)
    assert (soon.outcome, soon.tries) == ("deferred", 3)
    assert retry.put_off(Reason.ANALYTICS_PAGE_MISSING, 3, Settings(), build.NOW, 3) == GivenUp(
        Reason.ANALYTICS_PAGE_MISSING,
        "Email Analytics has no page for this e-mail, for as long as it was tried: 4 times.",
    )


def test_it_is_tried_for_as_long_as_an_idempotency_key_is_relied_on_and_no_longer() -> None:
    """An hour less: the last try takes its time, too."""
    waits = [retry.wait(tries, Settings()) for tries in range(retry.TRIES)]
    whole = sum((each for each in waits if each is not None), timedelta(0))
    assert whole == 22 * HOUR + MINUTE
    assert KEY_HOLDS - HOUR <= whole < KEY_HOLDS


@pytest.mark.parametrize(
    ("tries", "scale", "seconds"),
    [
        (0, 29, 60 / 29),
        (0, 30, 2),
        # Kestra looks once a second, and an e-mail takes another to be settled.
        (0, 31, 2),
        (1, 60, 2),
        (2, 60, 4),
        (4, 60, 16),
        (5, 60, 30),
        (47, 60, 30),
        (47, 14_400, 2),
        (47, 1_000_000, 2),
    ],
)
def test_the_scale_divides_a_wait_but_two_seconds_stay(tries: int, scale: float, seconds: float) -> None:
    assert retry.wait(tries, Settings(time_scale=scale)) == timedelta(seconds=seconds)


@pytest.mark.parametrize("reason", WORDS)
@pytest.mark.parametrize(
    ("tries", "settings", "date"),
    [
        (0, Settings(), "2025-11-20T15:01:00.000Z"),
        (1, Settings(), "2025-11-20T15:02:00.000Z"),
        (47, Settings(), "2025-11-20T15:30:00.000Z"),
        (0, Settings(time_scale=14_400), "2025-11-20T15:00:02.000Z"),
        (5, Settings(time_scale=60), "2025-11-20T15:00:30.000Z"),
    ],
)
def test_what_passes_is_put_off_and_counted(reason: Reason, tries: int, settings: Settings, date: str) -> None:
    later = retry.put_off(reason, tries, settings, NOW)
    assert later.outcome is Outcome.DEFERRED
    assert later == PutOff(reason, f"{WORDS[reason]}. It is tried again.", times.parse(date), tries + 1)


@pytest.mark.parametrize("reason", WORDS)
@pytest.mark.parametrize(("tries", "count"), [(48, 49), (77, 78)])
def test_what_does_not_pass_needs_a_person(reason: Reason, tries: int, count: int) -> None:
    last = retry.put_off(reason, tries, Settings(), NOW)
    assert last.outcome is Outcome.FAILED
    assert last == GivenUp(reason, f"{WORDS[reason]}, for as long as it was tried: {count} times.")
