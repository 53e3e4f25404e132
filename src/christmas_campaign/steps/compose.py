"""The step ``compose``: the contact's page and the template as they are now to the exact e-mail, or to why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import compose, pace
from christmas_campaign.email.gate import KEY_HOLDS
from christmas_campaign.enrolment.record import Record, Settled, time_to_live
from christmas_campaign.steps import FILES, accepted, ready_made, results
from christmas_campaign.stops import rules

#: How long a template that Notion gave counts; after an edit it is used that much later at the latest.
TEMPLATE_KEPT = timedelta(minutes=5)


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``enrolment``, ``number``, ``record`` and ``own`` (from the KV store), ``page`` (response; ``None``: Notion did
    not answer), ``kept`` (the template from the KV store, ``None`` if not there) or ``templates`` (response; ``None``
    likewise), ``settings``, ``turn`` (as ``gate`` gave it); not from runs of older revisions of the flow: ``unsubscribe_key``,
    ``seen`` (``own`` as text), ``called`` and ``looked`` (when the page was asked for, and was there, in milliseconds since
    1970; ``called`` as text, ``0`` if Notion did not answer), ``file``, and ``stopped`` (what is kept of what stops the
    contact, ``None`` if nothing is).

    Outputs: as ``compose.compose`` gives them, with ``request`` ready-made, in the file that ``file`` names or as an output.
    ``keep`` is the template for the KV store if it came from Notion and is of use, ``claimed_at`` when the e-mail was claimed
    first, now or before (``None``: never). For one that is sent also ``claim`` and its ``ttl`` for the KV store, ``seen`` as it
    was given (the claim is for an entry that says so still), and ``until``: how long (milliseconds since 1970) its idempotency
    key holds. ``pace`` (``Pace.as_json``) comes from here, for this is the first step after the first call.
    """
    outputs = _composed(context, now)
    if context.get("file") and "request" in outputs:
        outputs[FILES] = {context["file"]: outputs.pop("request")}
    return {**outputs, "pace": _pace(context, now).as_json()}


def _pace(context: Mapping[str, Any], now: datetime) -> pace.Pace:
    began, opened = (times.moment(context["turn"][name]) for name in ("began", "opened"))
    looked = times.moment(context["looked"]) if "looked" in context else now
    called = times.moment(int(context["called"])) if context.get("called", "0") != "0" else None
    return pace.pace(pace.Turn(began, opened, called, looked), settings.read(context["settings"]).pace)


def _settings(context: Mapping[str, Any]) -> settings.Settings:
    """The settings, the key for the links among them: only this step gets it."""
    return settings.read({**context["settings"], "unsubscribe_key": context.get("unsubscribe_key")})


def _composed(context: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    page, templates, kept = context.get("page"), context.get("templates"), context.get("kept")
    own = Settled.from_json(context["own"]) if context.get("own") else None
    claimed = {"claimed_at": times.text(own.claimed_at) if own and own.claimed_at else None}
    if page is None or (templates is None and kept is None):
        return {
            "send": False,
            "outcome": Outcome.DEFERRED,
            "reason": Reason.NOTION_UNREACHABLE,
            "detail": "",
            **claimed,
        }
    keep = None
    if templates is not None:
        active = compose.active_templates(results(templates, "the look-up in Email Templates"))
        until = times.milliseconds(now + TEMPLATE_KEPT)
        keep = ready_made({"active": active, "until": until})
    else:
        active = (kept or {})["active"]
    record = Record.from_json(context["record"])
    outputs = compose.compose(
        record,
        context["number"],
        enrolment=context["enrolment"],
        page=None if page.get("code") == 404 else accepted(page, "the contact's page"),
        active=active,
        # An older revision does not say: then a mark without a time does not count.
        lifts=rules.lifts(context.get("stopped", {})),
        settings=_settings(context),
    )
    if not outputs["send"]:
        # Not kept: one that is of no use is mended, and is to count at once then.
        return {**outputs, "keep": None, **claimed}
    claimed_at = (own.claimed_at if own else None) or now
    claim = Settled(Outcome.SENDING, now, claimed_at=claimed_at).as_json()
    return {
        **outputs,
        "request": ready_made(outputs["request"]),
        "keep": keep,
        "claim": ready_made(claim),
        "seen": context.get("seen"),
        "ttl": time_to_live(record.emails[record.last], now),
        "claimed_at": claim["claimed_at"],
        "until": times.milliseconds(claimed_at + KEY_HOLDS),
    }
