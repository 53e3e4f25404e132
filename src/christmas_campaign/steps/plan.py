"""The step ``plan``: an event and what Notion knows of the contact to everything that an enrolment writes and schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from christmas_campaign.campaign import settings
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.enrolment import amend, plan
from christmas_campaign.enrolment.alerts import Pages, about, failure
from christmas_campaign.enrolment.lookups import own_page
from christmas_campaign.enrolment.record import Record, labels
from christmas_campaign.events.intake import Event
from christmas_campaign.sequences.registry import sequence
from christmas_campaign.steps import labelled, ready_made, results, with_alert
from christmas_campaign.steps.outputs import retry_outputs
from christmas_campaign.stops import marks, rules


def step(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Context: ``event``, ``tries``; ``contacts``, ``pages`` and, where a portal is made, ``portals`` (responses; ``None``:
    Notion did not answer); ``sources`` (what the step ``sources`` kept, or ``None``), ``record`` (of an earlier enrolment for
    the same event that was not finished, or ``None``), ``stopped`` (what is kept of what stops the contact, or ``None``),
    ``signup`` (the record of the contact's signup, or ``None``), ``settings``; not from runs of older revisions of the flow:
    ``enrolled`` (whether all e-mails of the event are scheduled already), ``refresh`` (whether Notion was asked again then) and
    ``seen`` (a digest of ``record``).

    Outputs: as ``plan.plan`` gives them, with ``record``, ``known``, ``portal``, ``alert`` and the bodies of ``contact`` and
    ``page`` ready-made; ``known_ttl``, how long the KV store keeps ``known``; ``told``, what the team hears of what waits for a
    person. ``later`` is what becomes of the enrolment if Notion does not answer: as ``again.put_off`` gives it, with labels and
    ``alert``. If it has not answered already, that is all; else there is ``about``, for an alert (``About.as_json``).

    Of an event that is enrolled only ``go`` (false), ``outcome``, ``reason``, ``note`` and ``labels``, and ``amended``, the
    record with the values that were added, ready-made, with its ``ttl`` and ``seen`` as it was given (it takes the place of a
    record that is still the same); ``None`` when nothing was added.
    """
    event = Event.from_json(context["event"])
    if context.get("enrolled"):
        return _again(context, event, now)
    given = settings.read(context["settings"])
    put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context.get("tries", 0), given, now)
    pages = _pages(context, event)
    later = labelled(with_alert(retry_outputs(put_off), event, event.id, None, pages), **labels(event))
    asked = [context.get(name) for name in ("contacts", "pages", "sources")]
    if context["event"]["lookups"].get("portals") is not None:
        asked.append(context.get("portals"))
    if any(answer is None for answer in asked):
        return {"go": False, "outcome": Outcome.DEFERRED, "labels": later["labels"], "later": later}
    portals, record = context.get("portals"), context.get("record")
    outputs = plan.plan(
        _with_earlier_variables(event, record),
        contacts=results(context["contacts"], "the look-up in BusinessX"),
        pages=results(context["pages"], "the look-up in Email Sequence"),
        portals=results(portals, "the look-up in Customer Projects") if portals else (),
        begun=record is not None,
        planned=Record.from_json(record).emails if record else {},
        stopped=rules.read(context.get("stopped")),
        lifts=rules.lifts(context.get("stopped")),
        signup=_signup(context),
        sources=context["sources"],
        settings=given,
        now=now,
    )
    outputs |= {"later": later, "about": about(event, event.id, None, pages).as_json()}
    if not outputs["go"]:
        if outputs.get("warning"):
            outputs["told"] = failure(event, event.id, None, outputs["reason"], outputs["warning"], pages)
        return labelled(outputs, **labels(event))
    for name in ("record", "known", "portal", "alert"):
        if outputs[name] is not None:
            outputs[name] = ready_made(outputs[name])
    outputs["known_ttl"] = f"P{marks.KEPT.days}D"
    outputs["page"]["body"] = ready_made(outputs["page"]["body"])
    if outputs["contact"] is not None:
        outputs["contact"]["body"] = ready_made(outputs["contact"]["body"])
    return labelled(outputs, **labels(event))


def _again(context: Mapping[str, Any], event: Event, now: datetime) -> dict[str, Any]:
    """What an event that is enrolled adds to its enrolment."""
    answered = all(context.get(name) is not None for name in ("contacts", "pages"))
    unread = bool(context.get("refresh")) and not answered
    outputs = {
        "go": False,
        "outcome": Outcome.SKIPPED,
        "reason": Reason.NOTION_UNREACHABLE if unread else sequence(event.sequence).duplicate,
        "note": "This very event is enrolled already.",
        "amended": None,
    }
    if context.get("record") is not None:
        record = Record.from_json(context["record"])
        amended = amend.amend(
            record,
            event,
            contacts=results(context["contacts"], "the look-up in BusinessX") if answered else (),
            pages=results(context["pages"], "the look-up in Email Sequence") if answered else (),
            signup=_signup(context),
        )
        ttl = record.time_left(now)
        if amended != record and ttl is not None:
            note = "This very event is enrolled already; the values that came since were added."
            outputs |= {"note": note, "amended": ready_made(amended.as_json()), "ttl": ttl, "seen": context.get("seen")}
    return labelled(outputs, **labels(event))


def _with_earlier_variables(event: Event, record: Mapping[str, Any] | None) -> Event:
    """An event whose enrolment was begun and not finished, with what the same event brought before."""
    if record is None:
        return event
    return event._replace(variables=amend.variables(Record.from_json(record).event, event))


def _signup(context: Mapping[str, Any]) -> Event | None:
    signup = context.get("signup")
    return Record.from_json(signup).event if signup else None


def _pages(context: Mapping[str, Any], event: Event) -> Pages:
    """The contact's pages, as far as Notion has answered."""

    def found(name: str) -> list[Any]:
        answer = context.get(name)
        return results(answer, "the look-up") if answer is not None and answer.get("code") == 200 else []

    own, contacts = own_page(event, found("pages")), found("contacts")
    return Pages(str(own["id"]) if own else None, contacts[0]["id"] if contacts else None)
