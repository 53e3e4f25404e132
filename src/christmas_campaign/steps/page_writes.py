"""The request with which a flow changes a page in Notion."""

from __future__ import annotations

from typing import TypedDict

from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.steps import json_text


class PageWrite(TypedDict):
    """A request that changes a page: its path, and its body as JSON text."""

    path: str
    body: str


def page_write(update: PageUpdate) -> PageWrite:
    """Return the request that makes this update."""
    return {"path": update.path, "body": json_text(update.body)}
