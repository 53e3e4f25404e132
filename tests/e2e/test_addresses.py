"""Contacts whose address in Notion is spelled otherwise than in the event."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support import add_contact, address, enrolled, payload, post, post_event, runs, until

from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values


@pytest.fixture(params=[True, False], ids=["case_sensitive", "ignoring_case"])
def stack_of_both_kinds(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack, once with a Notion whose filters tell capitals from small letters, and once with one that does not."""
    stack.sandbox.set_case_sensitive(request.param)
    yield stack
    stack.sandbox.set_case_sensitive(True)


def test_contact_is_found_however_their_address_is_spelled(stack_of_both_kinds: Stack) -> None:
    stack = stack_of_both_kinds
    email = address()
    typed = f"{email.title()} "
    contact = add_contact(stack, typed)
    other = add_contact(stack, f"x{email}", first_name="Somebody else")
    post_event(stack, "noshow", email)
    run = enrolled(stack, email, "noshow")
    with stack.notion() as notion:
        assert page_values.plain(notion.page(contact))["Booking Status"] == "No-Show"
        assert page_values.plain(notion.page(other))["Booking Status"] is None
    executions = stack.kestra.executions_json(
        namespace="christmas", flow_id="enroll", labels={"contact": run.labels["contact"]}
    )
    (execution,) = executions
    assert "Somebody else" not in json.dumps(execution)


def test_last_edited_of_several_contacts_counts_and_the_execution_warns(stack: Stack) -> None:
    email = address()
    first, last = add_contact(stack, email.upper()), add_contact(stack, email)
    post(stack, payload(email, "noshow"), "noshow")
    enrolled(stack, email, "noshow")
    with stack.notion() as notion:
        statuses = [page_values.plain(notion.page(page))["Booking Status"] for page in (first, last)]
    # Notion rounds the time of an edit to the minute: within one minute either of the two may come first.
    assert sorted(map(str, statuses)) == ["No-Show", "None"]
    until(lambda: [run.state for run in runs(stack, "enroll", email, "noshow")] == ["WARNING"], "the warning")
