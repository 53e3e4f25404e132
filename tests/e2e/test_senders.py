"""Messages of senders that name several people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from support import add_contact, address, ended, enrolled, mails, payload, post, runs

from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from e2e.stopping import became


def test_contract_signed_by_several_at_once_enrols_the_one_who_is_a_contact(stack: Stack) -> None:
    team, client = address(), address()
    add_contact(stack, client)
    signers = [{"email": email, "name": "Somebody", "routingOrder": "1"} for email in (team, client)]
    fields = {"payment_confirmed": "true", "payment_amount": "2997", "payment_date": "2025-11-20T14:00:00Z"}
    custom = [{"name": name, "value": value} for name, value in fields.items()]
    envelope = {
        "status": "completed",
        "recipients": {"signers": signers},
        "customFields": {"textCustomFields": custom},
    }
    call = {"event": "envelope-completed", "data": {"envelopeSummary": envelope}}
    assert post(stack, call, "onboarding")[0] == 200
    enrolled(stack, client, "onboarding")
    assert [run.labels["reason"] for run in runs(stack, "enroll", team, "onboarding")] == ["other_signer"]
    keys = stack.kestra.kv_list("christmas")
    assert f"stop.{opaque_ids.contact_id(client)}" in keys, "the purchase"
    assert f"stop.{opaque_ids.contact_id(team)}" not in keys


@pytest.mark.long
def test_cancelled_call_ends_the_emails_of_everybody_in_it(stack: Stack) -> None:
    first, second = address(), address()
    when = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:00Z}"
    for email in (first, second):
        add_contact(stack, email)
        post(stack, payload(email, "precall", scheduled_time=when, booking_uri="SEATS"), "precall")
        enrolled(stack, email, "precall")
    cancelled = payload(first, "precall", scheduled_time=when, booking_uri="SEATS", status="cancelled", guests=[second])
    assert post(stack, cancelled, "precall")[0] == 200
    for email in (first, second):
        emails = became(ended(stack, email, 3, sequence="precall"))
        assert emails == [(number, "SUCCESS", "skipped", "call_cancelled") for number in (1, 2, 3)]
        assert mails(stack, email) == []
