"""What an enrolment writes besides the page: on the contact, in Customer Projects, and to the team in Discord."""

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
def _no_faults_left(stack: Stack) -> Iterator[None]:
    stack.sandbox.clear_faults()
    yield
    stack.sandbox.clear_faults()


def contact(stack: Stack, email: str) -> dict[str, page_values.PropertyValue]:
    """The plain values of a contact's page."""
    (page,) = find_pages(stack, schema.CONTACTS, notion_names.CONTACT_EMAIL, email)
    return {name: value for name, value in page_values.plain(page).items() if value not in (None, False)}


def state(stack: Stack, email: str, name: str = "signup") -> str:
    """How the enrolment ended."""
    run = enrolled(stack, email, name).id
    return until(lambda: s if (s := stack.kestra.execution(run).state) != "RUNNING" else None, "the end of the run")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("noshow", {"Booking Status": "No-Show"}),
        ("postcall", {"Booking Status": "Completed"}),
        ("onboarding", {"Phase": "Phase 1 Diagnostic"}),
    ],
)
def test_each_event_says_something_of_the_contact_and_nothing_else(
    stack: Stack, name: str, said: dict[str, str]
) -> None:
    email = address(name)
    add_contact(stack, email)
    post_event(stack, name, email)
    assert state(stack, email, name) == "SUCCESS"
    assert contact(stack, email) == {"first_name": "Ana", "email": email, **said}


def test_a_customer_has_one_portal_however_often_she_pays(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    post_event(stack, "onboarding", email)
    first = enrolled(stack, email, "onboarding").id
    post_event(stack, "onboarding", email, payment_date="2025-11-21")
    who = {"contact": opaque_ids.contact_id(email), "sequence": "onboarding"}
    until(
        lambda: [
            run
            for run in stack.kestra.executions(namespace="christmas", flow_id="enroll", labels=who)
            if run.id != first and run.labels.get("outcome") == "enrolled"
        ],
        "the second enrolment",
    )
    (page,) = find_pages(stack, schema.PORTALS, notion_names.PORTAL_EMAIL, email)
    said = page_values.plain(page)
    assert said.pop("Created Date") is not None
    assert {name: value for name, value in said.items() if value is not None} == {
        "Name": "Salon Ana - Customer Portal",
        "Email": email,
        "Business Name": "Salon Ana",
        "Next Steps": "We agree on the days of the observation in your salon.",
        "Status": "Portal Delivered",
    }


def alerts(stack: Stack, email: str) -> list[str]:
    """The messages about a contact in Discord."""
    return [str(each["content"]) for each in stack.sandbox.alerts() if email in str(each["content"])]


def test_the_team_is_told_of_a_critical_signup_and_of_no_other(stack: Stack) -> None:
    critical, urgent = address("critical"), address("urgent")
    sign_up(stack, critical, red_systems=2, business_name="Salon @everyone")
    sign_up(stack, urgent, red_systems=1, orange_systems=8)
    assert (state(stack, critical), state(stack, urgent)) == ("SUCCESS", "SUCCESS")
    assert alerts(stack, critical) == [
        "**CRITICAL** (priority 1): Salon @everyone\n"
        "Several business systems are broken at once. Two or more red systems; money and staff are being lost now.\n"
        "To do: Call within one working day and offer the first free diagnostic slot.\n"
        f"Contact: Ana, {critical}. Score 52 of 100; red 2, orange 0."
    ]
    assert alerts(stack, urgent) == []


def test_a_discord_that_is_broken_stops_no_enrolment(stack: Stack) -> None:
    email = address()
    stack.sandbox.fault("discord", "status", status=500, times=None)
    sign_up(stack, email, red_systems=2)
    run = until(lambda: scheduled(stack, email) if len(scheduled(stack, email)) == 4 else None, "the e-mails")
    assert set(run) == {2, 3, 4, 5}
    ended = until(
        lambda: next(
            (
                each
                for each in stack.kestra.executions(namespace="christmas", flow_id="enroll")
                if each.inputs["event"]["fields"]["email"] == email and each.state in ("SUCCESS", "WARNING", "FAILED")
            ),
            None,
        ),
        "the end of the enrolment",
        timeout=60,
    )
    assert (ended.state, ended.labels["outcome"]) == ("SUCCESS", "enrolled")
    assert alerts(stack, email) == []
    # The alert is an execution of its own, which goes on trying, and fails for a person to see.
    key = f"{ended.inputs['enrolment']}.0.call"
    telling = [
        run for run in stack.kestra.executions(namespace="christmas", flow_id="tell") if run.inputs["key"] == key
    ]
    assert [run.state in ("RUNNING", "RETRYING", "FAILED") for run in telling] == [True]


def test_databases_that_are_not_known_are_found_and_the_enrolment_goes_on(stack: Stack) -> None:
    with unknown_databases(stack):
        email = address()
        sign_up(stack, email)
        enrolled(stack, email)
    outcomes = [run.labels["outcome"] for run in runs(stack, "enroll", email)]
    assert outcomes == ["deferred", "enrolled"]
    assert len(scheduled(stack, email)) == 4


def test_database_that_notion_refuses_fails_the_enrolment_and_tells_the_team(stack: Stack) -> None:
    with unknown_databases(stack):
        stack.sandbox.fault("notion", "status", status=404, times=None, path="/v1/databases/")
        email = address()
        sign_up(stack, email)
        expected = f"Contact {opaque_ids.contact_id(email)}."
        until(lambda: any(expected in str(alert["content"]) for alert in stack.sandbox.alerts()), "the alert")
        until(lambda: [run.state for run in runs(stack, "enroll", email)] == ["FAILED"], "the end of the enrolment")


@contextmanager
def unknown_databases(stack: Stack) -> Iterator[None]:
    """A new installation, or another database id: the KV store does not say where the databases are."""
    entries = {key: stack.kestra.kv_get(key) for key in stack.kestra.kv_list() if key.startswith("databases.")}
    for key in entries:
        stack.kestra.kv_delete(key)
    yield
    for key, value in entries.items():
        stack.kestra.kv_put(key, value)
