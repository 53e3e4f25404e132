from __future__ import annotations

import pytest

from christmas_campaign.campaign import notion_names
from christmas_campaign.email import footer
from christmas_campaign.email.verdict import Verdict
from christmas_campaign.templates import html_verdict

ALL = "{{unsubscribe_url}} {{ postal_address }} {{mail_reason}}"
HTML, TEXT = notion_names.TEMPLATE_HTML, notion_names.TEMPLATE_TEXT


def missing(html: str | None, text: str | None) -> dict[str, tuple[str, ...]]:
    bodies = {HTML: html, TEXT: text}
    texts = {part: body for part, body in bodies.items() if body is not None}
    return footer.missing(texts, html_verdict.judge(html or ""))


def test_complete_footer_in_both_bodies_lacks_nothing() -> None:
    assert missing(f"<p>{ALL}</p>", ALL) == {}


@pytest.mark.parametrize("text", [None, " \n"])
def test_empty_plain_text_lacks_nothing_because_it_is_made_from_the_html(text: str | None) -> None:
    assert missing("{{unsubscribe_url}}{{postal_address}}", text) == {HTML: ("mail_reason",)}


@pytest.mark.parametrize("html", [None, "<p>Merry Christmas</p>"])
def test_missing_placeholders_are_listed_in_order(html: str | None) -> None:
    everything = ("unsubscribe_url", "postal_address", "mail_reason")
    assert missing(html, "text") == {HTML: everything, TEXT: everything}


def test_comment_is_visible_in_the_plain_text_alone() -> None:
    assert list(missing(f"<!-- {ALL} -->", f"<!-- {ALL} -->")) == [HTML]


def test_footer_that_only_some_contacts_get_is_incomplete() -> None:
    some = "{{unsubscribe_url}}{{#x}}{{mail_reason}}{{/x}}{{^x}}{{postal_address}}{{/x}}"
    lacks = ("postal_address", "mail_reason")
    assert missing(f"<p>{some}</p>", some) == {HTML: lacks, TEXT: lacks}
    assert missing(ALL, f"{{{{#x}}}}{ALL}{{{{/x}}}}{{{{^x}}}}{ALL}{{{{/x}}}}") == {}


def test_html_lacks_what_the_verdict_says() -> None:
    verdict = Verdict("", ("mail_reason", "postal_address"), ())
    assert footer.missing({HTML: ALL, TEXT: ALL}, verdict) == {HTML: ("postal_address", "mail_reason")}


def test_html_lacks_what_its_plain_text_would_lack() -> None:
    verdict = Verdict("", (), ())
    assert footer.missing({HTML: f"<p style='display:none'>x<p>{ALL}"}, verdict) == {HTML: footer.PLACEHOLDERS}
