"""When e-mails go out in production and in testing mode: the dates that the engine holds, not waited for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support import address, enrolled, scheduled, sign_up

from christmas_campaign.cli.stack import Stack

HOURS = {2: timedelta(hours=24), 3: timedelta(hours=72), 4: timedelta(hours=96), 5: timedelta(hours=120)}
MINUTES = {2: timedelta(minutes=1), 3: timedelta(minutes=2), 4: timedelta(minutes=3), 5: timedelta(minutes=4)}


@pytest.mark.parametrize(("testing_mode", "delays"), [(False, HOURS), (True, MINUTES)])
def test_the_dates_of_a_signup(tmp_path: Path, testing_mode: bool, delays: dict[int, timedelta]) -> None:
    with Stack(tmp_path, testing_mode=testing_mode) as stack:
        email = address()
        arrived = sign_up(stack, email)
        enrolled(stack, email)
        assert scheduled(stack, email) == {number: arrived + delay for number, delay in delays.items()}
