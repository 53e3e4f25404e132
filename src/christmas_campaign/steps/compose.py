"""The step ``compose``, for executions of releases up to 0.4: the exact e-mail, or why there is none."""

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
from christmas_campaign.steps import accepted, results
from christmas_campaign.steps.outputs import ready_made
from christmas_campaign.stops import rules

#: How long a template that Notion gave counts; after an edit it is used that much later at the latest.
TEMPLATE_KEPT = timedelta(minutes=5)

#: When the flow is to go on, in milliseconds since 1970: at once. The lane keeps the limits by a rest at its end now.
NO_PACE = {"even": 0, "next": 0, "stamped": 0, "noted": 0, "longest": 0, "rest": 0}


class Outputs(TypedDict):
    """What the flow reads. ``send`` says whether the e-mail is sent; texts of JSON are ready-made.

    ``keep`` is the template for the KV store if it came from Notion and is of use, ``claimed_at`` when the e-mail was claimed
    first, now or before (``None``: never). ``pace`` is ``NO_PACE``.

    If it is sent: the fields of ``compose.Composed``, the request in the file that ``file`` names in the context or as an
    output; ``claim`` and its ``ttl`` for the KV store, ``seen`` as it was given (the claim is for an entry that says so still),
    and ``until``: how long (milliseconds since 1970) its idempotency key holds. If not: the fields of ``compose.NotSent``.
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
    """Context: ``enrolment``, ``number``, ``record`` and ``own`` (from the KV store), ``page`` (response; ``None``: Notion did
    not answer), ``kept`` (the template from the KV store, ``None`` if not there) or ``templates`` (response; ``None``
    likewise), ``settings``; not from runs of revisions before 0.3: ``unsubscribe_key``, ``seen`` (``own`` as text), ``file``,
    and ``stopped`` (what is kept of what stops the contact, ``None`` if nothing is).
    """
    own = LedgerEntry.from_json(context["own"]) if context.get("own") else None
    claimed_at = own.claimed_at if own else None
    outputs: Outputs = {
        "send": False,
        "claimed_at": times.text(claimed_at) if claimed_at else None,
        "pace": NO_PACE,
    }
    page, templates, kept = context.get("page"), context.get("templates"), context.get("kept")
    if page is None or (templates is None and kept is None):
        return {**outputs, "outcome": Outcome.DEFERRED, "reason": Reason.NOTION_UNREACHABLE, "detail": ""}
    keep = None
    if templates is not None:
        active = compose.active_templates(results(templates, "the look-up in Email Templates"))
        keep = ready_made({"active": active, "until": times.milliseconds(now + TEMPLATE_KEPT)})
    else:
        active = (kept or {})["active"]
    record = Record.from_json(context["record"])
    decision = compose.compose(
        record,
        context["number"],
        enrolment=context["enrolment"],
        page=None if page.get("code") == 404 else accepted(page, "the contact's page"),
        active=active,
        # An older revision does not say: then a mark without a time does not count.
        lifts=rules.lifts(context.get("stopped", {})),
        settings=_settings(context),
    )
    # Not kept if the e-mail is not sent: a template that is of no use is mended, and is to count at once then.
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
        "claim": ready_made(claim.as_json()),
        "seen": context.get("seen"),
        "ttl": time_to_live(record.emails[record.last], now),
        "claimed_at": times.text(claimed_at or now),
        "until": times.milliseconds((claimed_at or now) + KEY_HOLDS),
    }
    request = ready_made(decision.request)
    if context.get("file"):
        outputs["files"] = {context["file"]: request}
    else:
        outputs["request"] = request
    return outputs


def _settings(context: Mapping[str, Any]) -> settings.Settings:
    """The settings, the key for the links among them: only this step gets it."""
    return settings.read({**context["settings"], "unsubscribe_key": context.get("unsubscribe_key")})
