"""Change templates and pages in Notion while e-mails wait or are being sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import address, find_pages, page_of, refresh, sign_up, wait_for_mails

from christmas_campaign.campaign import notion_names
from christmas_campaign.email import footer
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from faults.account import Expected, settle_the_account
from faults.breaking import delayed_call
from faults.people import SIGNUP, about_to_get_the_last, again, anchored, wait_until_enrolled

TEMPLATE = "5-Day E5"

#: A template without these placeholders is not sent.
FOOTER = "".join(f"<p>{{{{{placeholder}}}}}</p>" for placeholder in footer.PLACEHOLDERS)


@contextmanager
def template_changed(stack: Stack, values: Mapping[str, Any]) -> Iterator[None]:
    """Change the template of the last e-mail in Notion, and change it back afterwards."""
    (page,) = find_pages(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, TEMPLATE)
    before = {name: page_values.plain(page)[name] for name in values}
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, values)
        refresh(stack)
        try:
            yield
        finally:
            notion.update_page(page["id"], schema.TEMPLATES, before)
            refresh(stack)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({notion_names.TEMPLATE_STATUS: "Draft"}, "template_missing"),
        ({notion_names.TEMPLATE_HTML: ""}, "template_empty"),
        ({notion_names.TEMPLATE_HTML: "<p>Hello {{first_name}}</p>"}, "template_without_footer"),
        ({notion_names.TEMPLATE_HTML: f"<p>Hello {{{{nobody_knows_this}}}}</p>{FOOTER}"}, "value_missing"),
    ],
    ids=["missing", "emptied", "without the footer", "with a hole"],
)
def test_18_a_template_is_missing_or_empty_or_lacks_its_footer_or_a_value(
    stack: Stack, values: Mapping[str, Any], reason: str
) -> None:
    """No e-mail is sent, and the reason is recorded. After the correction and a replay the e-mail arrives once."""
    email = address()
    about_to_get_the_last(stack, [email], seconds=5)
    with template_changed(stack, values):
        settle_the_account(stack, [Expected(email, sent=(), missing={5: reason})])
    again(stack, email, 5)
    settle_the_account(stack, [Expected(email)])


@pytest.mark.long
def test_19_a_person_moves_the_page_to_the_trash_between_two_emails(stack: Stack) -> None:
    """The sent e-mails stay sent. The others are skipped, with the reason."""
    email = address()
    day = timedelta(hours=24) / stack.time_scale
    sign_up(stack, email, **anchored(stack, datetime.now(UTC) - day / 4, number=2))
    wait_for_mails(stack, email, 1)
    (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
    with stack.notion() as notion:
        notion.archive_page(page["id"])
    settle_the_account(stack, [Expected(email, (2,), dict.fromkeys((3, 4, 5), "page_archived"))])


@pytest.mark.long
def test_20_a_person_edits_the_page_during_a_send(stack: Stack) -> None:
    """The person's edit stays. An e-mail that the person marks as sent is not sent; the others are."""
    email = address()
    day = timedelta(hours=24) / stack.time_scale
    sign_up(stack, email, **anchored(stack, datetime.now(UTC) + day / 2, number=2))
    wait_until_enrolled(stack, email)
    with delayed_call(stack, "resend", when="after", method="POST") as wait:
        wait()
        (page,) = find_pages(stack, schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email)
        marked = {"First Name": "Anna", "Business Name": "Salon Anna", "Email 4 Sent": datetime.now(UTC)}
        with stack.notion() as notion:
            notion.update_page(page["id"], schema.SEQUENCE_PAGES, marked)
    settle_the_account(stack, [Expected(email, (2, 3, 5), {4: "already_sent"})])
    properties = page_of(stack, email)
    assert (properties["First Name"], properties["Business Name"]) == ("Anna", "Salon Anna")
    assert all(properties[f"Email {number} Sent"] is not None for number in SIGNUP)
