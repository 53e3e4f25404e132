"""Set the engine's clock: days forward, and an hour back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import SCALE, address, enrolled, numbers, payload, post, sign_up, wait_for_mails

from christmas_campaign.local.stack import Stack
from faults.account import Expected, settle_the_account
from faults.breaking import Clock, delayed_call
from faults.people import (
    SIGNUP,
    about_to_get_the_last,
    addresses,
    anchored,
    settled,
    sign_up_all,
    sleep_until,
    wait_until_enrolled,
)

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that can be set."""
    return Clock(tmp_path)


@pytest.mark.timeout(240)
def test_04_the_same_webhook_comes_again_three_days_later(tmp_path: Path, clock: Clock) -> None:
    """The event is still known: "skipped". Each e-mail arrives once, in real days."""
    with Stack(tmp_path / "stack", time_scale=1, settings=clock.settings) as stack:
        email = address()
        enrolment = Expected(email).enrolment
        begun = sign_up(stack, email)
        enrolled(stack, email)
        for count, days in enumerate((1, 3), 1):
            clock.set(days * DAY + 60)
            assert numbers(wait_for_mails(stack, email, count)) == [2, 3][:count]
            # The spacing to the next e-mail begins when this one is settled.
            settled(stack, email, count + 1)
        code, answer = post(stack, payload(email))
        assert (code, answer["status"], answer["reason"]) == (200, "skipped", "already_in_sequence")
        sent_at = stack.kestra.kv_get(f"mail.{enrolment}.3")["at"]
        assert datetime.fromisoformat(sent_at) - begun >= timedelta(days=3)
        for count, days in enumerate((4, 5), 3):
            clock.set(days * DAY + 60)
            wait_for_mails(stack, email, count)
            settled(stack, email, count + 1)
        settle_the_account(stack, [Expected(email, SIGNUP)])


@pytest.mark.long
@pytest.mark.timeout(300)
def test_28_the_clock_is_set_back_an_hour_and_right_again(tmp_path: Path, clock: Clock) -> None:
    """Due e-mails wait while the clock is wrong. No e-mail is early or sent twice, and new signups are taken."""
    # In this scaled time an hour is three hundred days, so the e-mails need a later expiry.
    settings = {**clock.settings, "ENV_EXPIRES_AFTER_DAYS": "365"}
    with Stack(tmp_path / "stack", time_scale=SCALE / 2, settings=settings) as stack:
        before, meanwhile, after = address(), address(), address()
        due = about_to_get_the_last(stack, [before], seconds=20)
        clock.set(-HOUR)
        sleep_until(due + timedelta(seconds=2))
        # By the engine's clock the e-mail is due in an hour.
        assert stack.sandbox.mails() == []
        sign_up_all(stack, [meanwhile], **anchored(stack, datetime.now(UTC) - timedelta(hours=1), number=2))
        wait_until_enrolled(stack, meanwhile)
        wait_for_mails(stack, meanwhile, 1)
        clock.set(0)
        about_to_get_the_last(stack, [after])
        settle_the_account(stack, [Expected(before), Expected(meanwhile, SIGNUP), Expected(after)], timeout=150)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_28_the_clock_is_set_back_an_hour_while_the_engine_is_down(tmp_path: Path, clock: Clock) -> None:
    """The interrupted work continues when the clock is right again; until then Kestra believes that its dead worker is
    alive. No e-mail is sent twice."""
    with Stack(tmp_path / "stack", time_scale=SCALE, settings=clock.settings) as stack:
        email = address()
        about_to_get_the_last(stack, [email])
        stack.sandbox.fault("resend", "latency", when="after", seconds=6, times=1)
        wait_for_mails(stack, email, 1)
        stack.engine.kill()
        clock.set(-HOUR)
        stack.engine.start()
        time.sleep(20)
        assert len(stack.sandbox.mails()) == 1
        clock.set(0)
        settle_the_account(stack, [Expected(email)], timeout=90)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_28_the_clock_is_set_back_an_hour_during_a_send(tmp_path: Path, clock: Clock) -> None:
    """The e-mail is sent and recorded, and the e-mails behind it do not wait for an hour."""
    with Stack(tmp_path / "stack", time_scale=SCALE, settings=clock.settings) as stack:
        emails = addresses(3)
        about_to_get_the_last(stack, emails, seconds=6)
        with delayed_call(stack, "resend", when="after", method="POST") as wait:
            wait()
        clock.set(-HOUR)
        settle_the_account(stack, [Expected(email) for email in emails], timeout=90)
