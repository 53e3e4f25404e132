"""The verdict that is kept with the copy of a template, so that not every e-mail makes it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from christmas_campaign.campaign import notion_names
from christmas_campaign.email.verdict import Judge, Verdict, digest
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion.page_values import PropertyValue


def judge(kept: Mapping[str, Any] | None) -> Judge:
    """Return a function that returns the kept verdict (JSON; ``None``: there is none) if it is about the HTML that it gets.

    Otherwise, for a copy of an older release or of another text, the function makes a verdict.
    """

    def verdict(html: str) -> Verdict:
        if kept is not None and kept["digest"] == digest(html):
            return Verdict.from_json(kept)
        return _made(html)

    return verdict


def verdict_of(active: Sequence[Mapping[str, PropertyValue]]) -> JsonObject | None:
    """Return the verdict (JSON) on the HTML of the only active template; ``None`` if there is not exactly one.

    ``active`` comes from ``compose.active_templates``.
    """
    if len(active) != 1:
        return None
    return _made(str(active[0].get(notion_names.TEMPLATE_HTML) or "")).as_json()


def _made(html: str) -> Verdict:
    # Imported here, because the HTML parser would make every step a third slower, and most steps need no new verdict.
    from christmas_campaign.templates import html_verdict

    return html_verdict.judge(html)
