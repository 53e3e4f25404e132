"""A template is cached for some minutes, which saves one request for each e-mail; then an edited one is used."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import add_contact, address, find_pages, post_event, refresh, wait_for_mails

from christmas_campaign.campaign import notion_names
from christmas_campaign.email import compose
from christmas_campaign.email.verdict import Verdict
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.operations.template_sync import CACHE_KEY
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.templates import html_verdict


def kept_copy(stack: Stack) -> tuple[str, Any]:
    """Return the key and the value of the kept copy of the first no-show template."""
    digest = hashlib.sha256(str(stack.kestra.kv_get(CACHE_KEY)).encode()).hexdigest()
    key = f"template.noshow.1.{digest}"
    return key, stack.kestra.kv_get(key)


def first_subject(stack: Stack) -> str:
    """Report a missed call of a new contact, and return the subject of the first e-mail."""
    email = address()
    add_contact(stack, email)
    post_event(stack, "noshow", email)
    return wait_for_mails(stack, email, 1)[0].subject


def test_copy_of_a_template_has_the_verdict_on_its_html(stack: Stack) -> None:
    refresh(stack)
    first_subject(stack)
    _, copy = kept_copy(stack)
    (template,) = compose.active_templates(json.loads(copy["body"])["results"])
    assert Verdict.from_json(copy["verdict"]) == html_verdict.judge(str(template[notion_names.TEMPLATE_HTML]))


@pytest.mark.long
def test_edited_template_is_used_after_the_cache_expires(stack: Stack) -> None:
    """The test checks the expiry of the cache, and then sets it to now instead of waiting."""
    name = sequence("noshow").email(1).template

    # The cached template may be as old as the tests before this one.
    refresh(stack)
    old = first_subject(stack)
    key, cached = kept_copy(stack)
    until = datetime.fromtimestamp(cached["until"] / 1000, UTC) - datetime.now(UTC)
    assert timedelta(minutes=4) < until <= timedelta(minutes=5)
    (page,) = find_pages(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, name)
    subject = page_values.plain(page)[notion_names.TEMPLATE_SUBJECT]
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, {notion_names.TEMPLATE_SUBJECT: "Edited"})
        try:
            assert first_subject(stack) == old
            stack.kestra.kv_put(key, {**cached, "until": int(datetime.now(UTC).timestamp() * 1000)}, ttl="PT15M")
            assert first_subject(stack) == "Edited"
        finally:
            # The stack is shared.
            notion.update_page(page["id"], schema.TEMPLATES, {notion_names.TEMPLATE_SUBJECT: subject})
            refresh(stack)
