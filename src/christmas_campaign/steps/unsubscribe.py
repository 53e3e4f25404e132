"""The step ``unsubscribe``: the call of a contact's link to what she asks for, or to a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import unsubscribe_link
from christmas_campaign.events.arrival import arrival
from christmas_campaign.steps import UnusableContext, labelled
from christmas_campaign.stops import unsubscribe


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``payload`` (as the webhook got it), ``unsubscribe_key``, and ``received_at``, when the door got the call
    (``None``: now).

    Outputs: as ``stops.unsubscribe.answer`` gives them, with ``labels``. Raises ``UnusableContext`` where the key is none.
    """
    try:
        keys = unsubscribe_link.keys(str(context["unsubscribe_key"]))
    except ValueError as error:
        raise UnusableContext(f"SECRET_UNSUBSCRIBE_KEY {error} (as base64)") from None
    found = unsubscribe.answer(context.get("payload"), keys, arrival(context.get("received_at"), now))
    return labelled(found, **({"contact": found["contact"]} if found["contact"] else {}))
