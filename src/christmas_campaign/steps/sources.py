"""The step ``sources``, for executions of releases up to 0.4: the ids of the databases' data sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.notion import schema
from christmas_campaign.steps import data_source, ready_made

#: The look-ups that the flow hands over, and what people call each.
DATABASES = {
    "contacts": schema.CONTACTS.title,
    "pages": schema.SEQUENCE_PAGES.title,
    "templates": schema.TEMPLATES.title,
    "analytics": schema.ANALYTICS.title,
    "portals": schema.PORTALS.title,
}

#: How long the ids count. They hardly ever change.
KEPT = timedelta(minutes=10)


class Outputs(TypedDict):
    """What the step hands to the flow: ``keep``, the entry of the KV store with the id of each data source and ``until``
    (milliseconds since 1970), ready-made; ``None`` when an answer is missing."""

    keep: str | None


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: a response for each of ``DATABASES`` (``None``: Notion did not answer).

    Raises ``UnusableContext`` when Notion refused one.
    """
    found = {name: data_source(context[name], title) for name, title in DATABASES.items() if context.get(name)}
    if len(found) < len(DATABASES):
        return {"keep": None}
    return {"keep": ready_made({**found, "until": times.milliseconds(now + KEPT)})}
