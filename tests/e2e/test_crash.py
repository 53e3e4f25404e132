"""The engine is killed while e-mails wait, as in a power cut."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from support import DELAYS, SCALE, address, enrolled, mails, numbers, sign_up, wait_for_mails

from christmas_campaign.local.stack import Stack


@pytest.mark.long
@pytest.mark.alone
def test_the_engine_is_killed_while_emails_wait_and_all_arrive_once(tmp_path: Path) -> None:
    with Stack(tmp_path, time_scale=SCALE / 2) as stack:
        emails = [address() for _ in range(3)]
        arrived = {email: sign_up(stack, email) for email in emails}
        for email in emails:
            enrolled(stack, email)
        stack.engine.kill()
        # The engine is back before or a little after the first e-mail is due, twelve seconds after the signup.
        stack.engine.start()
        for email in emails:
            received = wait_for_mails(stack, email, 4, timeout=120)
            assert numbers(received) == [2, 3, 4, 5]
            # The last e-mail was due long after the engine was back, so the crash did not delay it.
            assert received[-1].received_at - (arrived[email] + 2 * DELAYS[5]) <= timedelta(seconds=10)
        time.sleep(3)
        for email in emails:
            assert len(mails(stack, email)) == 4
