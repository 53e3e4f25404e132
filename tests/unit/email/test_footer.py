"""The footer that the law wants: each body has all of it where a reader sees it."""

from __future__ import annotations

import pytest

from christmas_campaign.campaign import notion_names
from christmas_campaign.email import footer

ALL = "{{unsubscribe_url}} {{ postal_address }} {{mail_reason}}"


def lacks(html: str | None, text: str | None) -> dict[str, tuple[str, ...]]:
    given = {notion_names.TEMPLATE_HTML: html, notion_names.TEMPLATE_TEXT: text}
    return footer.missing({name: value for name, value in given.items() if value is not None})


def test_both_bodies_have_it() -> None:
    assert lacks(f"<p>{ALL}</p>", ALL) == {}


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_plain_text_that_is_made_from_the_html_lacks_nothing(text: str | None) -> None:
    assert lacks(f"<p>{ALL}</p>", text) == {}
    assert lacks(f"<p>{ALL.replace('{{mail_reason}}', '')}</p>", text) == {notion_names.TEMPLATE_HTML: ("mail_reason",)}


@pytest.mark.parametrize("html", [None, "", "<p>Merry Christmas</p>"])
def test_what_lacks_all_of_it_lacks_it_in_its_order(html: str | None) -> None:
    everything = ("unsubscribe_url", "postal_address", "mail_reason")
    assert lacks(html, "text") == {notion_names.TEMPLATE_HTML: everything, notion_names.TEMPLATE_TEXT: everything}


def test_a_comment_is_seen_in_a_plain_text_and_nowhere_else() -> None:
    hidden = f"<!-- {ALL} -->"
    assert lacks(f"<p>{ALL}</p>", hidden) == {}
    assert list(lacks(f"<p>{hidden}</p>", ALL)) == [notion_names.TEMPLATE_HTML]
