"""The step ``compose``: the contact's page and the template as they are now to the exact e-mail, or to why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign import compose, settings
from christmas_campaign.enrolment import Record
from christmas_campaign.steps import accepted, ready_made, results


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:  # noqa: ARG001  (an e-mail says the same at any time)
    """Context: ``enrolment``, ``number``, ``record`` (from the KV store), ``page`` and ``templates`` (responses), ``settings``.

    Outputs: as ``compose.compose`` gives them, with ``request`` ready-made.
    """
    page = context["page"]
    outputs = compose.compose(
        Record.from_json(context["record"]),
        context["number"],
        enrolment=context["enrolment"],
        page=None if page.get("code") == 404 else accepted(page, "the contact's page"),
        found=results(context["templates"], "the look-up in Email Templates"),
        settings=settings.read(context["settings"]),
    )
    if outputs["send"]:
        outputs["request"] = ready_made(outputs["request"])
    return outputs
