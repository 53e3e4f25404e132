"""``christmas notion release``: the pages that the old system left, on the real engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import (
    add_contact,
    address,
    begin,
    ended,
    enrolled,
    found_in,
    long,
    mails,
    numbers,
    runs,
    until,
    wait_for_mails,
)

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations.notion_release import RELEASED, refusal
from christmas_campaign.sequences.registry import sequence
from cli.operator import group

#: What the old system's page says of the event of each ``support.payload``.
EVENTS = {
    "noshow": {notion_names.PAGE_CALENDLY_EVENT: "https://api.calendly.com/scheduled_events/AAA"},
    "postcall": {notion_names.PAGE_CALL_DATE: "2025-11-20T14:00:00Z"},
    "onboarding": {notion_names.PAGE_PAYMENT_DATE: "2025-11-20"},
}


def left_by_the_old_system(stack: Stack, email: str, name: str, **more: Any) -> str:
    """Make a page as the old system left it; returns its id."""
    values = {
        notion_names.PAGE_NAME: email,
        notion_names.PAGE_EMAIL: email,
        notion_names.PAGE_CAMPAIGN: "Christmas 2025",
        notion_names.PAGE_TEMPLATE_TYPE: sequence(name).template_type,
        notion_names.PAGE_CREATED: "2025-11-20",
        **EVENTS[name],
        **more,
    }
    with stack.notion() as notion:
        source = notion.data_source(stack.database(schema.SEQUENCE_PAGES))
        return notion.create_page(source, schema.SEQUENCE_PAGES, values)


def pages_of(stack: Stack, email: str) -> dict[str, dict[str, Any]]:
    """The plain values of an address's pages in Email Sequence, by id."""
    found = found_in(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    return {page["id"]: page_values.plain(page) for page in found}


@pytest.mark.parametrize("name", ["noshow", *map(long, ("postcall", "onboarding"))])
def test_a_released_page_takes_the_same_event_posted_again(stack: Stack, name: str) -> None:
    email = address(name)
    add_contact(stack, email)
    page = left_by_the_old_system(stack, email, name)
    given = {"payment_date": "2025-11-20"} if name == "onboarding" else {}
    begin(stack, name, email, **given)

    def skipped() -> bool:
        return [run.labels.get("reason") for run in runs(stack, "enroll", email, name)] == [sequence(name).duplicate]

    until(skipped, "the event that is skipped as a duplicate")
    assert stack.kestra.kv_get(f"enrolled.{runs(stack, 'enroll', email, name)[0].inputs['enrolment']}") is None

    shown = group(stack, "notion", "release", email)
    assert (shown.exit_code, shown.stdout.splitlines()[0]) == (3, "To release:")
    assert "Nothing was changed" in shown.stdout
    assert pages_of(stack, email)[page]["Template Type"] == sequence(name).template_type
    done = group(stack, "notion", "release", email, "--yes")
    assert done.exit_code == 0
    assert done.stdout.endswith("Released: 1 page. Post the same event again.\n")
    assert pages_of(stack, email)[page]["Template Type"] is None

    begin(stack, name, email, **given)
    enrolled(stack, email, name)
    assert numbers(wait_for_mails(stack, email, 3)) == [1, 2, 3]
    ended(stack, email, 3, sequence=name)
    (said,) = pages_of(stack, email).items()
    assert said[0] == page
    assert (said[1]["Template Type"], said[1]["Sequence Completed"]) == (sequence(name).template_type, True)
    assert all(said[1][notion_names.page_sent(number)] for number in (1, 2, 3))
    assert len(mails(stack, email)) == 3

    refused = group(stack, "notion", "release", email, "--yes")
    assert (refused.exit_code, refused.stdout.splitlines()[0]) == (
        1,
        "Not to release, for this system has enrolled the contact on it:",
    )


def test_a_page_that_this_system_enrolled_is_refused_though_no_email_was_sent(stack: Stack) -> None:
    email = address()
    add_contact(stack, email)
    begin(stack, "postcall", email, call_date="2025-11-20T14:00:00Z")
    enrolled(stack, email, "postcall")
    (page,) = pages_of(stack, email)
    # Whatever a person has made of the page meanwhile: Kestra knows it by its id too.
    for changed in ({}, {notion_names.PAGE_CALL_DATE: "2025-11-21"}):
        with stack.notion() as notion:
            notion.update_page(page, schema.SEQUENCE_PAGES, {notion_names.page_sent(1): None, **changed})
        shown = json.loads(group(stack, "notion", "release", email, "--yes", "--json").stdout)
        assert [each["refusal"] for each in shown["pages"]] == ["this system has enrolled the contact on it"]
        assert shown["released"] == []


def test_only_the_pages_that_the_old_system_left_are_released(stack: Stack) -> None:
    email = address()
    sent = left_by_the_old_system(stack, email, "noshow", **{notion_names.page_sent(1): "2025-11-20"})
    other = {notion_names.PAGE_CALENDLY_EVENT: "https://api.calendly.com/scheduled_events/BBB"}
    left = left_by_the_old_system(stack, email, "noshow", **other)
    result = group(stack, "notion", "release", email, "--yes", "--json")
    shown = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {each["page"]: each["refusal"] for each in shown["pages"]} == {
        sent: "it says that e-mails were sent: E1",
        left: None,
    }
    assert shown["released"] == [left]
    nobody = group(stack, "notion", "release", address())
    assert nobody.exit_code == 1
    assert nobody.stdout.startswith("There is no page of these sequences for ")
    assert group(stack, "notion", "release", "ana").exit_code == 2


@pytest.mark.parametrize(
    ("said", "event", "known", "expected"),
    [
        ({}, "AAA", False, None),
        ({}, "AAA", True, "this system has enrolled the contact on it"),
        ({"Email 2 Sent": "2025-11-20", "Email 7 Sent": "x"}, "AAA", False, "it says that e-mails were sent: E2, E7"),
        ({"Sequence Completed": True}, "AAA", False, "it says Sequence Completed"),
        ({"Sequence Completed": False}, "AAA", False, None),
        ({"Stop Reason": "booked"}, "AAA", False, "it has a Stop Reason, which only this system writes"),
        ({}, None, False, "it does not say which event it belongs to, so no event would find it"),
    ],
)
def test_what_is_refused_and_why(said: dict[str, Any], event: str | None, known: bool, expected: str | None) -> None:
    assert refusal(said, event, known) == expected


def test_the_sequences_of_the_old_system_are_those_that_can_be_released() -> None:
    assert [each.name for each in RELEASED] == ["noshow", "postcall", "onboarding"]
