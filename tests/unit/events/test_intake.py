from __future__ import annotations

import contextlib
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.sender_settings import SenderSettings
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Accepted, Event, InvalidPayload, Problem, Rejected, Unneeded
from christmas_campaign.json_types import Json
from christmas_campaign.sequences.registry import UnknownSequence, sequence
from unit import build, native

NOW = build.NOW

#: Of each kind a valid value, a wrong value, and the problem with that.
KINDS: dict[str, tuple[Any, Any, str]] = {
    "email": ("ana@example.com", "ana", "is not an e-mail address: it has no @"),
    "text": ("Ana", ["a"], "must be text"),
    "score": (41, "x", "must be a number"),
    "percent": (100, 101, "must be a number from 0 to 100"),
    "count": (3, 2.5, "must be a whole number from 0 to 8"),
    "dollars": (14700, -1, "must be a whole number from 0 to 1000000000"),
    "amount": (2997.5, -1, "must be an amount in dollars, with at most two decimals, and not negative"),
    "time": ("2025-11-19T10:00:00", "soon", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
    "list": (["a", "b"], 5, "must be a list of texts"),
    "flag": (True, "yes", "must be true or false"),
    "priority": ("Low", "Urgent", "must be one of High, Medium, Low"),
    "status": ("cancelled", "maybe", "must be one of booked, cancelled, requested"),
    "noshow": ("withdrawn", "maybe", "must be one of missed, withdrawn"),
}

#: The fields of the contract and their kinds, in its order.
CONTRACT = {
    "signup": "email:email first_name:text assessment_score:score business_name:text red_systems:count "
    "orange_systems:count yellow_systems:count green_systems:count gps_score:percent money_score:percent "
    "weakest_system_1:text weakest_system_2:text strongest_system:text revenue_leak_total:dollars "
    "email_1_sent_at:time email_1_status:text",
    "noshow": "email:email first_name:text business_name:text calendly_event_uri:text scheduled_time:time "
    "event_type:text reschedule_url:text no_show_status:noshow time_zone:text",
    "postcall": "email:email first_name:text business_name:text call_date:time call_outcome:text call_notes:text "
    "objections:list follow_up_priority:priority",
    "onboarding": "email:email first_name:text business_name:text payment_confirmed:flag payment_amount:amount "
    "payment_date:time docusign_completed:flag salon_address:text observation_dates:list start_date:time "
    "package_type:text other_signers:list",
    "precall": "email:email first_name:text business_name:text booking_uri:text scheduled_time:time event_type:text "
    "reschedule_url:text join_url:text host_name:text status:status rescheduled:flag moved_from:text "
    "guests:list booked_at:time time_zone:text",
}
FIELDS = {
    name: {field: KINDS[kind] for field, _, kind in (word.partition(":") for word in words.split())}
    for name, words in CONTRACT.items()
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "signup": {
        "business_name": "your business",
        **{f"{colour}_systems": 0 for colour in ("red", "orange", "yellow", "green")},
    },
    "noshow": {"event_type": "Discovery Call - $2997 Diagnostic", "no_show_status": "missed"},
    "postcall": {"call_outcome": "Maybe", "follow_up_priority": "Medium"},
    "onboarding": {"docusign_completed": True, "package_type": "Phase 1 - Traditional Service Diagnostic"},
    "precall": {
        "business_name": "your business",
        "event_type": "Diagnostic Call",
        "status": "booked",
        "rescheduled": False,
    },
}

every_sequence = pytest.mark.parametrize("name", build.NAMES)


def problems(payload: object, name: str = "signup") -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayload) as caught:
        intake.read(payload, name, NOW)
    assert str(caught.value) == f"{len(caught.value.problems)} problem(s) with the payload"
    return [(problem.field, problem.problem) for problem in caught.value.problems]


# Fields.


@every_sequence
def test_fields_are_those_of_the_contract(name: str) -> None:
    assert [field.name for field in sequence(name).fields] == list(FIELDS[name])
    assert [field.name for field in sequence(name).fields if field.required] == list(build.REQUIRED[name])


@every_sequence
def test_valid_fields_are_accepted_and_unknown_fields_ignored(name: str) -> None:
    fields = {field: valid for field, (valid, _, _) in FIELDS[name].items()}
    unknown = {"utm_source": "x", "Email": "no", "__proto__": {"a": 1}, "received_at": "never"}
    event = intake.read({**fields, "variables": {"a": build.AWKWARD}, **unknown}, name, NOW)
    assert event == Event(name, fields, {"a": build.AWKWARD}, NOW)
    assert [event.value(field) for field in fields] == list(fields.values())
    assert Event.from_json(json.loads(json.dumps(event.as_json()))) == event
    assert event.own_sequence is sequence(name)


@every_sequence
@pytest.mark.parametrize("blank", [..., None, "", " \t\n"], ids=["absent", "null", "empty", "white space"])
def test_blank_field_is_missing_if_required_and_has_its_default_otherwise(name: str, blank: object) -> None:
    required = build.REQUIRED[name]
    optional = {field: blank for field in FIELDS[name] if field not in required and blank is not ...}
    event = intake.read({**required, **optional}, name, NOW)
    assert event == Event(name, required, {}, NOW)
    assert event.email == "zoe@example.com"
    assert event.defaults == DEFAULTS[name]
    assert all(event.value(field) == DEFAULTS[name].get(field) for field in optional)
    missing = {} if blank is ... else dict.fromkeys(required, blank)
    assert problems(missing, name) == [(field, "is missing") for field in required]


@every_sequence
def test_all_problems_are_returned_at_once(name: str) -> None:
    payload = {field: wrong for field, (_, wrong, _) in FIELDS[name].items()}
    expected = [(field, problem) for field, (_, _, problem) in FIELDS[name].items()]
    variables = ("variables", "must be an object of names and values")
    assert problems({**payload, "variables": 5}, name) == [*expected, variables]


@pytest.mark.parametrize("payload", [None, "{not json", 5, True, math.nan, [{"email": "a@b.ca"}]])
def test_payload_that_is_not_an_object_is_one_problem(payload: object) -> None:
    assert problems(payload) == [("body", "must be a JSON object")]


@every_sequence
def test_number_of_four_hundred_digits_is_a_problem_of_its_field(name: str) -> None:
    for field in FIELDS[name]:
        for value in (10**400, [-(10**400)]):
            assert [where for where, _ in problems(build.payload(name, **{field: value}), name)] == [field]


def test_list_of_blank_texts_is_absent() -> None:
    assert "objections" not in build.event("postcall", objections=[" ", None]).fields


@pytest.mark.parametrize(
    ("name", "field", "days", "latest", "too_late"),
    [
        ("signup", "email_1_sent_at", 31, "2025-12-21T10:00:00", "2025-12-21T10:00:01"),
        ("precall", "scheduled_time", 366, "2026-11-21T15:00:00Z", "2026-11-21T15:00:01Z"),
    ],
)
def test_anchor_far_ahead_is_a_problem(name: str, field: str, days: int, latest: str, too_late: str) -> None:
    assert intake.read(build.payload(name, **{field: latest}), name, NOW).fields[field] == latest
    problem = (field, f"must not lie more than {days} days ahead")
    assert problems(build.payload(name, **{field: too_late}), name) == [problem]


def test_other_time_may_be_far_ahead() -> None:
    assert build.event("onboarding", start_date="2199-01-01").fields["start_date"] == "2199-01-01"


UNPAID = ("payment_confirmed", "must be true: onboarding starts when the contract is paid")
UNSIGNED = ("docusign_completed", "must be true: onboarding starts when the contract is signed")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"payment_confirmed": False}, [UNPAID]),
        (
            {"docusign_completed": "false", "payment_confirmed": "false", "first_name": ""},
            [("first_name", "is missing"), UNPAID, UNSIGNED],
        ),
    ],
)
def test_onboarding_that_is_not_paid_and_signed_is_rejected(
    fields: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert problems(build.payload("onboarding", **fields), "onboarding") == expected


# Variables.

BAD_NAME = ("variables", "must have names of letters, digits, spaces, _ and - only")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (None, {}),
        (
            {"MonthlyRevenue": 42000, "rate": 7.5, "whole": 7.0, "yes": True, "no": False},
            {"MonthlyRevenue": "42000", "rate": "7.5", "whole": "7", "yes": "true", "no": "false"},
        ),
        ({"Kickoff Call-Date_1": "1 December", "Lệ": "Ngọc"}, {"Kickoff Call-Date_1": "1 December", "Lệ": "Ngọc"}),
        ({" padded ": " as it is "}, {"padded": " as it is "}),
        ({"dates": ["1 May", "", None, "2 May"]}, {"dates": "1 May, 2 May"}),
        ({"blank": " ", "null": None, "none": [], "blanks": [" "], "last": "x"}, {"last": "x"}),
        ({"long": "x" * 20_000}, {"long": "x" * 20_000}),
        ({f"v{number}": number for number in range(200)}, {f"v{number}": str(number) for number in range(200)}),
    ],
)
def test_variables_become_text(variables: Any, expected: dict[str, str]) -> None:
    assert build.event("postcall", variables=variables).variables == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ([], [("variables", "must be an object of names and values")]),
        (False, [("variables", "must be an object of names and values")]),
        ({f"v{number}": 1 for number in range(201)}, [("variables", "must have at most 200 names")]),
        ({"a.b": 1, "": 1, "  ": 1, "a\nb": 1, "c": {}}, [*[BAD_NAME] * 4, ("variables.c", "must be text")]),
        (
            {" nested ": {"a": 1}, "list": [[1]], "nan": math.nan, "huge": 10**400, "nul": "\0", "long": "x" * 20_001},
            [
                ("variables.nested", "must be text"),
                ("variables.list", "must be text"),
                ("variables.nan", "must be text"),
                ("variables.huge", "must be text"),
                ("variables.nul", "must not have control characters"),
                ("variables.long", "must be at most 20000 characters long"),
            ],
        ),
    ],
)
def test_wrong_variables_are_problems_by_name(variables: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(build.payload(variables=variables)) == expected


# Responses.


@pytest.mark.parametrize(
    ("name", "campaign", "echoed"),
    [
        ("signup", "Christmas 2025", {}),
        ("noshow", "Christmas Traditional Service", {}),
        ("postcall", "Christmas Traditional Service", {"call_outcome": "Maybe"}),
        ("onboarding", "Christmas Traditional Service", {"payment_amount": 2997}),
        ("precall", "Christmas Traditional Service", {}),
    ],
)
def test_valid_payload_is_accepted(name: str, campaign: str, echoed: dict[str, Any]) -> None:
    email = " Zoe@Example.COM "
    assert intake.answer(build.payload(name, email=email), name, NOW, "execution-1") == Accepted(
        build.event(name),
        {
            "status": "accepted",
            "message": f"The e-mails of the sequence {name} are being scheduled.",
            "email": email,
            "campaign": campaign,
            "timestamp": "2025-11-20T15:00:00.000Z",
            "execution_id": "execution-1",
            **echoed,
        },
        {"status": "skipped", "reason": sequence(name).duplicate, "email": email},
    )


@pytest.mark.parametrize("outcome", ["Yes", "maybe not", 7])
def test_call_with_another_outcome_than_maybe_starts_nothing(outcome: object) -> None:
    payload = build.payload("postcall", call_outcome=outcome, email=" Zoe@Example.COM ")
    assert intake.answer(payload, "postcall", NOW, "execution-1") == Unneeded(
        build.event("postcall", call_outcome=outcome),
        Reason.NOT_A_MAYBE,
        {"status": "skipped", "reason": "not_a_maybe", "email": " Zoe@Example.COM "},
    )


@pytest.mark.parametrize("outcome", ["maybe", " MAYBE ", "", None])
def test_maybe_is_accepted_in_any_case_and_by_default(outcome: object) -> None:
    payload = build.payload("postcall", call_outcome=outcome)
    assert isinstance(intake.answer(payload, "postcall", NOW, "execution-1"), Accepted)


def test_response_to_a_wrong_payload_lists_all_problems() -> None:
    listed = (
        Problem("email", "is not an e-mail address: it has no @"),
        Problem("first_name", "is missing"),
        Problem("assessment_score", "must be a number from 0 to 100"),
    )
    errors: list[Json] = [{"field": problem.field, "problem": problem.problem} for problem in listed]
    answer = intake.answer({"email": "x", "assessment_score": 101}, "signup", NOW, "execution-1")
    assert answer == Rejected(listed, {"status": "rejected", "errors": errors})


# Events.


def test_sequence_that_this_release_does_not_have_is_an_error() -> None:
    with pytest.raises(UnknownSequence):
        _ = build.event()._replace(sequence="winback").own_sequence


def test_event_as_json_has_the_arrival_in_milliseconds() -> None:
    event = build.event(at=datetime(2025, 11, 20, 15, 0, 0, 123000, tzinfo=UTC))
    assert event.as_json() == {
        "sequence": "signup",
        "fields": {"email": "zoe@example.com", "first_name": "Zoë", "assessment_score": 52},
        "variables": {},
        "received_at": "2025-11-20T15:00:00.123Z",
    }
    assert Event.from_json(event.as_json()) == event


def test_booking_and_its_cancellation_are_two_events() -> None:
    booked, cancelled = build.event("precall"), build.event("precall", status="Cancelled")
    assert (booked.cancels, cancelled.cancels) == (False, True)
    assert cancelled.id == f"{booked.id}-cancelled"
    assert booked.booking == cancelled.booking
    assert (build.event("noshow").booking, build.event("noshow").cancels) == (None, False)


def test_booking_is_identified_by_address_uri_and_time() -> None:
    event = build.event("precall")
    assert build.event("precall", scheduled_time="2025-11-24T10:00:00-05:00").id == event.id
    moved = build.event("precall", scheduled_time="2025-11-24T15:00:01Z")
    assert (moved.id != event.id, moved.booking == event.booking) == (True, True)
    for other in (build.event("precall", booking_uri="BBB"), build.event("precall", email="ana@example.com")):
        assert other.id != event.id
        assert other.booking != event.booking


@pytest.mark.parametrize(
    ("booked_at", "happened_at"),
    [(None, NOW), ("2025-11-20T09:00:00", NOW - build.HOUR), ("2025-11-20T10:00:00", NOW), ("2025-11-21", NOW)],
)
def test_event_happened_when_it_was_booked_but_not_after_its_arrival(
    booked_at: str | None, happened_at: datetime
) -> None:
    assert build.event("precall", booked_at=booked_at).happened_at == happened_at


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("precall", {"status": "cancelled"}),
        ("precall", {"status": "cancelled", "rescheduled": True}),
        ("precall", {"status": "requested"}),
        ("noshow", {"no_show_status": "withdrawn"}),
    ],
)
def test_event_that_only_ends_emails_is_accepted(name: str, fields: dict[str, Any]) -> None:
    answer = intake.answer(build.payload(name, **fields), name, NOW, "run")
    assert isinstance(answer, Accepted)
    assert answer.body["message"] == "The e-mails of this call are being stopped."


def test_event_that_only_ends_emails_has_an_id_of_its_own() -> None:
    booked = build.event("precall")
    assert not booked.cancels
    for status in ("cancelled", "requested"):
        event = build.event("precall", status=status)
        assert (event.cancels, event.id) == (True, f"{booked.id}-{status}")
    withdrawn = build.event("noshow", no_show_status="withdrawn")
    assert (withdrawn.cancels, withdrawn.id) == (True, f"{build.event('noshow').id}-withdrawn")
    assert build.event("postcall").status is None


def test_booking_that_moves_is_another_call() -> None:
    event = build.event("precall")
    same = build.event("precall", scheduled_time="2025-11-24T10:00:00-05:00")
    moved = build.event("precall", scheduled_time="2025-11-24T15:00:01Z")
    assert event.booking == same.booking == moved.booking
    assert event.call == same.call
    assert len({event.booking, event.call, moved.call, build.event("noshow").missed_call}) == 4
    assert build.event("precall", email="other@example.com").call != event.call
    assert (event.missed_call, build.event("noshow").call, build.event("noshow").booking) == (None, None, None)
    missed = build.event("noshow").missed_call
    assert missed != build.event("noshow", calendly_event_uri="BBB").missed_call
    assert missed != build.event("noshow", email="other@example.com").missed_call


@pytest.mark.parametrize("name", ["noshow", "precall"])
@pytest.mark.parametrize("status", [{}, {"status": "cancelled", "no_show_status": "withdrawn"}])
def test_call_of_another_event_type_is_skipped(name: str, status: dict[str, str]) -> None:
    settings = SenderSettings(sales_call_types=frozenset({"diagnostic call"}))
    coffee = build.payload(name, event_type="Coffee with the team", **status)
    answer = intake.answer(coffee, name, NOW, "run", settings)
    assert isinstance(answer, Unneeded)
    assert answer.body == {"status": "skipped", "reason": "other_call", "email": "zoe@example.com"}
    for counts in ({"event_type": "Diagnostic Call"}, {}):
        assert isinstance(intake.answer(build.payload(name, **counts), name, NOW, "run", settings), Accepted)
    assert isinstance(intake.answer(coffee, name, NOW, "run"), Accepted)
    assert isinstance(
        intake.answer(build.payload("postcall", event_type="Coffee"), "postcall", NOW, "run", settings), Accepted
    )


SPAM = "You won 500 dollars: https://spam.example.com"


def test_name_that_is_an_advertisement_is_left_out_and_not_refused() -> None:
    event = build.event(
        "noshow", first_name=SPAM, business_name="x" * 3_000, variables={"business_name": SPAM, "a": SPAM}
    )
    assert event.replaced == ("first_name", "business_name")
    assert {"first_name", "business_name"}.isdisjoint(event.fields)
    assert event.variables == {"a": SPAM}
    assert Event.from_json(json.loads(json.dumps(event.as_json()))) == event
    usable = build.event("noshow", variables={"first_name": SPAM})
    assert (usable.replaced, usable.variables, usable.fields["first_name"]) == (("first_name",), {}, "Zoë")
    assert "replaced" not in build.event().as_json()


# Any JSON value.

any_text = st.text(st.characters())
any_number = st.integers() | st.integers(-(10**400), 10**400) | st.floats()
likely = st.sampled_from(
    ["52", "true", "Maybe", "2025-11-20", "2025-11-20T10:00:00", "9999-12-31T23:59", "a@b.ca", " "]
)
any_json = st.recursive(
    st.none() | st.booleans() | any_number | any_text | likely,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def flat_payload(draw: st.DrawFn) -> tuple[str, object]:
    """Draw a sequence and any JSON value, most often an object with the sequence's fields."""
    name = draw(st.sampled_from(build.NAMES))
    named = {field.name: any_json for field in sequence(name).fields}
    fields = st.fixed_dictionaries({}, optional={**named, "variables": any_json})
    with_required = fields.map(lambda values: {**build.REQUIRED[name], **values})
    return name, draw(any_json | fields | with_required)


def damage(draw: st.DrawFn, value: Any) -> Any:
    """Return a JSON value with one of its parts replaced by any JSON value, at any depth."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: damage(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        return [damage(draw, value[0]), *value[1:]]
    return draw(any_json)


@st.composite
def provider_payload(draw: st.DrawFn) -> tuple[str, object]:
    """Draw a sequence and a provider's payload with damaged parts."""
    boxes = [{"tabLabel": "payment_confirmed", "selected": "true"}]
    sums = [{"tabLabel": "Payment Amount", "value": "$2,997.00", "paymentDetails": {"status": "payment_complete"}}]
    payloads = [
        ("noshow", native.calendly()),
        ("precall", native.calendly_booking()),
        ("precall", native.cal_com()),
        ("precall", native.cal_com_old()),
        ("onboarding", native.docusign(native.tabs(checkboxTabs=boxes, formulaTabs=sums), native.signer(order="2"))),
        ("onboarding", {"envelopeId": "x", **native.envelope(native.tabs(formulaTabs=sums))}),
    ]
    name, payload = draw(st.sampled_from(payloads))
    return name, damage(draw, damage(draw, payload))


@given(flat_payload() | provider_payload())
def test_any_json_value_is_an_event_or_invalid(case: tuple[str, object]) -> None:
    name, payload = case
    with contextlib.suppress(InvalidPayload):
        event = intake.read(payload, name, NOW)
        assert Event.from_json(json.loads(json.dumps(event.as_json()))) == event
    assert isinstance(intake.answer(payload, name, NOW, "execution-1"), Accepted | Unneeded | Rejected)
