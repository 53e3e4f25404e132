"""Calls as Calendly and DocuSign Connect make them, and calls that the door has kept for a while, on the real engine."""

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
    found: dict[str, Any] = json.loads((PROJECT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_a_no_show_in_calendlys_own_form_has_its_names_from_the_signup(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    assert post(stack, payload(email, business_name="Bảo Sang Beauty Salon"))[0] == 200
    enrolled(stack, email)
    call = example("noshow-calendly")
    call["payload"] |= {"email": email, "first_name": None, "name": "Lệ Ngọc Nguyễn"}
    code, answer = post(stack, call, "noshow")
    assert (code, answer["status"], answer["email"]) == (200, "accepted", email)
    assert enrolled(stack, email, "noshow").labels["outcome"] == "enrolled"
    found = until(lambda: [mail for mail in mails(stack, email) if mail.tags["sequence"] == "noshow"], "the e-mail")
    first = found[0]
    assert first.subject == "Lệ, we missed each other"
    assert "Bảo Sang Beauty Salon" in first.text


def test_a_signed_envelope_in_docusigns_own_form_starts_onboarding(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    call = example("onboarding-docusign")
    # Whoever signs first is the customer.
    signers = call["data"]["envelopeSummary"]["recipients"]["signers"]
    min(signers, key=lambda each: int(each["routingOrder"]))["email"] = email
    code, answer = post(stack, call, "onboarding")
    assert (code, answer["status"], answer["payment_amount"]) == (200, "accepted", 2997)
    enrolled(stack, email, "onboarding")
    page = page_of(stack, email)
    assert (page["Template Type"], page["Payment Amount"]) == ("Onboarding", 2997)
    # Signed, and not yet paid for.
    call["data"]["envelopeSummary"]["status"] = "sent"
    code, answer = post(stack, call, "onboarding")
    assert (code, [each["field"] for each in answer["errors"]]) == (422, ["docusign_completed"])


def test_a_call_that_the_door_has_kept_counts_from_its_arrival(stack: Stack) -> None:
    kept, broken = address(), address()
    arrived = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2)

    def called(email: str, said: dict[str, str]) -> str:
        webhook = stack.webhook(sequence("signup").handler)
        answer = httpx.post(webhook, json=payload(email), headers=said, timeout=60).json()
        assert answer["status"] == "accepted"
        return str(answer["timestamp"])

    assert called(kept, {"x-received-at": times.text(arrived)}) == times.text(arrived)
    # What is no time is passed over.
    assert times.parse(called(broken, {"X-Received-At": "yesterday"})) > arrived + timedelta(seconds=1)
    enrolled(stack, kept)
    assert scheduled(stack, kept) == {
        email.number: arrived + email.delay / stack.time_scale for email in sequence("signup").emails
    }
