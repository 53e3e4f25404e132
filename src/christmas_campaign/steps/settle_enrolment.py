"""The step ``settle_enrolment``: decides the outcome of an enrolment, and what the flow still has to do."""

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
from christmas_campaign.steps import UnusableContext, json_text, response_object, with_responses
from christmas_campaign.steps.outputs import failure_alert, labels_text, read_settings, with_labels

#: What a plan may write, and the name of Notion's response in the context.
_WRITES = {"contact": "contact_saved", "page": "page_saved", "portal": "portal_saved"}


class Outputs(TypedDict):
    """``page_id`` is the id of the contact's page, empty unless the contact is enrolled now. ``contact`` is the contact's
    opaque id. ``detail`` is for a person, ``log`` for the execution's log. ``follow_up`` is the input ``decision`` of the
    flow `enroll-follow-up` as JSON text, empty if there is nothing to do.
    """

    page_id: str
    contact: str
    detail: str
    labels: str
    follow_up: str
    log: str


def step(context: Mapping[str, Any], now: datetime) -> Outputs:
    """Context: ``event``, ``tries``, ``settings``, ``testing_mode``; ``plan`` (the outputs of that step); ``contact_saved``,
    ``page_saved``, ``portal_saved`` (Notion's responses; ``None``: no request, or no response).

    Raises ``UnusableContext`` if Notion refused a write.
    """
    context = with_responses(context, *_WRITES.values())
    event, plan = Event.from_json(context["event"]), context["plan"]
    who = labels(event)
    if plan["outcome"] == Outcome.DEFERRED or _is_unanswered(context, plan):
        put_off = retry.put_off(Reason.NOTION_UNREACHABLE, context["tries"], read_settings(context), now)
        find = bool(plan.get("find_databases"))
        return {
            "page_id": "",
            "contact": who["contact"],
            "detail": put_off.detail,
            "labels": labels_text(put_off, **who),
            "log": put_off.detail,
            "follow_up": json_text(_next_try(put_off, event, plan, find=find, now=now)),
        }
    return {
        "page_id": _page_id(context) if plan["go"] else "",
        "contact": who["contact"],
        "detail": plan["note"],
        "labels": with_labels(plan, **who)["labels"],
        "log": plan["note"],
        "follow_up": json_text(follow_up) if (follow_up := _after(event, plan, now)) else "",
    }


def _is_unanswered(context: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """Return whether one of the writes got no response.

    Raises ``UnusableContext`` if Notion refused one. Notion's message is left out, because it may contain the contact's data.
    """
    if not plan["go"]:
        return False
    answers = {name: context.get(key) for name, key in _WRITES.items() if plan.get(name) is not None}
    if any(answer is not None and answer["code"] != 200 for answer in answers.values()):
        raise UnusableContext(
            f"Notion refused a write: {', '.join(_statuses(answers.items()))}."
            " `christmas notion check` says what is missing in the databases."
        )
    return any(answer is None for answer in answers.values())


def _statuses(answers: Iterable[tuple[str, Mapping[str, Any] | None]]) -> Iterable[str]:
    for name, answer in answers:
        yield f"HTTP {answer['code']} for the {name}" if answer else f"no response for the {name}"


def _page_id(context: Mapping[str, Any]) -> str:
    return str(response_object(context["page_saved"], "the contact's page")["id"])


def _next_try(put_off: Retry, event: Event, plan: Mapping[str, Any], *, find: bool, now: datetime) -> JsonObject:
    """Return the next try of the enrolment, or the failure and its alert if it is given up."""
    if isinstance(put_off, PutOff):
        # The flow finds the databases first, so the first retry need not wait.
        date = now if find and put_off.tries == 1 else put_off.date
        return {"date": times.text(date), "tries": put_off.tries, "find_databases": find}
    alert = failure_alert(put_off, event, event.id, None, Pages(*(plan.get("pages") or ())))
    alert_inputs: JsonObject | None = {"key": alert["key"], "message": alert["message"]} if alert else None
    return {"failed": True, "detail": put_off.detail, "alert": alert_inputs}


def _after(event: Event, plan: Mapping[str, Any], now: datetime) -> JsonObject:
    """Return what is left to do after a decided enrolment.

    An alert about a call to make, a warning for a person, or both; or the enrolment of another signer.
    """
    if plan.get("instead"):
        return {"date": times.text(now), "tries": 0, **plan["instead"]}
    after: JsonObject = {}
    if plan.get("warning"):
        after = {"warning": True, "detail": plan["warning"], "alert": plan.get("told")}
    if plan.get("alert"):
        # The contact needs a call: one message says that, and the warning if there is one.
        message = "\n".join(filter(None, [json.loads(plan["alert"])["content"], plan.get("warning")]))
        after |= {"alert": {"key": f"{event.id}.0.call", "message": message}, "names_contact": True}
    return after
