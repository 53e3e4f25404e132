"""Calls in the formats of Calendly and DocuSign Connect, and calls that the door forwards later, on the real engine."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from support import add_contact, address, enrolled, mails, page_of, payload, post, scheduled, until

from christmas_campaign.campaign import times
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.sequences.registry import sequence


def example(name: str) -> dict[str, Any]:
    """Return the example payload of this name from the folder ``examples``."""
    body: dict[str, Any] = json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    return body


def test_no_show_from_calendly_takes_the_business_name_from_the_signup(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    assert post(stack, payload(email, business_name="Bảo Sang Beauty Salon"))[0] == 200
    enrolled(stack, email)
    call = example("noshow-calendly")
    call["payload"] |= {"email": email, "first_name": None, "name": "Lệ Ngọc Nguyễn"}
    code, answer = post(stack, call, "noshow")
    assert (code, answer["status"], answer["email"]) == (200, "accepted", email)
    assert enrolled(stack, email, "noshow").labels["outcome"] == "enrolled"
    (first, *_) = until(
        lambda: [mail for mail in mails(stack, email) if mail.tags["sequence"] == "noshow"], "the first no-show e-mail"
    )
    assert first.subject == "Lệ, we missed each other"
    assert "Bảo Sang Beauty Salon" in first.text


def test_completed_envelope_from_docusign_starts_onboarding(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    call = example("onboarding-docusign")
    # The customer is the signer with the lowest routing order.
    signers = call["data"]["envelopeSummary"]["recipients"]["signers"]
    min(signers, key=lambda signer: int(signer["routingOrder"]))["email"] = email
    code, answer = post(stack, call, "onboarding")
    assert (code, answer["status"], answer["payment_amount"]) == (200, "accepted", 2997)
    enrolled(stack, email, "onboarding")
    page = page_of(stack, email)
    assert (page["Template Type"], page["Payment Amount"]) == ("Onboarding", 2997)
    # An envelope that is sent but not completed is refused.
    call["data"]["envelopeSummary"]["status"] = "sent"
    code, answer = post(stack, call, "onboarding")
    assert (code, [error["field"] for error in answer["errors"]]) == (422, ["docusign_completed"])


def test_forwarded_call_counts_from_its_arrival_at_the_door(stack: Stack) -> None:
    forwarded, with_invalid_time = address(), address()
    arrived = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2)

    def post_with_headers(email: str, headers: dict[str, str]) -> str:
        """Post a signup with these headers; return the timestamp in the answer."""
        webhook = stack.webhook(sequence("signup").handler)
        answer = httpx.post(webhook, json=payload(email), headers=headers, timeout=60).json()
        assert answer["status"] == "accepted"
        return str(answer["timestamp"])

    assert post_with_headers(forwarded, {"x-received-at": times.text(arrived)}) == times.text(arrived)
    # A header that is not a time is ignored.
    assert times.parse(post_with_headers(with_invalid_time, {"X-Received-At": "yesterday"})) > arrived + timedelta(
        seconds=1
    )
    enrolled(stack, forwarded)
    assert scheduled(stack, forwarded) == {
        email.number: arrived + email.delay / stack.time_scale for email in sequence("signup").emails
    }
