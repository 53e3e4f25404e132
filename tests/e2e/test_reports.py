"""Delivery reports have the same result in any order and when repeated, and a stopped contact gets no more e-mails."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cli.operator import christmas
from support import add_contact, address, analytics_of, ended, mails, numbers, post_event, until, wait_for_mails

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Kind
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report, ReportHistory, ReportTimes
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from e2e.stopping import stops_of


def first_mail(stack: Stack, email: str) -> Mail:
    """Return E1 of a no-show, which is due at once; E2 and E3 wait, a day and two days later."""
    add_contact(stack, email)
    post_event(stack, "noshow", email)
    return wait_for_mails(stack, email, 1)[0]


def report(mail: Mail, name: str, at: datetime | None = None, **data: Any) -> dict[str, Any]:
    """Return the payload of Resend's webhook about a mail."""
    common = {
        "email_id": mail.id,
        "from": mail.sender,
        "to": list(mail.to),
        "subject": mail.subject,
        "tags": dict(mail.tags),
    }
    return {"type": name, "created_at": times.text(at or datetime.now(UTC)), "data": {**common, **data}}


def bounce(mail: Mail, kind: str, at: datetime | None = None) -> dict[str, Any]:
    words = {"message": f"{mail.to[0]} is not known here", "type": kind, "subType": "General"}
    return report(mail, "email.bounced", at, bounce=words)


def post_reports(stack: Stack, *payloads: dict[str, Any]) -> None:
    """Post these reports as Resend does, all at once."""

    def post(payload: dict[str, Any]) -> tuple[int, Any]:
        answer = httpx.post(stack.webhook("resend-handler"), json=payload, timeout=60)
        return answer.status_code, answer.json().get("status")

    with ThreadPoolExecutor(len(payloads)) as pool:
        assert list(pool.map(post, payloads)) == [(200, "accepted")] * len(payloads)


def runs_of(stack: Stack, mail: Mail, flow: str = "report") -> list[Execution]:
    labels = {"enrolment": mail.tags["enrolment"], "number": mail.tags["number"]}
    return stack.kestra.executions(namespace="christmas", flow_id=flow, labels=labels)


def written_down(stack: Stack, mail: Mail, count: int) -> list[Execution]:
    """Wait until ``count`` executions for the reports of a mail have ended, and return them."""
    return until(
        lambda: (
            executions
            if len(executions := runs_of(stack, mail)) >= count and not any(run.live for run in executions)
            else None
        ),
        f"the end of {count} reports",
    )


def outcomes(stack: Stack, mail: Mail) -> list[str]:
    """Return the outcomes of the ended attempts to store a report, the first attempt first."""
    executions = sorted(runs_of(stack, mail), key=lambda run: run.inputs["tries"])
    return [run.labels["outcome"] for run in executions if not run.live]


def history_of(stack: Stack, mail: Mail) -> dict[str, Any]:
    entry: dict[str, Any] = stack.kestra.kv_get(f"reported.{mail.tags['enrolment']}.{mail.tags['number']}")
    return entry


def test_repeated_reports_in_any_order_are_stored_once_and_a_hard_bounce_stops_the_contact(stack: Stack) -> None:
    email = address()
    mail = first_mail(stack, email)
    at = mail.received_at
    payloads = [
        report(mail, "email.delivery_delayed", at + timedelta(seconds=1)),
        report(mail, "email.delivered", at + timedelta(seconds=2)),
        bounce(mail, "Permanent", at + timedelta(seconds=3)),
    ] * 2
    random.shuffle(payloads)
    post_reports(stack, *payloads)

    # E3 was due in two days when the reports arrived; E2 may have been on its way.
    became = {run.inputs["number"]: run for run in ended(stack, email, 3, sequence="noshow")}
    skipped = became[3]
    assert (skipped.state, skipped.labels["outcome"], skipped.labels["reason"]) == ("SUCCESS", "skipped", "bounced")
    assert 3 not in numbers(mails(stack, email))
    assert stops_of(stack, email) == [("bounced", "resend")]

    times_by_kind: dict[Kind, ReportTimes] = {}
    for payload in payloads:
        parsed = delivery_reports.read(payload, at, opens=False)
        assert isinstance(parsed, Report)
        times_by_kind = delivery_reports.add(times_by_kind, parsed)
    executions = written_down(stack, mail, 6)
    assert history_of(stack, mail) == ReportHistory(times_by_kind, "bounced: Permanent General").as_json()
    assert {(run.state, run.labels["outcome"]) for run in executions} == {("SUCCESS", "reported")}
    pages = {page["Resend Email ID"]: page for page in analytics_of(stack, email)}
    page = pages[mail.id]
    assert (page["Status"], page["Error Message"]) == ("bounced", "bounced: Permanent General")
    # The address is neither stored nor in a label or a log.
    assert email not in str([history_of(stack, mail), *(stack.kestra.logs(run.id) for run in executions)])


@pytest.mark.long
def test_fifth_email_with_a_soft_bounce_stops_the_contact(stack: Stack) -> None:
    email = address()
    mail = first_mail(stack, email)
    contact = opaque_ids.contact_id(email)
    before = [f"signup-{number}.2" for number in range(3)]
    stack.kestra.kv_put(f"bounces.{contact}", before, ttl="P365D")
    post_reports(stack, bounce(mail, "Transient"), bounce(mail, "Transient"))
    written_down(stack, mail, 2)
    own = f"{mail.tags['enrolment']}.1"
    assert stack.kestra.kv_get(f"bounces.{contact}") == sorted([*before, own])
    assert stops_of(stack, email) == [], "it counts once"
    stack.kestra.kv_put(f"bounces.{contact}", ["signup-3.2", *before], ttl="P365D")
    post_reports(stack, bounce(mail, "Undetermined"))
    until(lambda: stops_of(stack, email) == [("bounced", "resend")], "the stop")


def listed(stack: Stack, mail: Mail) -> list[Any]:
    """Return the failures of a mail's enrolment, without those of other tests."""
    all_failures = json.loads(christmas(stack, "failures", "--json").stdout)
    return [failure for failure in all_failures if failure["enrolment"] == mail.tags["enrolment"]]


@pytest.mark.long
def test_a_report_that_was_given_up_is_listed_and_can_be_replayed(stack: Stack) -> None:
    email = address()
    mail = first_mail(stack, email)
    until(lambda: analytics_of(stack, email), "the analytics page")
    stack.sandbox.fault("notion", "status", status=403, times=None, method="PATCH", path=".*/v1/pages/.*")
    parsed = delivery_reports.read(report(mail, "email.delivered"), mail.received_at, opens=False)
    assert isinstance(parsed, Report)
    labels = {"sequence": "noshow", **{name: mail.tags[name] for name in ("contact", "enrolment", "number")}}
    run = stack.kestra.run("report", {"report": parsed.as_json(), "tries": 48}, labels=labels)
    written_down(stack, mail, 1)
    assert stack.kestra.execution(run).state == "FAILED"

    (failure,) = listed(stack, mail)
    assert failure["execution"] == run
    assert (failure["flow"], failure["sequence"], failure["number"]) == ("report", "noshow", 1)
    assert (failure["enrolment"], failure["reason"]) == (mail.tags["enrolment"], "notion_unreachable")
    assert failure["detail"].endswith("for as long as it was tried: 49 times.")
    stack.sandbox.clear_faults()
    assert christmas(stack, "replay", run, "--yes").exit_code == 0
    until(lambda: history_of(stack, mail).get("written") == "delivered", "the replay")
    # Neither the execution that gave up nor its replay is listed any more.
    until(lambda: not listed(stack, mail), "a clean list")
