from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.email.retry import TRIES
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.booking import step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import Source, Stop
from unit import build
from unit.steps import contexts, run


def ask(**changed: Any) -> dict[str, Any]:
    return dict(step(contexts.booking(**changed), build.NOW))


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "booking", contexts.booking())
    assert said["contact"]["path"] == "/v1/pages/contact-1"
    assert json.loads(said["contact"]["body"])["properties"]["Booking Status"] == {"select": {"name": "Booked"}}


def test_what_it_says_is_labelled() -> None:
    said = ask()
    event = build.event("precall")
    about = {"sequence": "precall", "contact": "7ece2a81c666152c41fce3d8", "enrolment": event.id}
    assert said["answered"] is True
    assert said["note"] == "The call was booked: the contact's page says so."
    assert json.loads(said["labels"]) == {"outcome": "accepted", **about}
    nobody = ask(contacts=build.found())
    assert (nobody["answered"], nobody["contact"]) == (True, None)
    assert json.loads(nobody["labels"]) == {"outcome": "skipped", **about}


def test_what_stops_her_is_read() -> None:
    newer = Stop(Reason.CALL_MOVED, build.NOW + build.HOUR, Source.BOOKING)
    assert ask(stopped=rules.as_json([newer]))["contact"] is None


def test_a_notion_that_does_not_answer_is_asked_later() -> None:
    said = ask(contacts=None)
    assert (said["answered"], said["contact"]) == (False, None)
    assert (said["later"]["outcome"], said["later"]["tries"]) == ("deferred", 1)
    assert json.loads(said["later"]["labels"])["reason"] == "notion_unreachable"
    assert ask()["later"] == said["later"]
    given_up = ask(contacts=None, tries=TRIES)["later"]
    assert given_up["outcome"] == "failed"
    assert given_up["alert"] is not None


def test_a_refusal_is_named() -> None:
    with pytest.raises(UnusableContext, match="the look-up in BusinessX: Notion answered HTTP 404"):
        ask(contacts=build.response({"object": "error", "code": "object_not_found"}, 404))
