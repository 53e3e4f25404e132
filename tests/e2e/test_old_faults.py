"""Faults of the previous system, with one test each.

The others of the eleven: 2 (a second signup) is ``tests/faults/test_the_same_event.py``, 3 (no e-mail of three sequences)
``test_journeys``, 4 (one page for two sequences) and 9 (empty properties) ``tests/flows/test_same_event.py``, and 5 (a crash
after the send) ``tests/faults/test_resend_fails.py``.
"""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from support import (
    DAY,
    DELAYS,
    SCALE,
    add_contact,
    address,
    analytics_of,
    ended,
    enrolled,
    find_pages,
    numbers,
    page_of,
    post_event,
    refresh,
    scheduled,
    sign_up,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names, times
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local import demo
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.notion import page_values, schema


def make_page(stack: Stack, **values: object) -> None:
    """Make a page in Email Sequence, as the website or a person does."""
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        notion.create_page(
            source, schema.SEQUENCE_PAGES, {key.replace("_", " "): value for key, value in values.items()}
        )


def test_fault_1_a_website_that_marks_email_1_first_gets_its_contact_enrolled(stack: Stack) -> None:
    """The old system skipped a contact whose page said "Email 1 Sent" before the call: E2 to E5 were never scheduled."""
    email = address()
    anchor = times.parse(times.text(datetime.now(UTC) + timedelta(seconds=30)))
    values = {"Email": email, "Campaign": "Christmas 2025", "First_Name": "From the website", "Email_1_Sent": anchor}
    make_page(stack, **values)
    sign_up(stack, email)
    enrolled(stack, email)

    assert scheduled(stack, email) == {number: anchor + delay for number, delay in DELAYS.items()}
    page = page_of(stack, email)
    assert page["Template Type"] == "5-Day Sequence"
    assert page["First Name"] == "From the website"
    assert page_values.moment(page["Email 1 Sent"]) == anchor


class Broken(NamedTuple):
    """The results of a signup while E3 had no template and E4 a template with unknown placeholders."""

    received: list[Mail]
    runs: dict[int, Execution]
    logs: dict[int, list[str]]
    analytics: dict[int, dict[str, object]]
    page: dict[str, object]


@contextmanager
def changed(stack: Stack, name: str, **values: str | None) -> Iterator[None]:
    """Change a template in Notion, and change it back afterwards."""
    (page,) = find_pages(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, name)
    template = page_values.plain(page)
    new = {key.replace("_", " "): value for key, value in values.items()}
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, new)
        refresh(stack)
        try:
            yield
        finally:
            notion.update_page(page["id"], schema.TEMPLATES, {key: template[key] for key in new})
            refresh(stack)


@pytest.fixture(scope="module")
def broken(stack: Stack) -> Broken:
    """Play a signup to its end while two templates are broken."""
    email = address()
    holes = "{{first_name}}, {{nobody_knows}} and {{nor_this}}"
    with changed(stack, "5-Day E3", Status="Draft"), changed(stack, "5-Day E4", Subject_Line=holes):
        sign_up(stack, email, email_1_sent_at=(datetime.now(UTC) - 30 * DAY).isoformat())
        received = wait_for_mails(stack, email, 2)
        # A deferred e-mail has several executions: the last one counts.
        all_runs = {int(run.inputs["number"]): run for run in ended(stack, email, 4)}
    logs = {number: [line.message for line in stack.kestra.logs(run.id)] for number, run in all_runs.items()}
    analytics = {int(analytics_page["Email Number"]): analytics_page for analytics_page in analytics_of(stack, email)}
    return Broken(received, all_runs, logs, analytics, page_of(stack, email))


MISSING = 'There is no active template "5-Day E3" in Email Templates.'
HOLE = (
    'The template "5-Day E4" cannot be filled in: "Subject Line": no value for {{nobody_knows}}; '
    "no value for {{nor_this}}."
)


def test_fault_6_a_placeholder_without_a_value_does_not_go_out(broken: Broken) -> None:
    """Customers got raw placeholders."""
    assert numbers(broken.received) == [2, 5]
    assert not [mail for mail in broken.received if "{{" in mail.subject + mail.html + mail.text]
    assert broken.runs[4].labels["reason"] == "value_missing"
    assert HOLE in broken.logs[4]


def test_fault_7_a_failed_send_is_seen_and_stops_no_other(broken: Broken) -> None:
    """The old system hid the failure: the execution succeeded, and there was no alert."""
    states = {number: run.state for number, run in broken.runs.items()}
    assert states == {2: "SUCCESS", 3: "FAILED", 4: "FAILED", 5: "SUCCESS"}
    assert broken.runs[3].labels["reason"] == "template_missing"
    assert MISSING in broken.logs[3]
    statuses = {number: analytics_page["Status"] for number, analytics_page in broken.analytics.items()}
    assert statuses == {2: "sent", 3: "failed", 4: "failed", 5: "sent"}
    assert broken.analytics[3]["Error Message"] == f"template_missing: {MISSING}"
    assert broken.analytics[4]["Error Message"] == f"value_missing: {HOLE}"
    assert broken.page["Email 3 Sent"] is None
    assert broken.page["Sequence Completed"] is False


def test_fault_8_a_time_without_a_zone_is_the_campaigns(stack: Stack) -> None:
    """In Toronto an e-mail due in an hour was due four hours ago."""
    email = address()
    anchor = times.parse(times.text(datetime.now(UTC) + timedelta(seconds=60))).replace(microsecond=0)
    local = times.local(anchor).rsplit("-", 1)[0]
    sign_up(stack, email, email_1_sent_at=local)
    enrolled(stack, email)
    assert scheduled(stack, email) == {number: anchor + delay for number, delay in DELAYS.items()}


def test_fault_10_what_a_customer_writes_arrives_as_it_is(stack: Stack) -> None:
    """A backslash broke the substitution, and a value that held a placeholder was expanded again."""
    name = "\\1 \\g<0> {{business_name}}"
    # At most 80 characters: a longer name is not shown.
    business = "{{first_name|x}} \\n \"'`\n{{ secret('NOTION_TOKEN') }} {% raw %} \\u0025 <b>&"
    email = address()
    add_contact(stack, email)
    post_event(stack, "noshow", email, first_name=name, business_name=business)
    mail = wait_for_mails(stack, email, 1)[0]
    assert mail.subject == f"{name}, we missed each other"
    assert f"Hi {name},\n" in mail.text
    assert f"Hi {html.escape(name)}," in mail.html
    assert business in mail.text
    assert html.escape(business) in mail.html
    page = page_of(stack, email)
    assert (page["First Name"], page["Business Name"]) == (name, business)


@pytest.mark.long
def test_fault_11_flows_that_send_nothing_do_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that read the YAML or looked only at the status passed while no e-mail could be sent.

    Here the flows are valid, the webhooks answer 200, and nothing is sent: what judges the demo has to say so.
    """
    flows = tmp_path / "flows"
    shutil.copytree(PROJECT / "flows", flows)
    send = flows / "christmas-send-email.yml"
    never = send.read_text(encoding="utf-8").replace('"{{ outputs.prepare.vars.send }}"', '"{{ false }}"')
    assert never != send.read_text(encoding="utf-8")
    send.write_text(never, encoding="utf-8")
    monkeypatch.setattr(demo, "GRACE", timedelta(seconds=5))
    monkeypatch.setattr(demo, "LONGEST", timedelta(seconds=5))
    monkeypatch.setattr(demo, "APART", 0.0)
    with Stack(tmp_path / "data", time_scale=32 * SCALE, flows=flows) as stack:
        assert not [v.constraints for v in stack.kestra.validate_flows(never) if v.constraints]
        timeline = demo.play(stack, PROJECT / "examples", lambda _: None)
        faults = demo.watch(stack, timeline).faults
    assert "signup: expected the e-mails [2, 3, 4, 5] in this order, got []" in faults
    assert any(fault.startswith("send-email: rescheduled, resend_unreachable (") for fault in faults), faults
