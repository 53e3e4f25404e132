"""What an enrolment writes besides its page: the contact in BusinessX, the page in Customer Projects, the alert in Discord."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support import add_contact, address, enrolled, find_pages, post_event, runs, scheduled, sign_up, until

from christmas_campaign.campaign import notion_names
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema


@pytest.fixture(autouse=True)
def _without_faults(stack: Stack) -> Iterator[None]:
    stack.sandbox.clear_faults()
    yield
    stack.sandbox.clear_faults()


def contact_values(stack: Stack, email: str) -> dict[str, page_values.PropertyValue]:
    """Return the plain values of a contact's page, without empty ones."""
    (page,) = find_pages(stack, schema.CONTACTS, notion_names.CONTACT_EMAIL, email)
    return {name: value for name, value in page_values.plain(page).items() if value not in (None, False)}


def enrolment_state(stack: Stack, email: str, name: str = "signup") -> str:
    """Wait until the enrolment of a contact has ended; return its state."""
    run = enrolled(stack, email, name).id
    return until(
        lambda: state if (state := stack.kestra.execution(run).state) != "RUNNING" else None, "the end of the run"
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("noshow", {"Booking Status": "No-Show"}),
        ("postcall", {"Booking Status": "Completed"}),
        ("onboarding", {"Phase": "Phase 1 Diagnostic"}),
    ],
)
def test_event_changes_only_its_own_values_of_the_contact(stack: Stack, name: str, values: dict[str, str]) -> None:
    email = address(name)
    add_contact(stack, email)
    post_event(stack, name, email)
    assert enrolment_state(stack, email, name) == "SUCCESS"
    assert contact_values(stack, email) == {"first_name": "Ana", "email": email, **values}


def test_customer_with_two_payments_has_one_portal(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    post_event(stack, "onboarding", email)
    first = enrolled(stack, email, "onboarding").id
    post_event(stack, "onboarding", email, payment_date="2025-11-21")
    labels = {"contact": opaque_ids.contact_id(email), "sequence": "onboarding"}
    until(
        lambda: [
            run
            for run in stack.kestra.executions(namespace="christmas", flow_id="enroll", labels=labels)
            if run.id != first and run.labels.get("outcome") == "enrolled"
        ],
        "the second enrolment",
    )
    (page,) = find_pages(stack, schema.PORTALS, notion_names.PORTAL_EMAIL, email)
    portal = page_values.plain(page)
    assert portal.pop("Created Date") is not None
    assert {name: value for name, value in portal.items() if value is not None} == {
        "Name": "Salon Ana - Customer Portal",
        "Email": email,
        "Business Name": "Salon Ana",
        "Next Steps": "We agree on the days of the observation in your salon.",
        "Status": "Portal Delivered",
    }


def alerts(stack: Stack, email: str) -> list[str]:
    """Return the messages about a contact in Discord."""
    return [content for alert in stack.sandbox.alerts() if email in (content := str(alert["content"]))]


def test_only_a_critical_signup_sends_an_alert(stack: Stack) -> None:
    critical, urgent = address("critical"), address("urgent")
    sign_up(stack, critical, red_systems=2, business_name="Salon @everyone")
    sign_up(stack, urgent, red_systems=1, orange_systems=8)
    assert (enrolment_state(stack, critical), enrolment_state(stack, urgent)) == ("SUCCESS", "SUCCESS")
    assert alerts(stack, critical) == [
        "**CRITICAL** (priority 1): Salon @everyone\n"
        "Several business systems are broken at once. Two or more red systems; money and staff are being lost now.\n"
        "To do: Call within one working day and offer the first free diagnostic slot.\n"
        f"Contact: Ana, {critical}. Score 52 of 100; red 2, orange 0."
    ]
    assert alerts(stack, urgent) == []


def test_broken_discord_does_not_fail_the_enrolment(stack: Stack) -> None:
    email = address()
    stack.sandbox.fault("discord", "status", status=500, times=None)
    sign_up(stack, email, red_systems=2)
    due = until(lambda: dates if len(dates := scheduled(stack, email)) == 4 else None, "the e-mails")
    assert set(due) == {2, 3, 4, 5}
    ended = until(
        lambda: next(
            (
                run
                for run in stack.kestra.executions(namespace="christmas", flow_id="enroll")
                if run.inputs["event"]["fields"]["email"] == email and run.state in ("SUCCESS", "WARNING", "FAILED")
            ),
            None,
        ),
        "the end of the enrolment",
        timeout=60,
    )
    assert (ended.state, ended.labels["outcome"]) == ("SUCCESS", "enrolled")
    assert alerts(stack, email) == []
    # An execution of `tell` sends the alert. It retries, and at last it fails, so that the owner sees it.
    key = f"{ended.inputs['enrolment']}.0.call"
    alert_runs = [
        run for run in stack.kestra.executions(namespace="christmas", flow_id="tell") if run.inputs["key"] == key
    ]
    assert [run.state in ("RUNNING", "RETRYING", "FAILED") for run in alert_runs] == [True]


def test_enrolment_finds_unknown_databases_and_continues(stack: Stack) -> None:
    with unknown_databases(stack):
        email = address()
        sign_up(stack, email)
        enrolled(stack, email)
    outcomes = [run.labels["outcome"] for run in runs(stack, "enroll", email)]
    assert outcomes == ["deferred", "enrolled"]
    assert len(scheduled(stack, email)) == 4


def test_missing_database_fails_the_enrolment_and_sends_an_alert(stack: Stack) -> None:
    with unknown_databases(stack):
        stack.sandbox.fault("notion", "status", status=404, times=None, path="/v1/databases/")
        email = address()
        sign_up(stack, email)
        expected = f"Contact {opaque_ids.contact_id(email)}."
        until(lambda: any(expected in str(alert["content"]) for alert in stack.sandbox.alerts()), "the alert")
        until(lambda: [run.state for run in runs(stack, "enroll", email)] == ["FAILED"], "the end of the enrolment")


@contextmanager
def unknown_databases(stack: Stack) -> Iterator[None]:
    """Delete the ids of the databases from the KV store, as in a new installation; restore them at the end."""
    entries = {key: stack.kestra.kv_get(key) for key in stack.kestra.kv_list() if key.startswith("databases.")}
    for key in entries:
        stack.kestra.kv_delete(key)
    yield
    for key, value in entries.items():
        stack.kestra.kv_put(key, value)
