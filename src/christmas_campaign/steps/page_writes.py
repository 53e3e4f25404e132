"""A change of a page in Notion, as a flow makes the request."""

from __future__ import annotations

from typing import TypedDict

from christmas_campaign.notion.page_values import PageUpdate
from christmas_campaign.steps import ready_made


class PageWrite(TypedDict):
    """A request that changes a page: its path, and the body, ready-made."""

    path: str
    body: str


def page_write(update: PageUpdate) -> PageWrite:
    """Return the request that makes this update."""
    return {"path": update.path, "body": ready_made(update.body)}
