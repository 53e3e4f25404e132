from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign import stops
from christmas_campaign.reasons import Reason
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.stop import step
from christmas_campaign.stops import RULES, Source, Stop
from unit import build
from unit.steps import contexts, run

BOUGHT = Stop(Reason.BOUGHT, build.NOW - build.HOUR, Source.ENROLMENT)


def kept(**changed: Any) -> Any:
    said = step(contexts.stop(**changed), build.NOW)
    assert list(said) == ["kept"]
    return None if said["kept"] is None else json.loads(said["kept"])


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "stop", contexts.stop())
    assert [each["reason"] for each in json.loads(said["kept"])["stops"]] == ["unsubscribed"]


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("reason", RULES)
def test_a_contact_is_stopped(reason: Reason, source: Source) -> None:
    assert kept(reason=str(reason), by=str(source)) == stops.as_json([Stop(reason, build.NOW, source)])


def test_since_when_it_holds_and_for_which_booking_may_be_said() -> None:
    early = build.NOW - build.HOUR
    said = kept(reason="call_cancelled", by="booking", at="2025-11-20T14:00:00Z", booking="abc")
    assert said == stops.as_json([Stop(Reason.CALL_CANCELLED, early, Source.BOOKING, "abc")])
    assert kept(at="", booking="") == kept()
    # Nothing holds from a time to come.
    assert kept(at="2025-11-20T16:00:00Z") == kept()


def test_nothing_kept_may_be_left_out() -> None:
    """Kestra leaves out of a context what is null."""
    context = contexts.stop()
    del context["kept"]
    assert step(context, build.NOW) == step(contexts.stop(), build.NOW)


def test_what_is_kept_already_stays() -> None:
    new = Stop(Reason.UNSUBSCRIBED, build.NOW, Source.PERSON)
    assert kept(kept=stops.as_json([BOUGHT])) == stops.as_json([new, BOUGHT])


def test_a_contact_is_let_go_on() -> None:
    assert kept(kept=stops.as_json([BOUGHT]), reason="") is None
    assert kept(reason="") is None
    for_good = Stop(Reason.COMPLAINED, build.NOW, Source.PERSON)
    assert kept(kept=stops.as_json([for_good, BOUGHT]), reason="") == stops.as_json([for_good])


@pytest.mark.parametrize("reason", ["because", "expired", "paused"])
def test_a_reason_that_is_none_is_refused(reason: str) -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.stop(reason=reason), build.NOW)
    listed = "unsubscribed, complained, bounced, stopped_by_person, bought, booked, call_moved, call_cancelled"
    assert str(error.value) == f"the reason to stop must be one of {listed}"


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.stop(by="somebody"), build.NOW)
    assert str(error.value) == "who stops a contact must be one of person, enrolment, booking, notion"
