"""The step ``settle_enrolment``: what became of an enrolment, and what is left to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypedDict

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.email import retry
from christmas_campaign.email.retry import PutOff, Retry
from christmas_campaign.enrolment.alerts import Pages
from christmas_campaign.enrolment.record import labels
from christmas_campaign.events.intake import Event
from christmas_campaign.json_types import JsonObject
from christmas_campaign.steps import UnusableContext, accepted, ready_made, with_answers
from christmas_campaign.steps.outputs import failure_alert, label_text, labelled, read_settings

#: What a plan may write, and the name of its answer in the context.
_WRITES = {"contact": "contact_saved", "page": "page_saved", "portal": "portal_saved"}


class Outputs(TypedDict):
    """What the flow reads.

    ``page_id`` is the id of the contact's page, empty unless the contact is enrolled now. ``contact`` is the contact's opaque
    id.
    ``labels`` are for the execution, ``detail`` is for the person who looks at it, ``log`` for its log. ``follow_up`` is the
    input ``decision`` of the flow `enroll-follow-up`, empty where there is nothing to do.
    """

    page_id: str
    contact: str
    detail: str
    labels: str
    follow_up: str
    log: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``event``, ``tries``; ``plan`` (the outputs of that step); ``contact_saved``, ``page_saved``, ``portal_saved``
    (Notion's responses, ``None``: not asked, or no answer); ``settings``, ``testing_mode``.

    Raises ``UnusableContext`` when Notion refused what was to be written.
    """
    context = with_answers(context, *_WRITES.values())
    event, plan = Event.from_json(context["event"]), context["plan"]
    who = labels(event)
    if plan["outcome"] == Outcome.DEFERRED or _is_unanswered(context, plan):
        put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context["tries"], read_settings(context), now)
        find = bool(plan.get("find_databases"))
        return {
            "page_id": "",
            "contact": who["contact"],
            "detail": put_off.detail,
            "labels": label_text(put_off, **who),
            "log": put_off.detail,
            "follow_up": ready_made(_next_try(put_off, event, plan, find=find, now=now)),
        }
    return {
        "page_id": _page_id(context) if plan["go"] else "",
        "contact": who["contact"],
        "detail": plan["note"],
        "labels": labelled(plan, **who)["labels"],
        "log": plan["note"],
        "follow_up": ready_made(follow_up) if (follow_up := _after(event, plan)) else "",
    }


def _is_unanswered(context: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """Whether Notion did not answer one of the writes.

    Raises ``UnusableContext`` when it refused one. Its words are not repeated, for they may quote the contact's.
    """
    if not plan["go"]:
        return False
    answers = {name: context.get(key) for name, key in _WRITES.items() if plan.get(name) is not None}
    if any(answer is not None and answer["code"] != 200 for answer in answers.values()):
        raise UnusableContext(
            f"Notion refused what was to be written: {', '.join(_statuses(answers.items()))}."
            " `christmas notion check` says what the databases lack."
        )
    return any(answer is None for answer in answers.values())


def _statuses(answers: Iterable[tuple[str, Mapping[str, Any] | None]]) -> Iterable[str]:
    for name, answer in answers:
        yield f"HTTP {answer['code']} for the {name}" if answer else f"no answer for the {name}"


def _page_id(context: Mapping[str, Any]) -> str:
    return str(accepted(context["page_saved"], "the contact's page")["id"])


def _next_try(put_off: Retry, event: Event, plan: Mapping[str, Any], *, find: bool, now: datetime) -> JsonObject:
    """Return when the enrolment is tried again; if it is given up, whom that concerns."""
    if isinstance(put_off, PutOff):
        # The databases are found meanwhile: nothing is to be waited for.
        date = now if find and put_off.tries == 1 else put_off.date
        return {"date": times.text(date), "tries": put_off.tries, "find_databases": find}
    alert = failure_alert(put_off, event, event.id, None, Pages(*(plan.get("pages") or ())))
    told: JsonObject | None = {"key": alert["key"], "message": alert["message"]} if alert else None
    return {"failed": True, "detail": put_off.detail, "alert": told}


def _after(event: Event, plan: Mapping[str, Any]) -> JsonObject:
    """Return what is left to do about an enrolment that was decided: a call to make, or something for a person to look at."""
    if plan.get("warning"):
        return {"warning": True, "detail": plan["warning"], "alert": plan.get("told")}
    if plan.get("alert"):
        message = json.loads(plan["alert"])["content"]
        return {"alert": {"key": f"{event.id}.0.call", "message": message}, "names_contact": True}
    return {}
