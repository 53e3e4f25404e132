"""A template is cached for some minutes, which saves one request for each e-mail; then an edited one is used."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from support import add_contact, address, find_pages, post_event, refresh, wait_for_mails

from christmas_campaign.campaign import notion_names
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations.template_sync import CACHE_KEY
from christmas_campaign.sequences.registry import sequence


@pytest.mark.long
def test_edited_template_is_used_after_the_cache_expires(stack: Stack) -> None:
    """The test checks the expiry of the cache, and then sets it to now instead of waiting."""
    name = sequence("noshow").email(1).template

    def first_subject() -> str:
        email = address()
        add_contact(stack, email)
        post_event(stack, "noshow", email)
        return wait_for_mails(stack, email, 1)[0].subject

    # The cached template may be as old as the tests before this one.
    refresh(stack)
    old = first_subject()
    digest = hashlib.sha256(str(stack.kestra.kv_get(CACHE_KEY)).encode()).hexdigest()
    key = f"template.noshow.1.{digest}"
    cached = stack.kestra.kv_get(key)
    until = datetime.fromtimestamp(cached["until"] / 1000, UTC) - datetime.now(UTC)
    assert timedelta(minutes=4) < until <= timedelta(minutes=5)
    (page,) = find_pages(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, name)
    subject = page_values.plain(page)[notion_names.TEMPLATE_SUBJECT]
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, {notion_names.TEMPLATE_SUBJECT: "Edited"})
        try:
            assert first_subject() == old
            stack.kestra.kv_put(key, {**cached, "until": int(datetime.now(UTC).timestamp() * 1000)}, ttl="PT15M")
            assert first_subject() == "Edited"
        finally:
            # The stack is shared.
            notion.update_page(page["id"], schema.TEMPLATES, {notion_names.TEMPLATE_SUBJECT: subject})
            refresh(stack)
