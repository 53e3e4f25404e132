"""The schedule dates of e-mails in production and in testing mode, as the engine has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support import add_contact, address, enrolled, post_event, scheduled, sign_up

from christmas_campaign.campaign import times
from christmas_campaign.local.stack import Stack

#: The delays of each sequence in hours, by the contract; in testing mode the e-mails are a minute apart.
HOURS = {
    "signup": {2: 24.0, 3: 72.0, 4: 96.0, 5: 120.0},
    "noshow": {1: 5 / 60, 2: 24.0, 3: 48.0},
    "postcall": {1: 1.0, 2: 72.0, 3: 168.0},
    "onboarding": {1: 1.0, 2: 24.0, 3: 72.0},
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("testing_mode", "zone"),
    [
        pytest.param(False, "America/Toronto", id="production"),
        pytest.param(True, "Asia/Tokyo", id="testing mode"),
    ],
)
def test_the_dates_of_all_four_sequences(tmp_path: Path, testing_mode: bool, zone: str) -> None:
    """The time zone of the machine does not matter. Without a Discord webhook a signup that needs an alert succeeds."""
    with Stack(tmp_path, testing_mode=testing_mode, settings={"TZ": zone}, discord=False) as stack:
        for name, hours in HOURS.items():
            email = address(name)
            add_contact(stack, email)
            arrived = post_event(stack, name, email, **({"red_systems": 3} if name == "signup" else {}))
            run = enrolled(stack, email, name)
            assert run.state in ("RUNNING", "SUCCESS")
            places = {number: timedelta(minutes=place) for place, number in enumerate(hours, 1)}
            delays = {number: timedelta(hours=delay) for number, delay in hours.items()}
            expected = places if testing_mode else delays
            assert scheduled(stack, email, name) == {number: arrived + delay for number, delay in expected.items()}

        # A time without a zone is in the campaign's zone, not the machine's.
        email = address()
        anchor = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
        sign_up(stack, email, email_1_sent_at=times.local(anchor)[:19])
        enrolled(stack, email)
        first = timedelta(minutes=1) if testing_mode else timedelta(hours=24)
        assert scheduled(stack, email)[2] == anchor + first
        assert stack.sandbox.alerts() == []
