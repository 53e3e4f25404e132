from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.stop import step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import RULES, Lifts, Source, Stop
from unit import build
from unit.steps import contexts, run

BOUGHT = Stop(Reason.BOUGHT, build.NOW - build.HOUR, Source.ENROLMENT)


def kept(**changed: Any) -> Any:
    said = step(contexts.stop(seen="what was kept", **changed), build.NOW)
    assert (list(said), said["seen"]) == (["kept", "seen", "mark"], "what was kept")
    entry = json.loads(said["kept"])
    assert entry.pop("changed") == "2025-11-20T15:00:00.000Z"
    return entry


def test_as_a_task(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "stop", contexts.stop())
    assert [each["reason"] for each in json.loads(said["kept"])["stops"]] == ["unsubscribed"]


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("reason", RULES)
def test_a_contact_is_stopped(reason: Reason, source: Source) -> None:
    assert kept(reason=str(reason), by=str(source)) == rules.as_json([Stop(reason, build.NOW, source)])


def test_since_when_it_holds_and_for_which_booking_may_be_said() -> None:
    early = build.NOW - build.HOUR
    said = kept(reason="call_cancelled", by="booking", at="2025-11-20T14:00:00Z", booking="abc")
    assert said == rules.as_json([Stop(Reason.CALL_CANCELLED, early, Source.BOOKING, "abc")])
    assert kept(at="", booking="") == kept()
    # What is ahead by more than two clocks may differ is no time, whoever says it.
    assert kept(at="2025-11-20T16:00:00Z") == kept()


def test_nothing_kept_may_be_left_out() -> None:
    """Kestra leaves out of a context what is null."""
    context = contexts.stop()
    del context["kept"]
    assert step(context, build.NOW) == step(contexts.stop(), build.NOW)


def test_what_is_kept_already_stays() -> None:
    new = Stop(Reason.UNSUBSCRIBED, build.NOW, Source.PERSON)
    assert kept(kept=rules.as_json([BOUGHT])) == rules.as_json([new, BOUGHT])


def test_a_contact_is_let_go_on() -> None:
    assert kept(kept=rules.as_json([BOUGHT]), reason="") == rules.as_json([])
    assert kept(reason="") == rules.as_json([])
    for_good = Stop(Reason.COMPLAINED, build.NOW, Source.PERSON)
    assert kept(kept=rules.as_json([for_good, BOUGHT]), reason="") == rules.as_json([for_good])


@pytest.mark.parametrize("reason", ["because", "expired", "paused"])
def test_a_reason_that_is_none_is_refused(reason: str) -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.stop(reason=reason), build.NOW)
    listed = "unsubscribed, complained, bounced, stopped_by_person, bought, booked, call_moved, call_cancelled"
    assert str(error.value) == f"the reason of a stop must be one of {listed}"


def test_a_source_that_is_none_is_refused() -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.stop(by="somebody"), build.NOW)
    assert str(error.value) == f"the source of a stop (`by`) must be one of {', '.join(Source)}"


HER = Stop(Reason.UNSUBSCRIBED, build.NOW - build.HOUR, Source.CONTACT)


def at(hours: int) -> str:
    return (build.NOW + hours * build.HOUR).isoformat()


def herself(kept_before: Any, reason: str, hours: int) -> Any:
    """What is kept once she unsubscribed (with a reason), or took it back, so many hours from now."""
    lift = "" if reason else "unsubscribed"
    return kept(kept=kept_before, reason=reason, by="contact", at=at(hours), lift=lift)


def test_the_time_that_counts_may_be_an_earlier_one() -> None:
    assert herself(None, "unsubscribed", -1) == rules.as_json([HER])
    assert kept(by="contact", at="") == rules.as_json([HER._replace(at=build.NOW)])


def test_she_takes_it_back_and_it_does_not_matter_which_call_comes_first() -> None:
    back = rules.as_json([], Lifts(build.NOW))
    once = herself(None, "unsubscribed", -1)
    assert herself(once, "", 0) == back
    assert herself(herself(once, "unsubscribed", -1), "", 0) == back
    assert herself(herself(None, "", 0), "unsubscribed", -1) == back
    assert herself(back, "unsubscribed", -1) == back
    assert herself(back, "", 0) == back
    # An earlier one that comes late changes nothing.
    assert herself(back, "", -2) == back


def test_who_unsubscribes_again_after_that_is_unsubscribed() -> None:
    again = herself(rules.as_json([], Lifts(build.NOW - build.HOUR)), "unsubscribed", 0)
    assert again == rules.as_json([HER._replace(at=build.NOW)], Lifts(build.NOW - build.HOUR))


def test_what_others_have_said_stays() -> None:
    others = [Stop(Reason.COMPLAINED, build.NOW, Source.PERSON), BOUGHT]
    assert herself(rules.as_json([HER, *others]), "", 0) == rules.as_json(others, Lifts(build.NOW))


def test_a_person_is_not_asked_when_she_took_it_back() -> None:
    by_person = kept(kept=rules.as_json([], Lifts(build.NOW + build.HOUR)))
    assert [each["by"] for each in by_person["stops"]] == ["person"]


def test_a_person_lifts_what_holds_for_good_if_that_is_said() -> None:
    held = rules.as_json([HER, BOUGHT])
    assert kept(kept=held, reason="", lift="let_go") == rules.as_json([HER])
    assert kept(kept=held, reason="", lift="also_for_good") == rules.as_json([], Lifts(None, build.NOW))
    before = Lifts(build.NOW - build.HOUR, build.NOW - 2 * build.HOUR)
    after = Lifts(build.NOW - build.HOUR, build.NOW)
    assert kept(kept=rules.as_json([HER], before), reason="", lift="also_for_good") == rules.as_json([], after)
    # What was lifted stays known, whatever stops the contact later.
    assert kept(kept=rules.as_json([], after), reason="bought") == rules.as_json(
        [BOUGHT._replace(at=build.NOW, by=Source.PERSON)], after
    )


@pytest.mark.parametrize(
    ("changed", "mark"),
    [
        *(({"reason": each}, True) for each in ("unsubscribed", "complained", "bounced")),
        *(({"reason": each}, False) for each in ("stopped_by_person", "bought", "booked", "call_cancelled")),
        ({"reason": "", "lift": ""}, False),
        ({"reason": "", "lift": "let_go"}, False),
        ({"reason": "", "lift": "also_for_good"}, True),
        ({"reason": "", "lift": "unsubscribed"}, True),
    ],
)
def test_stop_that_holds_for_good_is_marked_in_notion(changed: dict[str, str], mark: bool) -> None:
    assert step(contexts.stop(**changed), build.NOW)["mark"] is mark


def test_a_way_to_let_go_on_that_is_none_is_refused() -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.stop(reason="", lift="everything"), build.NOW)
    assert str(error.value) == "`lift` must be one of let_go, also_for_good, unsubscribed"
