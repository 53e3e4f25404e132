"""Stop most contacts while their e-mails go out at once."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import SCALE

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.operations import stop as stop_operation
from faults.account import Expected, settle_the_account
from faults.people import burst, sleep_until

PEOPLE = 75
STOPPED = 50


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_32_fifty_contacts_are_stopped_during_a_burst(tmp_path: Path) -> None:
    """No contact gets an e-mail after the stop was answered. All other contacts get theirs."""
    # FAULTS_SEED repeats the random moments of an earlier run.
    seed = int(os.environ.get("FAULTS_SEED") or random.randrange(10**6))
    print(f"FAULTS_SEED={seed}")
    chance = random.Random(seed)
    with Stack(tmp_path, time_scale=SCALE) as stack:
        emails, due = burst(stack, PEOPLE, seconds=60)
        to_stop = chance.sample(emails, STOPPED)
        moments = sorted(chance.uniform(0.0, 40.0) for _ in to_stop)

        def stop(email: str, moment: float) -> datetime:
            time.sleep(max(0.0, moment - (datetime.now(UTC) - due).total_seconds()))
            stop_operation.stop(stack.kestra, opaque_ids.contact_id(email), Reason.UNSUBSCRIBED)
            return datetime.now(UTC)

        sleep_until(due)
        with ThreadPoolExecutor(8) as pool:
            answered = dict(zip(to_stop, pool.map(stop, to_stop, moments), strict=True))
        got = {mail.to[0]: mail.received_at for mail in stack.sandbox.mails()}
        print(f"{len(got.keys() & answered.keys())} of {STOPPED} got the e-mail before the stop")
        time.sleep(1)
        settle_the_account(stack, [_expected(stack, email, answered) for email in emails], timeout=600)
        late = [mail for mail in stack.sandbox.mails() if mail.received_at > answered.get(mail.to[0], mail.received_at)]
        assert late == [], "a mail after the stop was answered"
        spared = answered.keys() - {mail.to[0] for mail in stack.sandbox.mails()}
        assert len(spared) >= STOPPED // 10, "the stops came too late to show anything"


def _expected(stack: Stack, email: str, answered: dict[str, datetime]) -> Expected:
    """Return the expectation for a contact: a stopped one has the e-mail by now, or gets none."""
    if email in answered and not any(mail.to == (email,) for mail in stack.sandbox.mails()):
        return Expected(email, sent=(), missing={5: "unsubscribed"})
    return Expected(email)
