from __future__ import annotations

import contextlib
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.events import intake
from christmas_campaign.events.intake import Accepted, Event, InvalidPayload, Problem, Rejected, Unneeded
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.registry import UnknownSequence, sequence
from unit import build, native

NOW = build.NOW

TEXT = ("Ana", ["a"], "must be text")
SCORE = (41, "x", "must be a number")
COUNT = (3, 2.5, "must be a whole number from 0 to 8")
TIME = ("2025-11-19T10:00:00", "soon", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00")
LIST = (["a", "b"], 5, "must be a list of texts")
EMAIL = ("ana@example.com", "ana", "is not an e-mail address: it has no @")

#: Every field of the contract: a good value, a wrong one, and what is said of that.
FIELDS: dict[str, dict[str, tuple[Any, Any, str]]] = {
    "signup": {
        "email": EMAIL,
        "first_name": TEXT,
        "assessment_score": SCORE,
        "business_name": TEXT,
        "red_systems": COUNT,
        "orange_systems": COUNT,
        "yellow_systems": COUNT,
        "green_systems": COUNT,
        "gps_score": (0, 101, "must be a number from 0 to 100"),
        "money_score": (100, -1, "must be a number from 0 to 100"),
        "weakest_system_1": TEXT,
        "weakest_system_2": TEXT,
        "strongest_system": TEXT,
        "revenue_leak_total": (14700, -1, "must be a whole number from 0 to 1000000000"),
        "email_1_sent_at": TIME,
        "email_1_status": TEXT,
    },
    "noshow": {
        "email": EMAIL,
        "first_name": TEXT,
        "business_name": TEXT,
        "calendly_event_uri": TEXT,
        "scheduled_time": TIME,
        "event_type": TEXT,
        "reschedule_url": TEXT,
    },
    "postcall": {
        "email": EMAIL,
        "first_name": TEXT,
        "business_name": TEXT,
        "call_date": TIME,
        "call_outcome": ("Maybe", ["Maybe"], "must be text"),
        "call_notes": TEXT,
        "objections": LIST,
        "follow_up_priority": ("Low", "Urgent", "must be one of High, Medium, Low"),
    },
    "onboarding": {
        "email": EMAIL,
        "first_name": TEXT,
        "business_name": TEXT,
        "payment_confirmed": (True, "yes", "must be true or false"),
        "payment_amount": (
            2997.5,
            -1,
            "must be an amount in dollars, with at most two decimals, and not negative",
        ),
        "payment_date": TIME,
        "docusign_completed": (True, 1, "must be true or false"),
        "salon_address": TEXT,
        "observation_dates": LIST,
        "start_date": TIME,
        "package_type": TEXT,
    },
    "precall": {
        "email": EMAIL,
        "first_name": TEXT,
        "business_name": TEXT,
        "booking_uri": TEXT,
        "scheduled_time": TIME,
        "event_type": TEXT,
        "reschedule_url": TEXT,
        "join_url": TEXT,
        "host_name": TEXT,
        "status": ("cancelled", "maybe", "must be one of booked, cancelled"),
        "rescheduled": (True, "yes", "must be true or false"),
        "booked_at": TIME,
    },
}

DEFAULTS: dict[str, dict[str, Any]] = {
    "signup": {
        "business_name": "your business",
        "red_systems": 0,
        "orange_systems": 0,
        "yellow_systems": 0,
        "green_systems": 0,
    },
    "noshow": {"event_type": "Discovery Call - $2997 Diagnostic"},
    "postcall": {"call_outcome": "Maybe", "follow_up_priority": "Medium"},
    "onboarding": {"docusign_completed": True, "package_type": "Phase 1 - Traditional Service Diagnostic"},
    "precall": {
        "business_name": "your business",
        "event_type": "Diagnostic Call",
        "status": "booked",
        "rescheduled": False,
    },
}

EACH = [(name, field) for name, taken in FIELDS.items() for field in taken]


def problems(payload: object, name: str = "signup") -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayload) as caught:
        intake.read(payload, name, NOW)
    return [(problem.field, problem.problem) for problem in caught.value.problems]


@pytest.mark.parametrize("name", build.NAMES)
def test_the_fields_of_each_handler_are_those_of_the_contract(name: str) -> None:
    assert [field.name for field in sequence(name).fields] == list(FIELDS[name])
    assert [field.name for field in sequence(name).fields if field.required] == list(build.REQUIRED[name])


@pytest.mark.parametrize("name", build.NAMES)
def test_what_is_required_is_enough(name: str) -> None:
    event = intake.read(build.REQUIRED[name], name, NOW)
    assert event == Event(name, build.REQUIRED[name], {}, NOW)
    assert event.email == "zoe@example.com"
    assert event.defaults == DEFAULTS[name]


@pytest.mark.parametrize("name", build.NAMES)
def test_all_fields_at_once_are_taken(name: str) -> None:
    full = {field: good for field, (good, _, _) in FIELDS[name].items()}
    assert intake.read(full, name, NOW).fields == full


@pytest.mark.parametrize(("name", "field"), EACH)
def test_a_good_field_is_taken(name: str, field: str) -> None:
    good = FIELDS[name][field][0]
    event = build.event(name, **{field: good})
    assert event.fields[field] == good
    assert event.value(field) == good


@pytest.mark.parametrize(("name", "field"), EACH)
def test_a_wrong_field_is_named(name: str, field: str) -> None:
    _, wrong, problem = FIELDS[name][field]
    assert problems(build.payload(name, **{field: wrong}), name) == [(field, problem)]


@pytest.mark.parametrize("nothing", [..., None, "", " \t\n"], ids=["absent", "null", "empty", "blank"])
@pytest.mark.parametrize(("name", "field"), EACH)
def test_a_missing_field_is_named_if_it_is_required_and_else_its_default_counts(
    name: str, field: str, nothing: object
) -> None:
    payload = build.payload(name, **{field: nothing})
    if field in build.REQUIRED[name]:
        assert problems(payload, name) == [(field, "is missing")]
    else:
        event = intake.read(payload, name, NOW)
        assert field not in event.fields
        assert event.value(field) == DEFAULTS[name].get(field)


@pytest.mark.parametrize("name", build.NAMES)
def test_all_faults_come_back_at_once(name: str) -> None:
    wrong = {field: wrong for field, (_, wrong, _) in FIELDS[name].items()}
    expected = [(field, problem) for field, (_, _, problem) in FIELDS[name].items()]
    assert problems({**wrong, "variables": 5}, name) == [
        *expected,
        ("variables", "must be an object of names and values"),
    ]
    assert problems({}, name) == [(field, "is missing") for field in build.REQUIRED[name]]


@pytest.mark.parametrize("name", build.NAMES)
def test_unknown_fields_are_ignored(name: str) -> None:
    payload = build.payload(name, utm_source="x", Email="no", __proto__={"a": 1}, received_at="never")
    assert intake.read(payload, name, NOW) == build.event(name)


@pytest.mark.parametrize("name", build.NAMES)
@pytest.mark.parametrize("payload", [None, "", "{", "text", 5, 1.5, True, math.nan, [], [{"email": "a@b.ca"}]])
def test_a_payload_that_is_no_object_is_one_fault(name: str, payload: object) -> None:
    assert problems(payload, name) == [("body", "must be a JSON object")]


def test_the_address_is_trimmed_and_in_lower_case_before_anything_else() -> None:
    assert build.event(email="  ZOE@Example.COM ").email == "zoe@example.com"


@pytest.mark.parametrize(
    ("name", "field", "text", "value"),
    [
        ("signup", "assessment_score", "52", 52),
        ("signup", "assessment_score", "52.5", 52.5),
        ("signup", "red_systems", " 2 ", 2),
        ("signup", "revenue_leak_total", "14700", 14700),
        ("onboarding", "payment_amount", "2997.00", 2997),
        ("onboarding", "payment_confirmed", "True", True),
        ("onboarding", "docusign_completed", "true", True),
        ("signup", "first_name", 5, "5"),
        ("noshow", "business_name", 1999.0, "1999"),
        ("postcall", "objections", "price", ["price"]),
    ],
)
def test_text_that_is_a_number_or_true_is_taken_as_one(name: str, field: str, text: Any, value: Any) -> None:
    taken = build.event(name, **{field: text}).fields[field]
    assert taken == value
    assert type(taken) is type(value)


def test_an_awkward_name_is_taken_as_it_is() -> None:
    assert build.event(first_name=build.AWKWARD).fields["first_name"] == build.AWKWARD


def test_a_list_without_anything_in_it_is_not_given() -> None:
    assert "objections" not in build.event("postcall", objections=[" ", None]).fields


def test_the_counts_need_not_add_up_to_eight() -> None:
    event = build.event(red_systems=8, orange_systems=8, yellow_systems=8, green_systems=8)
    assert [event.value(f"{color}_systems") for color in ("red", "orange", "yellow", "green")] == [8, 8, 8, 8]


@pytest.mark.parametrize(
    ("sent_at", "problem"),
    [
        ("2020-01-01T00:00:00Z", None),
        ("2025-12-21T15:00:00Z", None),
        ("2025-12-21T10:00:00", None),
        ("2025-12-21T10:00:01", "must not lie more than 31 days ahead"),
        ("2026-11-20", "must not lie more than 31 days ahead"),
    ],
)
def test_a_first_email_sent_in_a_month_is_a_mistake(sent_at: str, problem: str | None) -> None:
    payload = build.payload(email_1_sent_at=sent_at)
    if problem is None:
        assert intake.read(payload, "signup", NOW).fields["email_1_sent_at"] == sent_at
    else:
        assert problems(payload) == [("email_1_sent_at", problem)]


@pytest.mark.parametrize("far", ["2026-11-20", "2199-01-01"])
def test_only_the_anchor_may_not_lie_ahead(far: str) -> None:
    assert build.event("onboarding", start_date=far).fields["start_date"] == far


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"payment_confirmed": False},
            [("payment_confirmed", "must be true: onboarding starts when the contract is paid")],
        ),
        (
            {"docusign_completed": "false"},
            [("docusign_completed", "must be true: onboarding starts when the contract is signed")],
        ),
        (
            {"docusign_completed": False, "payment_confirmed": "false", "first_name": ""},
            [
                ("first_name", "is missing"),
                ("payment_confirmed", "must be true: onboarding starts when the contract is paid"),
                ("docusign_completed", "must be true: onboarding starts when the contract is signed"),
            ],
        ),
    ],
)
def test_onboarding_starts_only_when_paid_and_signed(changed: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert problems(build.payload("onboarding", **changed), "onboarding") == expected


@pytest.mark.parametrize("name", build.NAMES)
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (None, {}),
        ({}, {}),
        (
            {"MonthlyRevenue": 42000, "rate": 7.5, "whole": 7.0, "yes": True, "no": False},
            {"MonthlyRevenue": "42000", "rate": "7.5", "whole": "7", "yes": "true", "no": "false"},
        ),
        ({"Kickoff Call-Date_1": "1 December", "Lệ": "Ngọc"}, {"Kickoff Call-Date_1": "1 December", "Lệ": "Ngọc"}),
        ({" padded ": " as it is "}, {"padded": " as it is "}),
        ({"dates": ["1 May", "", None, "2 May"]}, {"dates": "1 May, 2 May"}),
        ({"blank": " ", "null": None, "none": [], "only blanks": [" "]}, {}),
        ({"blank": " ", "none": [], "given": "x"}, {"given": "x"}),
        ({"long": "x" * 20_000}, {"long": "x" * 20_000}),
        ({"name": build.AWKWARD}, {"name": build.AWKWARD}),
        ({f"v{number}": number for number in range(200)}, {f"v{number}": str(number) for number in range(200)}),
    ],
)
def test_variables_are_taken_as_text_by_every_handler(name: str, variables: Any, expected: dict[str, str]) -> None:
    assert build.event(name, variables=variables).variables == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ("text", [("variables", "must be an object of names and values")]),
        ([], [("variables", "must be an object of names and values")]),
        (False, [("variables", "must be an object of names and values")]),
        ({f"v{number}": 1 for number in range(201)}, [("variables", "must have at most 200 names")]),
        ({"a.b": 1}, [("variables", "must have names of letters, digits, spaces, _ and - only")]),
        (
            {"a.b": 1, "c": {}},
            [
                ("variables", "must have names of letters, digits, spaces, _ and - only"),
                ("variables.c", "must be text"),
            ],
        ),
        ({"": 1}, [("variables", "must have names of letters, digits, spaces, _ and - only")]),
        ({"  ": 1}, [("variables", "must have names of letters, digits, spaces, _ and - only")]),
        ({"a|b": 1}, [("variables", "must have names of letters, digits, spaces, _ and - only")]),
        ({"a\nb": 1}, [("variables", "must have names of letters, digits, spaces, _ and - only")]),
        (
            {" nested ": {"a": 1}, "list": [[1]], "nan": math.nan, "huge": 10**400, "nul": "\0"},
            [
                ("variables.nested", "must be text"),
                ("variables.list", "must be text"),
                ("variables.nan", "must be text"),
                ("variables.huge", "must be text"),
                ("variables.nul", "must not have control characters"),
            ],
        ),
        ({"long": "x" * 20_001}, [("variables.long", "must be at most 20000 characters long")]),
    ],
)
def test_wrong_variables_are_named(variables: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(build.payload(variables=variables)) == expected


def test_the_error_itself_has_no_customers_data() -> None:
    with pytest.raises(InvalidPayload) as caught:
        intake.read({"email": "zoe@secret"}, "signup", NOW)
    assert str(caught.value) == "3 problem(s) with the payload"


@pytest.mark.parametrize(
    ("name", "campaign"),
    [
        ("signup", "Christmas 2025"),
        ("noshow", "Christmas Traditional Service"),
        ("postcall", "Christmas Traditional Service"),
        ("onboarding", "Christmas Traditional Service"),
    ],
)
def test_the_answer_to_a_good_payload(name: str, campaign: str) -> None:
    payload = build.payload(name, email=" Zoe@Example.COM ")
    answer = intake.answer(payload, name, NOW, "execution-1")
    assert isinstance(answer, Accepted)
    body = dict(answer.body)
    assert str(body.pop("message")).strip()
    echoed: dict[str, dict[str, Any]] = {"postcall": {"call_outcome": "Maybe"}, "onboarding": {"payment_amount": 2997}}
    assert body == {
        "status": "accepted",
        "email": " Zoe@Example.COM ",
        "campaign": campaign,
        "timestamp": "2025-11-20T15:00:00.000Z",
        "execution_id": "execution-1",
        **echoed.get(name, {}),
    }
    assert answer.body_if_known == {
        "status": "skipped",
        "reason": {
            "signup": "already_in_sequence",
            "noshow": "duplicate_noshow_sequence",
            "postcall": "duplicate_postcall_sequence",
            "onboarding": "duplicate_onboarding_sequence",
        }[name],
        "email": " Zoe@Example.COM ",
    }
    assert answer.event == build.event(name)


@pytest.mark.parametrize("outcome", ["Yes", "no", "maybe not", 7])
def test_a_call_that_did_not_end_maybe_is_skipped(outcome: object) -> None:
    payload = build.payload("postcall", call_outcome=outcome, email=" Zoe@Example.COM ")
    assert intake.answer(payload, "postcall", NOW, "execution-1") == Unneeded(
        build.event("postcall", call_outcome=outcome),
        Reason.NOT_A_MAYBE,
        {"status": "skipped", "reason": "not_a_maybe", "email": " Zoe@Example.COM "},
    )


@pytest.mark.parametrize("outcome", ["maybe", " MAYBE ", "", None])
def test_a_maybe_is_a_maybe_however_it_is_written(outcome: object) -> None:
    answer = intake.answer(build.payload("postcall", call_outcome=outcome), "postcall", NOW, "execution-1")
    assert isinstance(answer, Accepted)


def test_the_answer_to_a_bad_payload_lists_every_fault() -> None:
    problems = (
        Problem("email", "is not an e-mail address: it has no @"),
        Problem("first_name", "is missing"),
        Problem("assessment_score", "must be a number from 0 to 100"),
    )
    errors = [{"field": each.field, "problem": each.problem} for each in problems]
    answer = intake.answer({"email": "x", "assessment_score": 101}, "signup", NOW, "execution-1")
    assert isinstance(answer, Rejected)
    assert answer.problems == problems
    assert answer.body == {"status": "rejected", "errors": errors}


def test_the_answer_to_what_is_not_json() -> None:
    answer = intake.answer("{not json", "signup", NOW, "execution-1")
    assert isinstance(answer, Rejected)
    assert answer.body == {
        "status": "rejected",
        "errors": [{"field": "body", "problem": "must be a JSON object"}],
    }


@pytest.mark.parametrize("name", build.NAMES)
def test_event_gives_its_sequence(name: str) -> None:
    assert build.event(name).own_sequence is sequence(name)


def test_event_of_a_sequence_that_was_withdrawn_has_none() -> None:
    with pytest.raises(UnknownSequence):
        _ = build.event()._replace(sequence="winback").own_sequence


def test_an_event_keeps_the_time_of_its_arrival() -> None:
    event = build.event(at=datetime(2025, 11, 20, 15, 0, 0, 123000, tzinfo=UTC))
    assert event.as_json() == {
        "sequence": "signup",
        "fields": {"email": "zoe@example.com", "first_name": "Zoë", "assessment_score": 52},
        "variables": {},
        "received_at": "2025-11-20T15:00:00.123Z",
    }
    assert Event.from_json(event.as_json()) == event


# Properties.

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
def hostile(draw: st.DrawFn) -> tuple[str, object]:
    """A sequence, and any JSON value, most often an object with fields that the handler reads."""
    name = draw(st.sampled_from(build.NAMES))
    named = {field.name: any_json for field in sequence(name).fields}
    fields_ = st.fixed_dictionaries({}, optional={**named, "variables": any_json})
    almost = fields_.map(lambda given: {**build.REQUIRED[name], **given})
    return name, draw(any_json | fields_ | almost)


def changed(draw: st.DrawFn, value: Any) -> Any:
    """A JSON value of the same shape, with any other in place of some of its parts, however deep, and some left out."""
    match draw(st.sampled_from(["as it is"] * 40 + ["another", "an object", "a list"])):
        case "another":
            return draw(any_json)
        case "an object":
            return {"value": value}
        case "a list":
            return [value]
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if draw(st.integers(0, 40))}
        return {name: changed(draw, each) for name, each in kept.items()}
    if isinstance(value, list):
        return [changed(draw, each) for each in value]
    return value


@st.composite
def hostile_native(draw: st.DrawFn) -> tuple[str, object]:
    """A sequence, and a call of Calendly's or DocuSign's with wrong types anywhere."""
    boxes = [{"tabLabel": "payment_confirmed", "selected": "true"}]
    sums = [{"tabLabel": "Payment Amount", "value": "$2,997.00", "paymentDetails": {"status": "payment_complete"}}]
    full = native.docusign(native.tabs(checkboxTabs=boxes, formulaTabs=sums), native.signer("b@example.com", "2"))
    aggregate = {"envelopeId": "x", **native.envelope(native.tabs(formulaTabs=sums))}
    name, payload = draw(
        st.sampled_from([("noshow", native.calendly()), ("onboarding", full), ("onboarding", aggregate)])
    )
    return name, {key: changed(draw, value) for key, value in payload.items()}


@given(hostile() | hostile_native())
def test_no_json_value_makes_intake_raise_anything_but_its_own_error(case: tuple[str, object]) -> None:
    name, payload = case
    with contextlib.suppress(InvalidPayload):
        event = intake.read(payload, name, NOW)
        assert Event.from_json(json.loads(json.dumps(event.as_json()))) == event
    assert isinstance(intake.answer(payload, name, NOW, "execution-1"), Accepted | Unneeded | Rejected)


@pytest.mark.parametrize("name", build.NAMES)
def test_a_number_of_four_hundred_digits_is_a_fault_like_any_other(name: str) -> None:
    for field in FIELDS[name]:
        for value in (10**400, [-(10**400)]):
            assert problems(build.payload(name, **{field: value}), name)


good_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=50).filter(str.strip)
first, last = datetime(2001, 1, 1), datetime(2025, 11, 19)  # noqa: DTZ001
zones: st.SearchStrategy[Any] = st.one_of(st.none(), st.timezones())
good_time = st.datetimes(first, last, timezones=zones).map(lambda moment: moment.isoformat())
GOOD: dict[field_types.Kind, st.SearchStrategy[Any]] = {
    field_types.email: st.from_regex(r"[a-z0-9]{1,10}@[A-Za-z]{1,8}\.(ca|com)", fullmatch=True),
    field_types.text: good_text | st.integers(-9999, 9999),
    field_types.notes: good_text,
    field_types.score: st.floats(0, 100) | st.integers(0, 100) | st.integers(0, 100).map(str),
    field_types.systems: st.integers(0, 8),
    field_types.dollars: st.integers(0, 10**9),
    field_types.amount: st.integers(0, 10**9) | st.integers(0, 10**6).map(lambda cents: round(cents / 100, 2)),
    field_types.flag: st.sampled_from([True, "true", "TRUE"]),
    field_types.texts: st.lists(good_text, max_size=4) | good_text,
    field_types.time: good_time,
}


@st.composite
def good(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A sequence, and a payload that its handler takes."""
    name = draw(st.sampled_from(build.NAMES))
    choices = st.sampled_from(["booked", "Cancelled"] if name == "precall" else ["High", "Medium", "Low"])
    must = {field.name: GOOD.get(field.kind, choices) for field in sequence(name).fields if field.required}
    may = {field.name: GOOD.get(field.kind, choices) for field in sequence(name).fields if not field.required}
    names = st.from_regex(r"[\w -]{1,20}", fullmatch=True).filter(str.strip)
    values = good_text | st.booleans() | st.integers(-9999, 9999) | st.lists(good_text, max_size=3)
    may["variables"] = st.dictionaries(names, values, max_size=4)
    return name, draw(st.fixed_dictionaries(must, optional=may))


@given(good())
def test_an_event_survives_being_kept_as_json(case: tuple[str, dict[str, Any]]) -> None:
    name, payload = case
    event = intake.read(payload, name, NOW + timedelta(milliseconds=7))
    kept = Event.from_json(json.loads(json.dumps(event.as_json())))
    assert kept == event
    assert kept.id == event.id


# Bookings.


def test_a_booking_and_its_cancellation_are_two_events() -> None:
    booked, cancelled = build.event("precall"), build.event("precall", status="Cancelled")
    assert (booked.cancels, cancelled.cancels) == (False, True)
    assert cancelled.id == f"{booked.id}-cancelled"
    assert booked.booking == cancelled.booking != build.event("precall", booking_uri="BBB").booking
    assert build.event("noshow").booking is None
    assert build.event("noshow").cancels is False


def test_the_same_booking_is_the_same_instant_however_it_is_written() -> None:
    event = build.event("precall")
    assert build.event("precall", scheduled_time="2025-11-24T10:00:00-05:00").id == event.id
    assert build.event("precall", scheduled_time="2025-11-24T15:00:01Z").id != event.id
    assert build.event("precall", booking_uri="BBB").id != event.id
    assert build.event("precall", email="ana@example.com").booking != event.booking


def test_a_call_may_be_a_year_off() -> None:
    assert build.event("precall", scheduled_time="2026-11-21T15:00:00Z")
    far = build.payload("precall", scheduled_time="2026-11-21T15:00:01Z")
    assert problems(far, "precall") == [("scheduled_time", "must not lie more than 366 days ahead")]


def test_when_it_was_booked() -> None:
    assert build.event("precall").happened_at == NOW
    early = build.event("precall", booked_at="2025-11-20T10:00:00")
    assert early.happened_at == NOW
    assert build.event("precall", booked_at="2025-11-20T09:00:00").happened_at == NOW - build.HOUR
    assert build.event("precall", booked_at="2025-11-21").happened_at == NOW


@pytest.mark.parametrize("more", [{}, {"rescheduled": False}])
def test_a_cancellation_is_taken_on(more: dict[str, Any]) -> None:
    said = intake.answer(build.payload("precall", status="cancelled", **more), "precall", NOW, "run")
    assert isinstance(said, Accepted)
    assert said.body["message"] == "The e-mails of this call are being stopped."


def test_a_cancellation_of_a_call_that_moved_starts_nothing() -> None:
    moved = build.payload("precall", status="cancelled", rescheduled=True)
    said = intake.answer(moved, "precall", NOW, "run")
    assert isinstance(said, Unneeded)
    assert said.reason is Reason.CALL_MOVED
    assert said.body == {"status": "skipped", "reason": "call_moved", "email": "zoe@example.com"}
    booked = intake.answer(build.payload("precall", rescheduled=True), "precall", NOW, "run")
    assert isinstance(booked, Accepted)
    assert booked.body["message"] == "The e-mails of the sequence precall are being scheduled."
