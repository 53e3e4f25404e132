"""The answers of the signup webhook, at Kestra's own address, field by field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from support import address, enrolled, payload, post, runs, until

from christmas_campaign import times
from christmas_campaign.cli.stack import Stack


def test_a_good_payload_is_taken_on(stack: Stack) -> None:
    email = address()
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    code, answer = post(stack, payload(f"  {email.upper()} ", extra={"ignored": True}))

    assert code == 200
    timestamp = times.parse(answer.pop("timestamp"))
    assert before <= timestamp <= datetime.now(UTC)
    (run,) = runs(stack, "signup-handler", email)
    assert answer == {
        "status": "accepted",
        "message": "The e-mails of the sequence signup are being scheduled.",
        "email": f"  {email.upper()} ",
        "campaign": "Christmas 2025",
        "execution_id": run.id,
    }
    assert run.labels["outcome"] == "accepted"
    assert run.labels["sequence"] == "signup"
    assert enrolled(stack, email).labels["enrolment"] == run.labels["enrolment"]


def test_every_fault_of_a_payload_comes_back_at_once(stack: Stack) -> None:
    code, answer = post(
        stack,
        {
            "email": "nobody at all",
            "first_name": "   ",
            "assessment_score": 101,
            "red_systems": "nine",
            "orange_systems": 2.5,
            "revenue_leak_total": -1,
            "weakest_system_1": ["GPS"],
            "email_1_sent_at": "yesterday",
            "variables": {"a.b": "x", "Nested": {"no": 1}},
        },
    )
    assert code == 422
    assert answer["status"] == "rejected"
    assert set(answer) == {"status", "errors"}
    assert {error["field"]: error["problem"] for error in answer["errors"]} == {
        "email": "is not an e-mail address: it has no @",
        "first_name": "is missing",
        "assessment_score": "must be a number from 0 to 100",
        "red_systems": "must be a number",
        "orange_systems": "must be a whole number from 0 to 8",
        "revenue_leak_total": "must be a whole number from 0 to 1000000000",
        "weakest_system_1": "must be text",
        "email_1_sent_at": "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00",
        "variables": "must have names of letters, digits, spaces, _ and - only",
        "variables.Nested": "must be text",
    }


NOT_OBJECTS = [b"", b"not json", b"[1, 2]", b'"text"', b"null", b"12", b'{"email": ', b"\xff\xfe{}"]


@pytest.mark.parametrize("body", NOT_OBJECTS, ids=repr)
def test_what_is_no_json_object_is_refused(stack: Stack, body: bytes) -> None:
    response = httpx.post(
        stack.webhook("signup-handler"), content=body, headers={"Content-Type": "application/json"}, timeout=60
    )
    assert response.status_code == 422
    assert response.json() == {
        "status": "rejected",
        "errors": [{"field": "body", "problem": "must be a JSON object"}],
    }


def test_a_refused_payload_is_visible_and_enrols_nobody(stack: Stack) -> None:
    before = {run.id for run in stack.kestra.executions(namespace="christmas", flow_id="enroll")}
    post(stack, {"first_name": "Ana"})
    labels: dict[str, Any] = {"outcome": "rejected"}
    refused = until(
        lambda: stack.kestra.executions(namespace="christmas", flow_id="signup-handler", labels=labels),
        "the refused run",
    )
    assert {run.labels["reason"] for run in refused} == {"invalid_payload"}
    assert {run.id for run in stack.kestra.executions(namespace="christmas", flow_id="enroll")} == before


def test_a_wrong_key_and_an_unknown_flow_are_the_same_404(stack: Stack) -> None:
    good = stack.webhook("signup-handler")
    wrong_key = httpx.post(good[:-1] + ("x" if good[-1] != "x" else "y"), json=payload(address()))
    wrong_flow = httpx.post(good.replace("signup-handler", "no-such-handler"), json=payload(address()))
    no_webhook = httpx.post(good.replace("signup-handler", "send-email"), json=payload(address()))
    assert [wrong_key.status_code, wrong_flow.status_code, no_webhook.status_code] == [404, 404, 404]
    assert wrong_key.json() == wrong_flow.json() == no_webhook.json()
