"""What the law wants in every e-mail (CASL, CAN-SPAM, GDPR): a way out, the sender's postal address, and why one gets it."""

from __future__ import annotations

from collections.abc import Mapping

from christmas_campaign.campaign import notion_names
from christmas_campaign.email import plain_text, template_text

#: The placeholders of the footer: each body of a template needs all three, where a reader sees them.
UNSUBSCRIBE, POSTAL_ADDRESS, MAIL_REASON = "unsubscribe_url", "postal_address", "mail_reason"
PLACEHOLDERS = (UNSUBSCRIBE, POSTAL_ADDRESS, MAIL_REASON)

#: The setting that gives a placeholder of the footer its value.
SETTINGS = {UNSUBSCRIBE: "ENV_PUBLIC_URL or SECRET_UNSUBSCRIBE_KEY", POSTAL_ADDRESS: "ENV_POSTAL_ADDRESS"}


def missing(texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the placeholders of the footer that a template's bodies lack, by the property of the body.

    ``texts`` has the texts of the template by property, as they stand in Notion. An empty plain text lacks nothing: it is made
    from the HTML.
    """
    # What stands in a comment, or is hidden, tells nobody anything.
    seen = {notion_names.TEMPLATE_HTML: plain_text.from_html(texts.get(notion_names.TEMPLATE_HTML) or "")}
    text = texts.get(notion_names.TEMPLATE_TEXT) or ""
    if text.strip():
        seen[notion_names.TEMPLATE_TEXT] = text
    found = {}
    for part, read in seen.items():
        names = {placeholder.name for placeholder in template_text.parse(read).placeholders}
        lacks = tuple(name for name in PLACEHOLDERS if name not in names)
        if lacks:
            found[part] = lacks
    return found
