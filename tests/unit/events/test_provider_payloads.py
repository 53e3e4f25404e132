from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.events import intake, provider_payloads
from christmas_campaign.events.intake import Accepted, InvalidPayload, Rejected
from unit import build
from unit.native import PAID, cal_com, cal_com_old, calendly, calendly_booking, docusign, envelope, signer, tabs

EXAMPLES = Path(__file__).parents[3] / "examples"

#: What a native form has to bring; the names of contact and salon are looked up.
NAMED = (
    "the envelope's custom fields and its signers' tabs, under this name",
    "the envelope's custom fields and its signers' tabs, under this name, and in paymentDetails of the tabs",
)
MISSING = {
    "noshow": {
        "email": "is missing: it was looked for in payload.email",
        "calendly_event_uri": "is missing: it was looked for in payload.scheduled_event.uri and payload.event",
        "scheduled_time": "is missing: it was looked for in payload.scheduled_event.start_time",
    },
    "onboarding": {
        "email": "is missing: it was looked for in recipients.signers of the envelope",
        "payment_confirmed": f"is missing: it was looked for in {NAMED[1]}",
        "payment_amount": f"is missing: it was looked for in {NAMED[0]}",
        "payment_date": f"is missing: it was looked for in {NAMED[0]}",
    },
}
UNSIGNED = ("docusign_completed", "must be true: onboarding starts when the contract is signed")
UNPAID = ("payment_confirmed", "must be true: onboarding starts when the contract is paid")


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def taken(payload: object, name: str) -> dict[str, Any]:
    return dict(intake.read(payload, name, build.NOW).fields)


def problems(payload: object, name: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayload) as caught:
        intake.read(payload, name, build.NOW)
    return [(problem.field, problem.problem) for problem in caught.value.problems]


# What is of no native form.


@pytest.mark.parametrize("name", build.NAMES)
@pytest.mark.parametrize(
    "more", [{}, {"event": "x", "payload": {}, "data": {}, "envelopeId": "x", "envelopeSummary": {}}]
)
def test_a_flat_payload_goes_through_untouched(name: str, more: dict[str, Any]) -> None:
    payload = build.payload(name, **more)
    form = provider_payloads.read(payload, name)
    assert form.fields is payload
    assert form == provider_payloads.FlatPayload(payload, {}, frozenset(), ())
    assert intake.read(payload, name, build.NOW) == build.event(name)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("noshow", {"event": "invitee_no_show.created"}),
        ("noshow", {"payload": calendly()["payload"]}),
        ("noshow", docusign()),
        ("onboarding", {"event": "envelope-completed"}),
        ("onboarding", calendly()),
        ("signup", calendly()),
        ("signup", docusign()),
        ("postcall", calendly()),
        ("postcall", docusign()),
    ],
)
def test_what_is_of_no_form_of_this_handler_is_a_flat_payload_without_its_fields(name: str, payload: Any) -> None:
    assert provider_payloads.read(payload, name).fields is payload
    assert problems(payload, name) == [(field, "is missing") for field in build.REQUIRED[name]]


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_a_flat_payload_whose_address_is_empty_is_flat(nothing: Any) -> None:
    payload = {**calendly(), "email": nothing}
    assert problems(payload, "noshow") == [(field, "is missing") for field in build.REQUIRED["noshow"]]


# Calendly.


def test_all_that_calendly_says() -> None:
    assert taken(calendly(), "noshow") == {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-20T14:00:00.000000Z",
        "event_type": "A call",
        "reschedule_url": "https://calendly.example.com/r/AAA",
    }


def test_what_calendly_need_not_say() -> None:
    payload = calendly({"first_name": None, "name": None, "reschedule_url": None}, name=None)
    assert taken(payload, "noshow") == {
        "email": "zoe@example.com",
        "calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-20T14:00:00.000000Z",
    }


def test_what_calendly_says_besides_is_not_taken() -> None:
    payload = calendly({"business_name": "A salon", "variables": {"a": 1}})
    payload["variables"] = {"b": 2}
    event = intake.read({**payload, "business_name": "A salon"}, "noshow", build.NOW)
    assert "business_name" not in event.fields
    assert event.variables == {}


@pytest.mark.parametrize(
    ("first", "whole", "expected"),
    [
        ("Lệ Ngọc", "Nguyễn Lệ Ngọc", "Lệ Ngọc"),
        (None, "Zoë O'Neil", "Zoë"),
        ("", " Zoë\tO'Neil ", "Zoë"),
        (" ", "Zoë", "Zoë"),
        ("Zoë", None, "Zoë"),
        ("Zoë", 5, "Zoë"),
        (None, " ", None),
        (None, None, None),
    ],
)
def test_the_first_name_else_the_first_word_of_the_whole_one(first: Any, whole: Any, expected: str | None) -> None:
    assert taken(calendly({"first_name": first, "name": whole}), "noshow").get("first_name") == expected
    assert taken(docusign(signer(firstName=first, name=whole)), "onboarding").get("first_name") == expected


def test_a_wrong_name_is_named() -> None:
    assert problems(calendly({"first_name": None, "name": ["Zoë"]}), "noshow") == [("first_name", "must be text")]
    assert problems(calendly({"first_name": ["Zoë"]}), "noshow") == [("first_name", "must be text")]
    assert problems(docusign(signer(name=["Zoë"])), "onboarding") == [("first_name", "must be text")]


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_the_scheduled_event_is_also_known_by_the_invitees_word(nothing: Any) -> None:
    payload = calendly({"event": "https://api.calendly.com/scheduled_events/BBB"}, uri=nothing)
    assert taken(payload, "noshow")["calendly_event_uri"] == "https://api.calendly.com/scheduled_events/BBB"
    payload = calendly({"event": "https://api.calendly.com/scheduled_events/BBB"})
    assert taken(payload, "noshow")["calendly_event_uri"] == "https://api.calendly.com/scheduled_events/AAA"


@pytest.mark.parametrize(
    "event",
    ["invitee.created", "invitee.canceled", "invitee_no_show.deleted", "INVITEE_NO_SHOW.CREATED", "", None, 5, {}],
)
def test_another_event_of_calendlys_is_not_ours(event: Any) -> None:
    assert problems({**calendly(), "event": event}, "noshow") == [("event", "must be invitee_no_show.created")]
    empty = {"event": event, "payload": {}}
    assert problems(empty, "noshow") == [("event", "must be invitee_no_show.created"), *MISSING["noshow"].items()]


@pytest.mark.parametrize("wrong", [None, "x", 5, 1.5, True, [], {}, [{}], {"scheduled_event": [1]}])
def test_what_calendly_did_not_say_is_missing_where_it_was_looked_for(wrong: Any) -> None:
    payload = {"event": "invitee_no_show.created", "payload": wrong}
    assert problems(payload, "noshow") == list(MISSING["noshow"].items())


def test_what_calendly_says_is_checked_like_everything() -> None:
    payload = calendly({"email": "zoe", "reschedule_url": [1]}, uri={}, start_time="soon", name=["a"])
    assert problems(payload, "noshow") == [
        ("email", "is not an e-mail address: it has no @"),
        ("calendly_event_uri", "must be text"),
        ("scheduled_time", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        ("event_type", "must be text"),
        ("reschedule_url", "must be text"),
    ]


# DocuSign.


def test_all_that_docusign_says() -> None:
    custom = {
        **PAID,
        "business_name": "A salon",
        "salon_address": "1 Main St",
        "observation_dates": "2025-11-26,2025-11-28 , ,",
        "start_date": "2025-12-01",
        "package_type": "Phase 1",
    }
    assert taken(docusign(custom=custom), "onboarding") == {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "business_name": "A salon",
        "payment_confirmed": True,
        "payment_amount": 2997,
        "payment_date": "2025-11-20T14:00:00Z",
        "docusign_completed": True,
        "salon_address": "1 Main St",
        "observation_dates": ["2025-11-26", "2025-11-28"],
        "start_date": "2025-12-01",
        "package_type": "Phase 1",
    }


def test_what_docusign_need_not_say() -> None:
    assert taken(docusign(signer(name=None)), "onboarding") == {
        "email": "zoe@example.com",
        "payment_confirmed": True,
        "payment_amount": 2997,
        "payment_date": "2025-11-20T14:00:00Z",
        "docusign_completed": True,
    }


@pytest.mark.parametrize(
    "payload",
    [
        {"envelopeId": "x", **envelope()},
        {"envelopeId": "x", "data": {"envelopeSummary": {}}, **envelope()},
        {"envelopeSummary": envelope()},
        {"event": "envelope-completed", "envelopeSummary": envelope()},
        {"data": {"envelopeSummary": envelope()}, "envelopeSummary": {"status": "voided"}, "status": "sent"},
        {"data": 5, "envelopeSummary": envelope(), "status": "sent"},
    ],
)
def test_the_envelope_is_found_in_every_form_that_docusign_has(payload: Any) -> None:
    assert taken(payload, "onboarding") == taken(docusign(), "onboarding")


@pytest.mark.parametrize(
    ("event", "status", "complete"),
    [
        ("envelope-completed", "completed", True),
        ("Envelope-Completed ", " Completed", True),
        ("envelope-completed", None, True),
        ("envelope-completed", " ", True),
        (None, "completed", True),
        ("", "completed", True),
        (None, None, False),
        ("envelope-sent", "completed", False),
        ("recipient-completed", "completed", False),
        ("envelope-completed", "sent", False),
        ("envelope-voided", "voided", False),
        ("completed", "completed", False),
        ("envelope-completed", "envelope-completed", False),
        (5, "completed", False),
        ("envelope-completed", ["completed"], False),
    ],
)
def test_only_an_envelope_that_is_completed_is_signed(event: Any, status: Any, complete: bool) -> None:
    payload = {**docusign(status=status), "event": event}
    if complete:
        assert taken(payload, "onboarding")["docusign_completed"] is True
    else:
        assert problems(payload, "onboarding") == [UNSIGNED]


@pytest.mark.parametrize(
    ("signers", "first"),
    [
        ([signer("b@example.com", "2"), signer("a@example.com", "1")], "a@example.com"),
        ([signer("b@example.com", "10"), signer("a@example.com", "9")], "a@example.com"),
        ([signer("b@example.com", 2), signer("a@example.com", 1)], "a@example.com"),
        ([signer("a@example.com", "1"), signer("b@example.com", "1")], "a@example.com"),
        ([signer("b@example.com", "1"), signer("a@example.com", "0")], "a@example.com"),
        ([signer("b@example.com", None), signer("a@example.com", "1000")], "a@example.com"),
        ([signer("b@example.com", "x"), signer("a@example.com", "999999")], "a@example.com"),
        ([signer("b@example.com", {}), signer("a@example.com", "5")], "a@example.com"),
        ([signer("b@example.com", "-1"), signer("a@example.com", "1")], "a@example.com"),
        ([signer("a@example.com", "1000000"), signer("b@example.com", "1000001")], "a@example.com"),
        ([signer("a@example.com", None), signer("b@example.com", "2000000")], "a@example.com"),
        ([signer("a@example.com", None), signer("b@example.com", "1000000")], "a@example.com"),
        ([signer(None, "1", "The staff"), signer("a@example.com", "2")], "a@example.com"),
        ([signer(" ", "1", "The staff"), signer("a@example.com", "2")], "a@example.com"),
        (["x", None, 5, [], {}, signer("a@example.com", "2")], "a@example.com"),
    ],
)
def test_the_contact_is_the_first_signer_who_is_a_person(signers: list[Any], first: str) -> None:
    assert taken(docusign(*signers), "onboarding")["email"] == first


def test_whoever_only_gets_a_copy_is_not_the_contact() -> None:
    payload = docusign(recipients={"carbonCopies": [signer()], "seals": [signer()]})
    assert problems(payload, "onboarding") == [("email", MISSING["onboarding"]["email"])]


@pytest.mark.parametrize(
    "label",
    ["salon_address", "Salon Address", "SALON-ADDRESS", " salon  -_ address\n", "Salon\tAddress"],
)
def test_a_label_may_be_written_in_any_way(label: str) -> None:
    said = {**PAID, label: "1 Main St"}
    assert taken(docusign(custom=said), "onboarding")["salon_address"] == "1 Main St"
    payload = docusign(tabs(textTabs=[{"tabLabel": label, "value": "1 Main St"}]))
    assert taken(payload, "onboarding")["salon_address"] == "1 Main St"


@pytest.mark.parametrize(
    "label", ["salonaddress", "salon_address_2", "the salon_address", "", None, 5, ["salon_address"]]
)
def test_another_label_is_another_matter(label: Any) -> None:
    payload = docusign(tabs(textTabs=[{"tabLabel": label, "value": "1 Main St"}]))
    assert "salon_address" not in taken(payload, "onboarding")


def test_no_label_says_who_signed_or_that_it_is_signed() -> None:
    said = [
        {"tabLabel": "Email", "value": "robin@example.net"},
        {"tabLabel": "First Name", "value": "Robin"},
        {"tabLabel": "docusign_completed", "value": "true"},
        {"tabLabel": "variables", "value": "x"},
    ]
    custom = {**PAID, **{each["tabLabel"]: each["value"] for each in said}}
    payload = docusign(tabs(emailTabs=said), custom=custom, status="sent")
    assert problems(payload, "onboarding") == [UNSIGNED]
    payload["data"]["envelopeSummary"]["status"] = "completed"
    assert taken(payload, "onboarding") == taken(docusign(), "onboarding")


def test_custom_fields_come_before_the_first_signers_tabs_and_those_before_the_others() -> None:
    def text(value: str) -> dict[str, Any]:
        return {"textTabs": [{"tabLabel": "package_type", "value": value}]}

    lists = [{"name": "package_type", "value": "list"}]
    others = [signer("b@example.com", "2", tabs=text("second")), signer("a@example.com", "1", tabs=text("first"))]
    payload = docusign(*others, custom={**PAID, "package_type": "text"})
    summary = payload["data"]["envelopeSummary"]
    summary["customFields"]["listCustomFields"] = lists
    assert taken(payload, "onboarding")["package_type"] == "text"
    summary["customFields"]["textCustomFields"][-1]["value"] = " "
    assert taken(payload, "onboarding")["package_type"] == "list"
    del summary["customFields"]["listCustomFields"]
    assert taken(payload, "onboarding")["package_type"] == "first"
    summary["recipients"]["signers"][1]["tabs"] = None
    assert taken(payload, "onboarding")["package_type"] == "second"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2997", 2997),
        (2997, 2997),
        ("2997.50", 2997.5),
        ("2,997.00", 2997),
        ("$2,997", 2997),
        (" $ 1,002,997.5 ", 1002997.5),
        ("$0", 0),
    ],
)
def test_an_amount_may_be_written_as_people_write_it(written: Any, expected: float) -> None:
    assert taken(docusign(custom={**PAID, "payment_amount": written}), "onboarding")["payment_amount"] == expected


@pytest.mark.parametrize(
    "written", ["29,97", "2,9970", ",997", "2997,00", "$", "$$5", "2997 CAD", "5.", "x", ["5"], True]
)
def test_what_may_be_read_in_two_ways_is_no_amount(written: Any) -> None:
    payload = docusign(custom={**PAID, "payment_amount": written})
    assert problems(payload, "onboarding") == [("payment_amount", "must be a number")]


@pytest.mark.parametrize(
    ("ticked", "confirmed"),
    [
        ({"selected": "true"}, True),
        ({"selected": "true", "value": "false"}, True),
        ({"selected": "false", "value": "true"}, False),
        ({"selected": None, "value": "true"}, True),
        ({"value": "True"}, True),
    ],
)
def test_a_check_box_is_true_or_false(ticked: dict[str, Any], confirmed: bool) -> None:
    custom = {name: PAID[name] for name in ("payment_amount", "payment_date")}
    payload = docusign(tabs(checkboxTabs=[{"tabLabel": "payment_confirmed", **ticked}]), custom=custom)
    if confirmed:
        assert taken(payload, "onboarding")["payment_confirmed"] is True
    else:
        assert problems(payload, "onboarding") == [UNPAID]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["payment_complete"], None),
        ([" Payment_Complete"], None),
        (["payment_complete", "payment_complete"], None),
        (["new"], UNPAID),
        (["auth_complete"], UNPAID),
        (["payment_capture_failed"], UNPAID),
        (["future_payment_saved"], UNPAID),
        (["payment_complete", "payment_capture_failed"], UNPAID),
        ([None], UNPAID),
        ([["payment_complete"]], UNPAID),
        ([], ("payment_confirmed", MISSING["onboarding"]["payment_confirmed"])),
    ],
)
def test_a_charged_card_is_a_payment(statuses: list[Any], expected: tuple[str, str] | None) -> None:
    custom = {name: PAID[name] for name in ("payment_amount", "payment_date")}
    items = [{"tabLabel": "To pay", "paymentDetails": {"status": status}} for status in statuses]
    payload = docusign(tabs(formulaTabs=[*items, {"tabLabel": "Sum", "paymentDetails": None}]), custom=custom)
    if expected is None:
        assert taken(payload, "onboarding")["payment_confirmed"] is True
    else:
        assert problems(payload, "onboarding") == [expected]


@pytest.mark.parametrize("details", ["payment_complete", 5, [], {}, [{"status": "payment_complete"}]])
def test_a_payment_that_says_nothing_is_none(details: Any) -> None:
    custom = {name: PAID[name] for name in ("payment_amount", "payment_date")}
    payload = docusign(tabs(formulaTabs=[{"paymentDetails": details}]), custom=custom)
    assert problems(payload, "onboarding") == [UNPAID]


def test_what_a_field_says_of_the_payment_comes_first() -> None:
    failed = tabs(formulaTabs=[{"paymentDetails": {"status": "payment_capture_failed"}}])
    assert taken(docusign(failed), "onboarding")["payment_confirmed"] is True
    paid = tabs(formulaTabs=[{"paymentDetails": {"status": "payment_complete"}}])
    payload = docusign(paid, custom={**PAID, "payment_confirmed": "false"})
    assert problems(payload, "onboarding") == [UNPAID]


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": None},
        {"data": "x"},
        {"data": []},
        {"data": {}},
        {"data": {"envelopeSummary": [1]}},
        {"envelopeSummary": 5},
        {"envelopeId": "x"},
        {"data": {"envelopeSummary": {"recipients": 5, "customFields": 5}}},
        {"data": {"envelopeSummary": {"recipients": {"signers": {"email": "a@b.ca"}}, "customFields": []}}},
        {"data": {"envelopeSummary": {"customFields": {"textCustomFields": {"name": "payment_date"}}}}},
        {"data": {"envelopeSummary": {"customFields": {"textCustomFields": [5, None, "x", [], {}]}}}},
    ],
)
def test_what_docusign_did_not_say_is_missing_where_it_was_looked_for(wrong: Any) -> None:
    payload = {"event": "envelope-completed", **wrong}
    assert problems(payload, "onboarding") == list(MISSING["onboarding"].items())


@pytest.mark.parametrize(
    "kinds", [None, 5, "x", [], {"textTabs": 5}, {"textTabs": [5, None, [], {}]}, {"textTabs": {}}]
)
def test_tabs_of_any_kind_are_taken_for_what_they_are(kinds: Any) -> None:
    assert taken(docusign(signer(tabs=kinds)), "onboarding") == taken(docusign(), "onboarding")


def test_what_docusign_says_is_checked_like_everything() -> None:
    custom = {
        "business_name": ["a"],
        "payment_confirmed": "yes",
        "payment_amount": "-5",
        "payment_date": "11/18/2025",
        "observation_dates": {"a": 1},
    }
    assert problems(docusign(signer("zoe"), custom=custom, status="sent"), "onboarding") == [
        ("email", "is not an e-mail address: it has no @"),
        ("business_name", "must be text"),
        ("payment_confirmed", "must be true or false"),
        ("payment_amount", "must be an amount in dollars, with at most two decimals, and not negative"),
        ("payment_date", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        ("observation_dates", "must be a list of texts"),
        UNSIGNED,
    ]


# One event, told in two ways.


@pytest.mark.parametrize(("name", "native"), [("noshow", calendly()), ("onboarding", docusign())])
def test_the_same_event_in_both_forms_is_the_same_enrolment(name: str, native: Any) -> None:
    assert intake.read(native, name, build.NOW).id == build.event(name).id


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("noshow", calendly(uri="https://api.calendly.com/scheduled_events/BBB")),
        ("noshow", calendly({"email": "other@example.com"})),
        ("onboarding", docusign(custom={**PAID, "payment_date": "2025-11-20T14:00:01Z"})),
        ("onboarding", docusign(signer("other@example.com"))),
    ],
)
def test_another_event_is_another_enrolment(name: str, native: Any) -> None:
    assert intake.read(native, name, build.NOW).id != build.event(name).id


@pytest.mark.parametrize(
    ("name", "native", "differs"),
    [
        ("noshow", "noshow-calendly", {"business_name", "scheduled_time", "reschedule_url"}),
        ("onboarding", "onboarding-docusign", set()),
    ],
)
def test_the_examples_of_both_forms_tell_the_same_event(name: str, native: str, differs: set[str]) -> None:
    flat = intake.read(example(name), name, build.NOW)
    told = intake.read(example(native), name, build.NOW)
    assert told.id == flat.id
    assert {field for field in flat.fields if told.fields.get(field) != flat.fields[field]} == differs
    assert set(told.fields) <= set(flat.fields)


@pytest.mark.parametrize(
    ("name", "native", "email"),
    [
        ("noshow", "noshow-calendly", "Le.Ngoc@example.com"),
        ("onboarding", "onboarding-docusign", "siobhan@example.org"),
    ],
)
def test_the_examples_are_answered_like_flat_ones(name: str, native: str, email: str) -> None:
    payload = example(native)
    answer = intake.answer(copy.deepcopy(payload), name, build.NOW, "execution-1")
    assert isinstance(answer, Accepted)
    assert answer.body["email"] == answer.body_if_known["email"] == email
    assert answer.body.get("payment_amount") == (2997 if name == "onboarding" else None)
    assert answer.event == intake.read(payload, name, build.NOW)


def test_a_call_of_calendlys_that_is_not_ours_is_refused() -> None:
    payload = {**example("noshow-calendly"), "event": "invitee.created"}
    answer = intake.answer(payload, "noshow", build.NOW, "execution-1")
    assert isinstance(answer, Rejected)
    assert answer.body == {
        "status": "rejected",
        "errors": [{"field": "event", "problem": "must be invitee_no_show.created"}],
    }


# Bookings.

#: What both say of the booking of ``build.event``.
OF_A_BOOKING = {
    "email": "zoe@example.com",
    "first_name": "Zoë",
    "event_type": "A call",
    "host_name": "Sang Le",
    "status": "booked",
}


def test_a_booking_at_calendly() -> None:
    assert taken(calendly_booking(), "precall") == {
        **OF_A_BOOKING,
        "booking_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-24T15:00:00.000000Z",
        "reschedule_url": "https://calendly.example.com/r/AAA",
        "join_url": "https://zoom.example.com/1",
        "booked_at": "2025-11-20T14:00:00.000000Z",
    }


@pytest.mark.parametrize("rescheduled", [True, False])
def test_a_call_cancelled_at_calendly(rescheduled: bool) -> None:
    said = taken(calendly_booking("invitee.canceled", rescheduled=rescheduled), "precall")
    assert (said["status"], said["rescheduled"]) == ("cancelled", rescheduled)


def test_a_booking_at_calendly_and_the_flat_one_are_one_event() -> None:
    native = intake.read(calendly_booking(), "precall", build.NOW)
    assert native.id == build.event("precall").id
    cancelled = intake.read(calendly_booking("invitee.canceled"), "precall", build.NOW)
    assert (cancelled.booking, cancelled.id) == (native.booking, f"{native.id}-cancelled")


def test_what_calendly_leaves_out_of_a_booking() -> None:
    bare = calendly_booking(
        name=None,
        first_name="Ana",
        created_at=None,
        reschedule_url=None,
        event="https://api.calendly.com/scheduled_events/BBB",
        scheduled_event={"start_time": "2025-11-24T15:00:00Z"},
    )
    assert taken(bare, "precall") == {
        "email": "zoe@example.com",
        "first_name": "Ana",
        "booking_uri": "https://api.calendly.com/scheduled_events/BBB",
        "scheduled_time": "2025-11-24T15:00:00Z",
        "status": "booked",
        "booked_at": "2025-11-20T14:30:00.000000Z",
    }


def test_another_call_of_calendly_is_no_booking() -> None:
    faults = [("event", "must be one of invitee.created, invitee.canceled")]
    assert problems(calendly_booking("invitee_no_show.created"), "precall") == faults
    assert problems({**calendly_booking(), "event": 5}, "precall") == faults
    assert problems({"event": "invitee.created", "payload": None}, "precall") == [
        ("email", "is missing: it was looked for in payload.email"),
        ("booking_uri", "is missing: it was looked for in payload.scheduled_event.uri and payload.event"),
        ("scheduled_time", "is missing: it was looked for in payload.scheduled_event.start_time"),
    ]


@pytest.mark.parametrize("event", ["BOOKING_CREATED", "BOOKING_RESCHEDULED"])
def test_a_booking_at_cal_com(event: str) -> None:
    assert taken(cal_com(event), "precall") == {
        **OF_A_BOOKING,
        "booking_uri": "AAA",
        "scheduled_time": "2025-11-24T15:00:00Z",
        "reschedule_url": "https://cal.example.com/reschedule/AAA",
        "join_url": "https://video.example.com/1",
        "booked_at": "2025-11-20T14:00:00.000Z",
    }


def test_a_call_cancelled_at_cal_com() -> None:
    said = taken(cal_com("BOOKING_CANCELLED"), "precall")
    assert (said["status"], said.get("booked_at"), said.get("rescheduled")) == ("cancelled", None, None)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"eventTitle": None}, {"event_type": "A call between Sang Le and Zoë O'Neil"}),
        ({"metadata": {}, "location": "https://meet.example.com/1"}, {"join_url": "https://meet.example.com/1"}),
        ({"metadata": None}, {"join_url": None}),
        ({"bookerUrl": None}, {"reschedule_url": None}),
        ({"bookerUrl": "cal.example.com"}, {"reschedule_url": None}),
        ({"uid": 5}, {"reschedule_url": None, "booking_uri": "5"}),
        ({"bookerUrl": 5}, {"reschedule_url": None}),
        ({"organizer": []}, {"host_name": None}),
        ({"attendees": []}, {"email": "zoe@example.com", "first_name": None}),
        ({"attendees": [{"email": "ana@example.com", "firstName": "Ana"}]}, {"first_name": "Ana"}),
    ],
)
def test_what_cal_com_says_otherwise(changed: dict[str, Any], expected: dict[str, Any]) -> None:
    said = taken(cal_com(**changed), "precall")
    assert {name: said.get(name) for name in expected} == expected


def test_another_call_of_cal_com_is_no_booking() -> None:
    ours = "BOOKING_CREATED, BOOKING_RESCHEDULED, BOOKING_CANCELLED"
    assert problems(cal_com("PING"), "precall") == [("triggerEvent", f"must be one of {ours}")]
    assert problems({"triggerEvent": "BOOKING_CREATED"}, "precall") == [
        ("email", "is missing: it was looked for in payload.attendees[0].email and payload.responses.email"),
        ("booking_uri", "is missing: it was looked for in payload.uid"),
        ("scheduled_time", "is missing: it was looked for in payload.startTime"),
    ]


def test_a_booking_in_the_old_form_is_the_same_booking() -> None:
    said = taken(cal_com_old(), "precall")
    new = taken(cal_com(), "precall")
    assert said == {name: new[name] for name in ("email", "first_name", "booking_uri", "scheduled_time", "status")}
    old, native = (intake.read(each, "precall", build.NOW) for each in (cal_com_old(), cal_com()))
    assert old.id == native.id


def test_the_old_form_may_name_its_event() -> None:
    assert taken({"triggerEvent": "BOOKING_CANCELLED", **cal_com_old()}, "precall")["status"] == "cancelled"
    ours = "BOOKING_CREATED, BOOKING_RESCHEDULED, BOOKING_CANCELLED"
    assert problems({"triggerEvent": "PING", **cal_com_old()}, "precall") == [
        ("triggerEvent", f"must be one of {ours}")
    ]


def test_what_is_missing_in_the_old_form_is_named_where_it_was_looked_for() -> None:
    sought = "payload.booking.attendees[0].email and payload.booking.responses.email"
    nothing: tuple[Any, ...] = ({}, None, [], 5)
    for booking in nothing:
        assert problems({"payload": {"booking": booking}}, "precall") == [
            ("email", f"is missing: it was looked for in {sought}"),
            ("booking_uri", "is missing: it was looked for in payload.booking.uid"),
            ("scheduled_time", "is missing: it was looked for in payload.booking.startTime"),
        ]


def test_only_a_booking_without_a_uid_of_its_own_is_of_the_old_form() -> None:
    assert taken(cal_com(booking={"uid": "BBB"}), "precall")["booking_uri"] == "AAA"


def test_the_example_in_the_old_form_is_taken() -> None:
    said = intake.read(example("precall-cal-com-old"), "precall", build.NOW)
    assert (said.email, said.fields["first_name"]) == ("ayse.yildiz@example.com", "Ayşe")
    assert said.id == intake.read(example("precall-cal-com"), "precall", build.NOW).id


@pytest.mark.parametrize("name", ["precall", "precall-calendly", "precall-cal-com"])
def test_the_examples_of_a_booking_are_taken(name: str) -> None:
    said = intake.read(example(name), "precall", build.NOW)
    assert (said.email, said.fields["first_name"], said.cancels) == ("ayse.yildiz@example.com", "Ayşe", False)
    assert times.parse(str(said.fields["scheduled_time"])) == times.parse("2025-12-02T15:00:00Z")
    assert said.fields["join_url"] == "https://meet.example.com/abc-defg-hij"
