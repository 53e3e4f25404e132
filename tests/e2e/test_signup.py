"""The signup journey, from the website's call to the last e-mail, on the real engine."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support import (
    DAY,
    DELAYS,
    ON_TIME,
    address,
    numbers,
    sign_up,
    wait_for_mails,
)

from christmas_campaign.local.stack import Stack


@pytest.mark.alone
def test_four_emails_arrive_within_two_seconds_of_their_time(stack: Stack) -> None:
    """Never early, never after the next one's time; within two seconds in one of three plays, for a machine that is busy with
    something else says nothing of the engine."""
    plays = []
    for _ in range(3):
        email = address()
        arrived = sign_up(stack, email)
        received = wait_for_mails(stack, email, 4)
        assert numbers(received) == [2, 3, 4, 5]
        late = [mail.received_at - (arrived + DELAYS[int(mail.tags["number"])]) for mail in received]
        assert min(late) >= timedelta(0)
        assert max(late) < DAY
        plays.append(max(late))
        if max(late) <= ON_TIME:
            return
    raise AssertionError(f"the latest e-mail of each play was late by {plays}")
