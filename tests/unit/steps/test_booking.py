from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email.retry import TRIES
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.booking import step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build
from unit.steps import contexts


def run_booking(**changes: Any) -> dict[str, Any]:
    return dict(step(contexts.booking(**changes), build.NOW))


def test_booked_call_updates_the_contact() -> None:
    outputs = run_booking()
    assert outputs["contact"]["path"] == "/v1/pages/contact-1"
    assert json.loads(outputs["contact"]["body"])["properties"]["Booking Status"] == {"select": {"name": "Booked"}}
    event = build.event("precall")
    ids = {"sequence": "precall", "contact": "7ece2a81c666152c41fce3d8", "enrolment": event.id}
    assert outputs["answered"] is True
    assert outputs["note"] == "The call was booked: the contact's page says so."
    assert json.loads(outputs["labels"]) == {"outcome": "accepted", **ids}


def test_booking_of_an_unknown_contact_is_skipped() -> None:
    outputs = run_booking(contacts=build.found())
    ids = {"sequence": "precall", "contact": "7ece2a81c666152c41fce3d8", "enrolment": build.event("precall").id}
    assert (outputs["answered"], outputs["contact"]) == (True, None)
    assert json.loads(outputs["labels"]) == {"outcome": "skipped", **ids}


def test_newer_stop_prevents_the_update() -> None:
    newer = Stop(Reason.CALL_MOVED, build.NOW + build.HOUR, Source.BOOKING)
    assert run_booking(stopped=rules.as_json([newer]))["contact"] is None


def test_booking_without_an_answer_of_notion_is_rescheduled() -> None:
    outputs = run_booking(contacts=None)
    assert (outputs["answered"], outputs["contact"]) == (False, None)
    assert (outputs["later"]["outcome"], outputs["later"]["tries"]) == ("deferred", 1)
    who = {"sequence": "precall", "contact": build.WHO["contact"], "enrolment": build.event("precall").id}
    labels = {"outcome": "deferred", "reason": "notion_unreachable", **who}
    assert json.loads(outputs["later"]["labels"]) == labels
    assert run_booking(contacts={"headers": {}}) == outputs
    context = contexts.booking()
    del context["tries"]
    assert step(context, build.NOW)["later"] == outputs["later"]
    assert run_booking()["later"] == outputs["later"]
    last_try = run_booking(contacts=None, tries=TRIES)["later"]
    assert last_try["outcome"] == "failed"


def test_refused_request_to_notion_is_named() -> None:
    with pytest.raises(UnusableContext, match="the look-up in BusinessX: Notion answered HTTP 404"):
        run_booking(contacts=build.response({"object": "error", "code": "object_not_found"}, 404))
