"""The footer that the law requires in every e-mail (CASL, CAN-SPAM, GDPR).

It has an unsubscribe link, the sender's postal address, and the reason why the contact gets the e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping

from christmas_campaign.campaign import notion_names
from christmas_campaign.email import plain_text, sections, template_text
from christmas_campaign.email.verdict import Verdict

#: The placeholders of the footer. Each body of a template needs all three, in visible text.
UNSUBSCRIBE, POSTAL_ADDRESS, MAIL_REASON = "unsubscribe_url", "postal_address", "mail_reason"
PLACEHOLDERS = (UNSUBSCRIBE, POSTAL_ADDRESS, MAIL_REASON)

#: The setting behind each footer placeholder that depends on one.
SETTINGS = {UNSUBSCRIBE: "ENV_PUBLIC_URL or SECRET_UNSUBSCRIBE_KEY", POSTAL_ADDRESS: "ENV_POSTAL_ADDRESS"}


def missing(texts: Mapping[str, str], verdict: Verdict) -> dict[str, tuple[str, ...]]:
    """Return the footer placeholders that a template's bodies lack, by the Notion property of the body.

    ``texts`` holds the template's texts by property, as they are in Notion; ``verdict`` is the one on its HTML. The HTML also
    lacks what the plain text that is made from it would lack. An empty plain text lacks nothing.
    """
    html = texts.get(notion_names.TEMPLATE_HTML) or ""
    derived = {name for part in sections.variants(html) for name in _absent(plain_text.from_html(part))}
    text = texts.get(notion_names.TEMPLATE_TEXT) or ""
    absent = {
        notion_names.TEMPLATE_HTML: tuple(name for name in PLACEHOLDERS if name in verdict.lacks or name in derived),
        notion_names.TEMPLATE_TEXT: _absent(text) if text.strip() else (),
    }
    return {part: names for part, names in absent.items() if names}


def _absent(text: str) -> tuple[str, ...]:
    """Return the footer placeholders that are missing for some contacts."""
    present = [
        {placeholder.name for placeholder in template_text.parse(part).placeholders} for part in sections.variants(text)
    ]
    return tuple(name for name in PLACEHOLDERS if not all(name in names for names in present))
