"""What Chromium shows of e-mails, and which templates send none, because a browser would read them otherwise than we do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, browser
from support import (
    add_contact,
    address,
    find_pages,
    mails,
    numbers,
    post_event,
    refresh,
    runs,
    sign_up,
    until,
    wait_for_mails,
)
from unit.templates import test_browser_view

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.sandbox import Mail
from christmas_campaign.local.stack import Stack
from christmas_campaign.notion import page_values, schema
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.templates import browser_view

WORDS = "<p>{{mail_reason}} {{postal_address}}</p>"
FOOTER = f'{WORDS}<p><a href="{{{{unsubscribe_url}}}}">Unsubscribe</a></p>'


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as page:
        yield page


def show(page: Browser, html: str, folder: Path) -> str:
    """Open HTML as a page; return its visible text on one line."""
    file = folder / "mail.html"
    # A page without a doctype would be shown in the mode for old pages, which treats some errors differently.
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8>{html}", encoding="utf-8")
    page.open(file.as_uri())
    return " ".join(" ".join(page.texts("body")).split())


@contextmanager
def template_of(stack: Stack, name: str, number: int, **texts: str | None) -> Iterator[None]:
    """Change the template of an e-mail; the stack is shared, so it is restored afterwards."""
    title = sequence(name).email(number).template
    (page,) = find_pages(stack, schema.TEMPLATES, notion_names.TEMPLATE_NAME, title)
    parts = {
        "subject": notion_names.TEMPLATE_SUBJECT,
        "html": notion_names.TEMPLATE_HTML,
        "text": notion_names.TEMPLATE_TEXT,
    }
    values = page_values.plain(page)
    with stack.notion() as notion:
        notion.update_page(page["id"], schema.TEMPLATES, {parts[part]: text or "" for part, text in texts.items()})
        refresh(stack)
        try:
            yield
        finally:
            before = {part: str(values.get(part) or "") for part in parts.values()}
            notion.update_page(page["id"], schema.TEMPLATES, before)
            refresh(stack)


def first_email(stack: Stack, name: str, **fields: Any) -> tuple[str, Execution]:
    """Post an event for a new contact; return their address, and the run of the first e-mail once it has ended."""
    email = address()
    add_contact(stack, email)
    post_event(stack, name, email, **fields)

    def first_run() -> Execution | None:
        of_first = [
            run for run in runs(stack, "send-email", email, name) if run.labels.get("number") == "1" and run.ended
        ]
        return of_first[0] if of_first else None

    return email, until(first_run, "the end of the first e-mail")


def sent(stack: Stack, name: str, **fields: Any) -> Mail:
    """Return the first e-mail of a new contact."""
    email, run = first_email(stack, name, **fields)
    assert run.labels.get("outcome") == "sent", run.labels
    return mails(stack, email)[0]


@pytest.mark.parametrize(
    ("html", "reason", "shown"),
    [
        (
            f"{WORDS}<p>&#123;&#123;unsubscribe_url&#125;&#125;</p>",
            "template_without_footer",
            "{{mail_reason}} {{postal_address}} {{unsubscribe_url}}",
        ),
        (
            f'<a href="%7B%7Bcalendly_link%7D%7D">Book</a>{FOOTER}',
            "template_malformed",
            "Book {{mail_reason}} {{postal_address}} Unsubscribe",
        ),
        (
            f"<a href=”https://x.org”>Book</a>{FOOTER}",
            "template_malformed",
            "Book {{mail_reason}} {{postal_address}} Unsubscribe",
        ),
        (f"<p>Hi</p><!-- a note —>{FOOTER}", "template_without_footer", "Hi"),
        (
            f"<style>.small {{ display: none }}</style><p>Hi</p><div class=small>{FOOTER}</div>",
            "template_without_footer",
            "Hi",
        ),
    ],
)
def test_template_that_a_browser_reads_otherwise_is_not_sent(
    stack: Stack, chromium: Browser, tmp_path: Path, html: str, reason: str, shown: str
) -> None:
    assert show(chromium, html, tmp_path) == shown
    with template_of(stack, "noshow", 1, html=html, text=None):
        email, run = first_email(stack, "noshow")
    assert (run.labels.get("outcome"), run.labels.get("reason")) == ("failed", reason)
    assert 1 not in numbers(mails(stack, email))


def test_values_are_read_as_they_are_meant(stack: Stack, chromium: Browser, tmp_path: Path) -> None:
    html = f'<p>{{{{nickname|Smith &amp; Sons}}}}</p><a href="https://x.org/?salon={{{{business_name}}}}&a=b">Book</a>{FOOTER}'
    with template_of(stack, "noshow", 1, html=html, text=None):
        mail = sent(stack, "noshow", business_name='Tom & "Zoë" #1')
    assert show(chromium, mail.html, tmp_path).startswith("Smith & Sons Book You get this e-mail")
    assert chromium.attribute("a[href^='https://x.org']", "href") == (
        "https://x.org/?salon=Tom%20%26%20%22Zo%C3%AB%22%20%231&a=b"
    )


def test_foreign_default_is_not_sent(stack: Stack) -> None:
    html = f"<p>{{{{ nickname | default: 'friend' }}}}</p>{FOOTER}"
    with template_of(stack, "noshow", 1, html=html, text=None):
        email, run = first_email(stack, "noshow")
    assert (run.labels.get("outcome"), run.labels.get("reason")) == ("failed", "template_malformed")
    assert 1 not in numbers(mails(stack, email))


def test_signup_without_systems_reads_no_fact_that_nobody_told(stack: Stack, chromium: Browser, tmp_path: Path) -> None:
    email = address()
    sign_up(stack, email)
    arrived = wait_for_mails(stack, email, 4)
    texts = [show(chromium, mail.html, tmp_path) for mail in arrived]
    for text in (*texts, *(mail.text for mail in arrived), *(mail.subject for mail in arrived)):
        assert not re.search(r"\bGPS\b|\bFUEL\b|\bCABIN\b|\$0|\{\{|Zone\b|: 0", text)
    assert "begin with one small change that your team will notice" in texts[0]
    assert "What that adds up to" in texts[1]


def test_signup_with_systems_reads_what_it_told(stack: Stack, chromium: Browser, tmp_path: Path) -> None:
    email = address()
    sign_up(stack, email, weakest_system_1="CREW", revenue_leak_total=14700)
    arrived = wait_for_mails(stack, email, 4)
    texts = [show(chromium, mail.html, tmp_path) for mail in arrived]
    assert arrived[0].subject == "CREW came out lowest. Start here."
    assert "one system came out lowest: CREW" in texts[0]
    assert "A month $14,700" in texts[1]


def cases(test: Any) -> list[str]:
    """Return the HTML of each case of a parametrized test."""
    (mark,) = (mark for mark in test.pytestmark if mark.name == "parametrize")
    return [str(case) for case in mark.args[1]]


#: What a reader cannot rely on, although Chromium shows it: the hiding is for Outlook or for small screens, or the text is in a
#: field or a picture. WebDriver also counts text that is drawn outside the page, or stands for something that is not supported.
STRICTER = (
    *("mso-hide", "@media", "<textarea", "<noscript", "<select", "<object", "<svg", "<math"),
    *("<iframe", "<noembed", "<noframes", "<video", "<audio", "<canvas", "<details"),
    *("none important", "text-indent", "left:", "top:", "opacity", "font-size"),
)


def test_hidden_is_what_chromium_does_not_show(chromium: Browser, tmp_path: Path) -> None:
    hidden = [
        html
        for html in cases(test_browser_view.test_hidden_text_is_not_shown)
        if not any(part in html for part in STRICTER)
    ]
    assert len(hidden) > 20
    seen = [html for html in hidden if show(chromium, f"<b>before</b> {html}<i>after</i>", tmp_path) != "before after"]
    assert seen == []


def test_shown_is_what_chromium_shows(chromium: Browser, tmp_path: Path) -> None:
    for html in cases(test_browser_view.test_other_text_is_shown):
        assert show(chromium, html, tmp_path) == " ".join(browser_view.view(html).shown.split()), html
