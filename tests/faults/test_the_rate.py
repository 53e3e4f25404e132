"""Make two hundred e-mails due in the same second, while Notion and Resend enforce their rate limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support import until

from christmas_campaign.local.stack import Stack
from faults.account import Expected, settle_the_account
from faults.people import burst, sleep_until

PEOPLE = 200
NOTION = 3
RESEND = 2

#: The requests to Notion for one e-mail: page, stamp, analytics. The template is cached and requested only sometimes.
CALLS = 3


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_25_two_hundred_emails_are_due_in_the_same_second_under_enforced_limits(tmp_path: Path) -> None:
    """The rate is at least 75% of the limit, and at most one answer in ten is a 429."""
    # In real time, because the rate limit is a setting in real seconds.
    with Stack(tmp_path, time_scale=1, lasting=True) as stack:
        emails, due = burst(stack, PEOPLE, seconds=90)
        sleep_until(due - timedelta(seconds=1))
        stack.sandbox.limit(notion=NOTION, resend=RESEND)
        until(lambda: len(stack.sandbox.mails()) >= PEOPLE, "two hundred mails", timeout=600)
        settle_the_account(stack, [Expected(email) for email in emails], timeout=120)

        calls = {name: stack.sandbox.requests(name) for name in ("notion", "resend")}
        counted = stack.sandbox.requests("notion")
        taken = [call.received_at for call in counted if call.status != 429]
        rate = (len(taken) - 1) / (max(taken) - min(taken)).total_seconds()
        refused = {
            name: len([call for call in requests if call.status == 429]) / len(requests)
            for name, requests in calls.items()
        }
        print(f"{rate:.2f} calls a second to Notion, refused {refused}, {len(taken) / PEOPLE:.1f} calls an e-mail")
        assert max(refused.values()) <= 0.1
        assert rate >= 0.75 * NOTION
        # The rate does not come from unnecessary requests.
        assert len(taken) <= PEOPLE * CALLS * 1.1
