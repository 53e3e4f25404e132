"""``christmas notion release`` frees a page of the old system, so that the same event can enrol its contact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import (
    add_contact,
    address,
    enrolled,
    find_pages,
    long_case,
    post_event,
    runs,
    until,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations.notion_release import RELEASED, refusal
from christmas_campaign.sequences.registry import sequence
from cli.operator import group

#: How the old system's page names the event of each ``support.payload``.
EVENTS = {
    "noshow": {notion_names.PAGE_CALENDLY_EVENT: "https://api.calendly.com/scheduled_events/AAA"},
    "postcall": {notion_names.PAGE_CALL_DATE: "2025-11-20T14:00:00Z"},
    "onboarding": {notion_names.PAGE_PAYMENT_DATE: "2025-11-20"},
}
ENROLLED = "this system has enrolled the contact on it"


def add_old_page(stack: Stack, email: str, name: str, **changes: Any) -> str:
    """Add a page as the old system wrote it; return its id."""
    values = {
        notion_names.PAGE_NAME: email,
        notion_names.PAGE_EMAIL: email,
        notion_names.PAGE_CAMPAIGN: "Christmas 2025",
        notion_names.PAGE_TEMPLATE_TYPE: sequence(name).template_type,
        notion_names.PAGE_CREATED: "2025-11-20",
        **EVENTS[name],
        **changes,
    }
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        return notion.create_page(source, schema.SEQUENCE_PAGES, values)


def only_page(stack: Stack, email: str) -> tuple[str, dict[str, Any]]:
    """Return the id and the plain values of a contact's only page in Email Sequence."""
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return page["id"], page_values.plain(page)


def release(stack: Stack, email: str, code: int = 0) -> Any:
    """Release the pages of a contact; return the JSON output."""
    result = group(stack, "notion", "release", email, "--yes", "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", ["noshow", *map(long_case, ("postcall", "onboarding"))])
def test_event_enrols_its_contact_after_the_release(stack: Stack, name: str) -> None:
    email = address(name)
    add_contact(stack, email)
    page = add_old_page(stack, email, name)
    fields = {"payment_date": "2025-11-20"} if name == "onboarding" else {}
    post_event(stack, name, email, **fields)

    def reasons() -> list[str | None]:
        return [run.labels.get("reason") for run in runs(stack, "enroll", email, name)]

    until(lambda: reasons() == [sequence(name).duplicate], "the duplicate")
    assert stack.kestra.kv_get(f"enrolled.{runs(stack, 'enroll', email, name)[0].inputs['enrolment']}") is None

    dry = group(stack, "notion", "release", email)
    assert (dry.exit_code, "Nothing was changed" in dry.stdout) == (3, True)
    assert only_page(stack, email)[1]["Template Type"] == sequence(name).template_type
    done = group(stack, "notion", "release", email, "--yes")
    assert done.stdout.endswith("Released: 1 page. Post the same event again.\n")
    assert only_page(stack, email)[1]["Template Type"] is None

    post_event(stack, name, email, **fields)
    enrolled(stack, email, name)
    page_id, values = only_page(stack, email)
    assert (page_id, values["Template Type"]) == (page, sequence(name).template_type)
    refused = group(stack, "notion", "release", email, "--yes")
    assert (refused.exit_code, ENROLLED.removesuffix(" on it") in refused.stdout) == (1, True)


def test_page_of_this_system_is_refused_even_after_changes_by_hand(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    post_event(stack, "postcall", email, call_date="2025-11-20T14:00:00Z")
    enrolled(stack, email, "postcall")
    page, _ = only_page(stack, email)
    with stack.notion() as notion:
        changes = {notion_names.page_sent(1): None, notion_names.PAGE_CALL_DATE: "2025-11-21"}
        notion.update_page(page, schema.SEQUENCE_PAGES, changes)
    report = release(stack, email, code=1)
    assert [entry["refusal"] for entry in report["pages"]] == [ENROLLED]
    assert report["released"] == []


@pytest.mark.parametrize(
    ("values", "event", "enrolled_here", "expected"),
    [
        ({"Sequence Completed": False}, "AAA", False, None),
        ({}, "AAA", True, ENROLLED),
        ({"Email 2 Sent": "2025-11-20", "Email 7 Sent": "x"}, "AAA", False, "it says that e-mails were sent: E2, E7"),
        ({"Sequence Completed": True}, "AAA", False, "it says Sequence Completed"),
        ({"Stop Reason": "booked"}, "AAA", False, "it has a Stop Reason, which only this system writes"),
        ({}, None, False, "it does not say which event it belongs to, so no event would find it"),
    ],
)
def test_refusal_names_its_reason(
    values: dict[str, Any], event: str | None, enrolled_here: bool, expected: str | None
) -> None:
    assert refusal(values, event, enrolled_here) == expected


def test_sequences_of_the_old_system_can_be_released() -> None:
    assert [sequence.name for sequence in RELEASED] == ["noshow", "postcall", "onboarding"]
