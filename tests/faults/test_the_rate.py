"""Two hundred e-mails are due in the same second, and Notion and Resend hold to their limits."""

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

#: The calls to Notion that an e-mail costs: its page, its stamp, its analytics. (The template is asked for once in a while.)
CALLS = 3


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_25_two_hundred_emails_are_due_in_the_same_second_under_enforced_limits(tmp_path: Path) -> None:
    """The rate is at least 75% of the limit, and at most one answer in ten is a 429."""
    # The pace is a setting for real time: nothing is squeezed here.
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
            name: len([call for call in found if call.status == 429]) / len(found) for name, found in calls.items()
        }
        print(f"{rate:.2f} calls a second to Notion, refused {refused}, {len(taken) / PEOPLE:.1f} calls an e-mail")
        assert max(refused.values()) <= 0.1
        assert rate >= 0.75 * NOTION
        # Not by calls that are not needed.
        assert len(taken) <= PEOPLE * CALLS * 1.1
