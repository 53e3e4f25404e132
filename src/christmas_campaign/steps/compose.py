"""The step ``compose``, for executions of releases up to 0.4: writes the exact e-mail, or says why it is not sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import compose
from christmas_campaign.email.compose import Composed, NotSent
from christmas_campaign.email.gate import KEY_HOLDS
from christmas_campaign.enrolment.record import LedgerEntry, Record, time_to_live
from christmas_campaign.steps import kept_verdicts, response_object, result_pages
from christmas_campaign.steps.outputs import json_text
from christmas_campaign.stops import rules

#: How long the copy of a template is valid. An edit in Notion takes effect after this time at the latest.
TEMPLATE_LIFETIME = timedelta(minutes=5)

#: The times until which these flows wait, in milliseconds since 1970: no time. Today's flow keeps the pace at its end.
NO_PACE = {"even": 0, "next": 0, "stamped": 0, "noted": 0, "longest": 0, "rest": 0}


class Outputs(TypedDict):
    """``send``: whether the e-mail is sent. ``keep`` is the copy of the template for the KV store (JSON text), ``claimed_at``
    the time of the first claim (UTC; ``None``: never claimed), ``pace`` is ``NO_PACE``.

    If the e-mail is sent: the fields of ``compose.Composed``, with the request in the file that the context names, or as an
    output; ``claim`` for the ledger (JSON text) and its lifetime ``ttl``; ``seen``, passed on from the context, because the
    claim replaces only an entry that still equals it; and ``until`` when the idempotency key is valid (milliseconds since
    1970). If not: the fields of ``compose.NotSent``.
    """

    send: bool
    claimed_at: str | None
    pace: Mapping[str, int]
    keep: NotRequired[str | None]
    request: NotRequired[str]
    files: NotRequired[Mapping[str, str]]
    idempotency_key: NotRequired[str]
    claim: NotRequired[str]
    seen: NotRequired[str | None]
    ttl: NotRequired[str]
    until: NotRequired[int]
    outcome: NotRequired[Outcome]
    reason: NotRequired[Reason]
    detail: NotRequired[str]
    missing: NotRequired[Sequence[str]]


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context:

    - ``enrolment``, ``number``, ``settings``; ``record``, ``own`` (the enrolment and the e-mail's ledger entry);
    - ``page``, ``templates``: Notion's responses (``None``: no response); ``kept``: the copy of the template in the KV store;
    - since 0.3: ``unsubscribe_key``, ``file``, ``stopped`` (the contact's stops), ``seen`` (``own`` as text).
    """
    own = LedgerEntry.from_json(context["own"]) if context.get("own") else None
    claimed_at = own.claimed_at if own else None
    outputs: Outputs = {
        "send": False,
        "claimed_at": times.text(claimed_at) if claimed_at else None,
        "pace": NO_PACE,
    }
    page, templates, copy = context.get("page"), context.get("templates"), context.get("kept")
    if page is None or (templates is None and copy is None):
        return {**outputs, "outcome": Outcome.DEFERRED, "reason": Reason.NOTION_UNREACHABLE, "detail": ""}
    keep = None
    if templates is not None:
        active = compose.active_templates(result_pages(templates, "the look-up in Email Templates"))
        verdict = kept_verdicts.verdict_of(active)
        until = times.milliseconds(now + TEMPLATE_LIFETIME)
        keep = json_text({"active": active, "until": until, "verdict": verdict})
    else:
        active, verdict = (copy or {})["active"], (copy or {}).get("verdict")
    record = Record.from_json(context["record"])
    decision = compose.compose(
        record,
        context["number"],
        enrolment=context["enrolment"],
        page=None if page.get("code") == 404 else response_object(page, "the contact's page"),
        active=active,
        # Older revisions have no stops in the context. Then a mark on the page without a time does not count.
        lifts=rules.lifts(context.get("stopped", {})),
        judge=kept_verdicts.judge(verdict),
        settings=_settings(context),
    )
    # If the e-mail is not sent, the template may be at fault. The corrected one must take effect at once.
    outputs["keep"] = keep if isinstance(decision, Composed) else None
    if isinstance(decision, NotSent):
        outputs["outcome"], outputs["reason"], outputs["detail"] = decision.outcome, decision.reason, decision.detail
        if decision.missing:
            outputs["missing"] = decision.missing
        return outputs
    claim = LedgerEntry(Outcome.SENDING, now, claimed_at=claimed_at or now)
    outputs |= {
        "send": True,
        "idempotency_key": decision.idempotency_key,
        "claim": json_text(claim.as_json()),
        "seen": context.get("seen"),
        "ttl": time_to_live(record.emails[record.last], now),
        "claimed_at": times.text(claimed_at or now),
        "until": times.milliseconds((claimed_at or now) + KEY_HOLDS),
    }
    request = json_text(decision.request)
    if context.get("file"):
        outputs["files"] = {context["file"]: request}
    else:
        outputs["request"] = request
    return outputs


def _settings(context: Mapping[str, Any]) -> settings.Settings:
    """Return the settings with the key for unsubscribe links, which only this step receives."""
    return settings.read({**context["settings"], "unsubscribe_key": context.get("unsubscribe_key")})
