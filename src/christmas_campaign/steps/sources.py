"""The step ``sources``, for executions of releases up to 0.4: the ids of the databases' data sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.notion import schema
from christmas_campaign.steps import data_source, json_text

#: The titles of the databases, by the names of their look-ups in the flow.
DATABASES = {
    "contacts": schema.CONTACTS.title,
    "pages": schema.SEQUENCE_PAGES.title,
    "templates": schema.TEMPLATES.title,
    "analytics": schema.ANALYTICS.title,
    "portals": schema.PORTALS.title,
}

#: How long the ids are valid. They rarely change.
LIFETIME = timedelta(minutes=10)


class Outputs(TypedDict):
    """``keep`` is the entry for the KV store as JSON text: the id of each data source, and ``until`` when it is valid
    (milliseconds since 1970). ``None`` if a response is missing.
    """

    keep: str | None


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: a response for each of ``DATABASES`` (``None``: no response).

    Raises ``UnusableContext`` if Notion refused a look-up.
    """
    ids = {name: data_source(context[name], title) for name, title in DATABASES.items() if context.get(name)}
    if len(ids) < len(DATABASES):
        return {"keep": None}
    return {"keep": json_text({**ids, "until": times.milliseconds(now + LIFETIME)})}
