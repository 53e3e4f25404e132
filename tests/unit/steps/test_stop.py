"""The step ``stop``: the contact's entry in the KV store. ``tests/unit/stops/test_rules.py`` tests the rules themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps.stop import step
from christmas_campaign.stops import rules
from christmas_campaign.stops.rules import RULES, Lifts, Source, Stop
from unit import build
from unit.steps import contexts

BOUGHT = Stop(Reason.BOUGHT, build.NOW - build.HOUR, Source.ENROLMENT)
#: The contact unsubscribed an hour ago.
UNSUBSCRIBED = Stop(Reason.UNSUBSCRIBED, build.NOW - build.HOUR, Source.CONTACT)


def stored_entry(**changes: Any) -> Any:
    """Return the new entry of the KV store without the time of the change, for a changed context."""
    outputs = step(contexts.stop(seen="entry as text", **changes), build.NOW)
    assert (list(outputs), outputs["seen"]) == (["kept", "seen", "mark"], "entry as text")
    entry = json.loads(outputs["kept"])
    assert entry.pop("changed") == "2025-11-20T15:00:00.000Z"
    return entry


def entry_after_contact(entry: Any, reason: str, hours: int) -> Any:
    """Return ``entry`` after the contact unsubscribed (``reason`` is set), or took it back, ``hours`` from now."""
    at = (build.NOW + hours * build.HOUR).isoformat()
    return stored_entry(kept=entry, reason=reason, by="contact", at=at, lift="" if reason else "unsubscribed")


@pytest.mark.parametrize(
    ("reason", "source"),
    [
        *((reason, Source.PERSON) for reason in RULES),
        *((Reason.UNSUBSCRIBED, source) for source in Source if source is not Source.PERSON),
    ],
)
def test_stop_is_stored_with_its_reason_and_source(reason: Reason, source: Source) -> None:
    assert stored_entry(reason=str(reason), by=str(source)) == rules.as_json([Stop(reason, build.NOW, source)])


def test_stop_may_have_a_time_and_a_booking() -> None:
    early = build.NOW - build.HOUR
    entry = stored_entry(reason="call_cancelled", by="booking", at="2025-11-20T14:00:00Z", booking="abc")
    assert entry == rules.as_json([Stop(Reason.CALL_CANCELLED, early, Source.BOOKING, "abc")])
    assert stored_entry(at="", booking="") == stored_entry()
    # An hour ahead is more than two clocks may differ: the present counts.
    assert stored_entry(at="2025-11-20T16:00:00Z") == stored_entry()


def test_null_entry_may_be_missing_in_the_context() -> None:
    context = contexts.stop()
    del context["kept"]
    assert step(context, build.NOW) == step(contexts.stop(), build.NOW)


def test_earlier_stops_stay() -> None:
    new = Stop(Reason.UNSUBSCRIBED, build.NOW, Source.PERSON)
    assert stored_entry(kept=rules.as_json([BOUGHT])) == rules.as_json([new, BOUGHT])


def test_lift_removes_all_stops_but_the_permanent_ones() -> None:
    assert stored_entry(reason="") == rules.as_json([])
    permanent = Stop(Reason.COMPLAINED, build.NOW, Source.PERSON)
    assert stored_entry(kept=rules.as_json([permanent, BOUGHT]), reason="") == rules.as_json([permanent])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(
            (
                {"reason": reason},
                "the reason of a stop must be one of unsubscribed, complained, bounced, stopped_by_person, bought, booked,"
                " call_moved, call_cancelled, noshow_withdrawn",
            )
            for reason in ("because", "expired")
        ),
        ({"by": "somebody"}, f"the source of a stop (`by`) must be one of {', '.join(Source)}"),
        ({"reason": "", "lift": "everything"}, "`lift` must be one of let_go, also_for_good, unsubscribed"),
    ],
)
def test_invalid_input_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as error:
        step(contexts.stop(**changes), build.NOW)
    assert str(error.value) == message


def test_unsubscribe_counts_from_the_time_of_the_call() -> None:
    assert entry_after_contact(None, "unsubscribed", -1) == rules.as_json([UNSUBSCRIBED])
    assert stored_entry(by="contact", at="") == rules.as_json([UNSUBSCRIBED._replace(at=build.NOW)])


def test_contact_takes_back_an_unsubscribe_in_any_order_of_the_calls() -> None:
    lifted = rules.as_json([], Lifts(build.NOW))
    unsubscribed = entry_after_contact(None, "unsubscribed", -1)
    assert entry_after_contact(unsubscribed, "", 0) == lifted
    assert entry_after_contact(entry_after_contact(None, "", 0), "unsubscribed", -1) == lifted
    assert entry_after_contact(lifted, "", 0) == lifted
    # An earlier lift that arrives late changes nothing.
    assert entry_after_contact(lifted, "", -2) == lifted


def test_later_unsubscribe_counts_again() -> None:
    lifts = Lifts(build.NOW - build.HOUR)
    entry = entry_after_contact(rules.as_json([], lifts), "unsubscribed", 0)
    assert entry == rules.as_json([UNSUBSCRIBED._replace(at=build.NOW)], lifts)


def test_contact_does_not_lift_stops_of_other_sources() -> None:
    others = [Stop(Reason.COMPLAINED, build.NOW, Source.PERSON), BOUGHT]
    entry = entry_after_contact(rules.as_json([UNSUBSCRIBED, *others]), "", 0)
    assert entry == rules.as_json(others, Lifts(build.NOW))


def test_lift_by_the_contact_does_not_affect_a_stop_by_the_owner() -> None:
    entry = stored_entry(kept=rules.as_json([], Lifts(build.NOW + build.HOUR)))
    assert [stop["by"] for stop in entry["stops"]] == ["person"]


def test_owner_lifts_permanent_stops_only_on_request() -> None:
    entry = rules.as_json([UNSUBSCRIBED, BOUGHT])
    assert stored_entry(kept=entry, reason="", lift="let_go") == rules.as_json([UNSUBSCRIBED])
    assert stored_entry(kept=entry, reason="", lift="also_for_good") == rules.as_json([], Lifts(None, build.NOW))
    before = Lifts(build.NOW - build.HOUR, build.NOW - 2 * build.HOUR)
    after = Lifts(build.NOW - build.HOUR, build.NOW)
    lifted = stored_entry(kept=rules.as_json([UNSUBSCRIBED], before), reason="", lift="also_for_good")
    assert lifted == rules.as_json([], after)
    # A later stop does not remove the times of the lifts.
    assert stored_entry(kept=rules.as_json([], after), reason="bought") == rules.as_json(
        [BOUGHT._replace(at=build.NOW, by=Source.PERSON)], after
    )


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        *(({"reason": reason}, True) for reason in ("unsubscribed", "complained", "bounced")),
        *(({"reason": reason}, False) for reason in ("stopped_by_person", "bought")),
        ({"reason": "", "lift": ""}, False),
        ({"reason": "", "lift": "let_go"}, False),
        ({"reason": "", "lift": "also_for_good"}, True),
        ({"reason": "", "lift": "unsubscribed"}, True),
    ],
)
def test_permanent_stop_is_marked_in_notion(changes: dict[str, str], mark: bool) -> None:
    assert step(contexts.stop(**changes), build.NOW)["mark"] is mark
