from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.campaign import times
from christmas_campaign.campaign.sender_settings import SenderSettings
from christmas_campaign.events import intake, provider_payloads
from christmas_campaign.events.intake import Accepted, InvalidPayload, Problem
from unit import build
from unit.native import PAID, cal_com, cal_com_old, calendly, calendly_booking, docusign, envelope, signer, tabs

EXAMPLES = Path(__file__).parents[3] / "examples"

#: Where DocuSign's fields are looked for.
LABELS = "the envelope's custom fields and its signers' tabs, under this name"


def missing(**sought: str) -> list[tuple[str, str]]:
    """Return the problems with fields that were not found in these places."""
    return [(field, f"is missing: it was looked for in {place}") for field, place in sought.items()]


CALENDLY_MISSING = missing(
    email="payload.email",
    calendly_event_uri="payload.scheduled_event.uri and payload.event",
    scheduled_time="payload.scheduled_event.start_time",
)
DOCUSIGN_MISSING = missing(
    email="recipients.signers of the envelope",
    payment_confirmed=f"{LABELS}, and in paymentDetails of the tabs",
    payment_amount=LABELS,
    payment_date=LABELS,
)
UNSIGNED = ("docusign_completed", "must be true: onboarding starts when the contract is signed")
UNPAID = ("payment_confirmed", "must be true: onboarding starts when the contract is paid")
NOT_OURS = ("event", "must be one of invitee_no_show.created, invitee_no_show.deleted")
CAL_COM_EVENTS = "must be one of BOOKING_CREATED, BOOKING_RESCHEDULED, BOOKING_CANCELLED, BOOKING_REQUESTED"

#: An envelope's custom fields without the confirmation of the payment.
UNCONFIRMED = {name: PAID[name] for name in ("payment_amount", "payment_date")}


def example(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def fields(payload: object, name: str) -> dict[str, Any]:
    """Return the fields of a valid payload."""
    return dict(intake.read(payload, name, build.NOW).fields)


def problems(payload: object, name: str) -> list[tuple[str, str]]:
    """Return the problems with a payload that is not valid."""
    with pytest.raises(InvalidPayload) as caught:
        intake.read(payload, name, build.NOW)
    return [(problem.field, problem.problem) for problem in caught.value.problems]


def field_or_problems(payload: object, name: str, field: str) -> Any:
    """Return the value of a field (``None``: it is absent), or the list of problems with the payload."""
    try:
        return intake.read(payload, name, build.NOW).fields.get(field)
    except InvalidPayload as error:
        return [(problem.field, problem.problem) for problem in error.problems]


# Payloads of no provider.


@pytest.mark.parametrize("name", build.NAMES)
def test_flat_payload_stays_unchanged(name: str) -> None:
    extra = {"event": "x", "payload": {}, "triggerEvent": "x", "data": {}, "envelopeId": "x", "envelopeSummary": {}}
    payload = build.payload(name, **extra)
    flat = provider_payloads.read(payload, name)
    assert flat.fields is payload
    assert flat == provider_payloads.FlatPayload(payload, {}, frozenset(), ())
    assert intake.read(payload, name, build.NOW) == build.event(name)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("noshow", {"event": "invitee_no_show.created"}),
        ("noshow", {"payload": calendly()["payload"]}),
        ("noshow", {**calendly(), "email": " "}),
        ("noshow", docusign()),
        ("onboarding", {"event": "envelope-completed"}),
        ("onboarding", calendly()),
        ("signup", calendly()),
        ("postcall", docusign()),
    ],
)
def test_payload_of_no_form_of_the_sequence_is_flat(name: str, payload: Any) -> None:
    assert provider_payloads.read(payload, name).fields is payload
    assert problems(payload, name) == [(field, "is missing") for field in build.REQUIRED[name]]


# Missed calls of Calendly.


def test_missed_call_of_calendly_is_converted() -> None:
    assert fields(calendly(), "noshow") == {
        "email": "zoe@example.com",
        "first_name": "Zoë",
        "calendly_event_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-20T14:00:00.000000Z",
        "event_type": "A call",
        "reschedule_url": "https://calendly.example.com/r/AAA",
        "no_show_status": "missed",
    }


def test_missed_call_of_calendly_may_be_withdrawn() -> None:
    withdrawn = {**calendly(), "event": "invitee_no_show.deleted"}
    assert fields(withdrawn, "noshow") == {**fields(calendly(), "noshow"), "no_show_status": "withdrawn"}


def test_other_fields_of_calendly_are_ignored() -> None:
    payload = calendly({"business_name": "A salon", "variables": {"a": 1}})
    event = intake.read({**payload, "business_name": "A salon", "variables": {"b": 2}}, "noshow", build.NOW)
    assert ("business_name" in event.fields, event.variables) == (False, {})


@pytest.mark.parametrize(
    ("first_name", "name", "expected"),
    [
        ("Lệ Ngọc", "Nguyễn Lệ Ngọc", "Lệ Ngọc"),
        ("", " Zoë\tO'Neil ", "Zoë"),
        (None, " ", None),
        (None, None, None),
        (None, ["Zoë"], [("first_name", "must be text")]),
        (["Zoë"], "Zoë", [("first_name", "must be text")]),
        ("Zoë", 5, "Zoë"),
    ],
)
def test_first_name_is_else_the_first_word_of_the_name(first_name: Any, name: Any, expected: Any) -> None:
    missed_call = calendly({"first_name": first_name, "name": name})
    assert field_or_problems(missed_call, "noshow", "first_name") == expected
    contract = docusign(signer(firstName=first_name, name=name))
    assert field_or_problems(contract, "onboarding", "first_name") == expected
    booking = calendly_booking(first_name=first_name, name=name)
    assert field_or_problems(booking, "precall", "first_name") == expected


@pytest.mark.parametrize(("uri", "expected"), [(None, "BBB"), (" ", "BBB"), ("AAA", "AAA")])
def test_uri_of_the_scheduled_event_is_else_that_of_the_invitee(uri: Any, expected: str) -> None:
    assert fields(calendly({"event": "BBB"}, uri=uri), "noshow")["calendly_event_uri"] == expected


@pytest.mark.parametrize("event", ["invitee.created", "INVITEE_NO_SHOW.CREATED", None, {}])
def test_other_event_of_calendly_is_rejected(event: Any) -> None:
    assert problems({**calendly(), "event": event}, "noshow") == [NOT_OURS]
    assert problems({"event": event, "payload": {}}, "noshow") == [NOT_OURS, *CALENDLY_MISSING]


@pytest.mark.parametrize("payload", [None, "x", 5, [{}], {}, {"scheduled_event": [1]}])
def test_problem_names_where_a_missing_field_of_calendly_is_looked_for(payload: Any) -> None:
    assert problems({"event": "invitee_no_show.created", "payload": payload}, "noshow") == CALENDLY_MISSING


# Envelopes of DocuSign.

#: The fields of an envelope without optional fields.
REQUIRED_OF_ENVELOPE = {
    "email": "zoe@example.com",
    "payment_confirmed": True,
    "payment_amount": 2997,
    "payment_date": "2025-11-20T14:00:00Z",
    "docusign_completed": True,
}


def test_envelope_of_docusign_is_converted() -> None:
    custom = {
        "business_name": "A salon",
        "salon_address": "1 Main St",
        "start_date": "2025-12-01",
        "package_type": "Phase 1",
    }
    payload = docusign(custom={**PAID, **custom, "observation_dates": "2025-11-26,2025-11-28 , ,"})
    expected = {**REQUIRED_OF_ENVELOPE, **custom, "first_name": "Zoë"}
    assert fields(payload, "onboarding") == {**expected, "observation_dates": ["2025-11-26", "2025-11-28"]}
    assert fields(docusign(signer(name=None)), "onboarding") == REQUIRED_OF_ENVELOPE


@pytest.mark.parametrize(
    "payload",
    [
        {"envelopeId": "x", **envelope()},
        {"data": {"envelopeSummary": {}}, **envelope()},
        {"event": "envelope-completed", "envelopeSummary": envelope()},
        {"data": {"envelopeSummary": envelope()}, "envelopeSummary": {"status": "voided"}, "status": "sent"},
        {"data": 5, "envelopeSummary": envelope(), "status": "sent"},
    ],
)
def test_envelope_is_read_in_every_form_of_docusign(payload: Any) -> None:
    assert fields(payload, "onboarding") == fields(docusign(), "onboarding")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # The contact is "a". The places in the signing order of "a" and "b", and which of them is listed first.
        (signer("b@example.com", "10"), signer("a@example.com", "9")),
        (signer("a@example.com", "1"), signer("b@example.com", "1")),
        (signer("b@example.com", "1"), signer("a@example.com", "0")),
        # A place that is not valid is the last one.
        (signer("b@example.com", None), signer("a@example.com", "999999")),
        (signer("a@example.com", "1000000"), signer("b@example.com", "1000001")),
        (signer("a@example.com", None), signer("b@example.com", "1000000")),
        # Groups and seals have no address.
        (signer(" ", "1", "The staff"), signer("a@example.com", "2")),
        ("x", signer("a@example.com", "2")),
    ],
)
def test_contact_is_the_first_signer_with_an_address(first: Any, second: Any) -> None:
    assert fields(docusign(first, second), "onboarding")["email"] == "a@example.com"


OWN = SenderSettings(own_domains=frozenset({"example.net"}))


def test_signer_of_the_team_is_never_the_contact() -> None:
    payload = docusign(signer("robin@example.net", "1"), signer("zoe@example.com", "1"))
    assert intake.read(payload, "onboarding", build.NOW, OWN).fields == REQUIRED_OF_ENVELOPE | {"first_name": "Zoë"}
    both = intake.read(payload, "onboarding", build.NOW)
    assert (both.email, both.fields["other_signers"]) == ("robin@example.net", ["zoe@example.com"])
    with pytest.raises(InvalidPayload) as caught:
        intake.read(docusign(signer("robin@example.net")), "onboarding", build.NOW, OWN)
    (problem,) = caught.value.problems
    assert problem == Problem("email", f"{DOCUSIGN_MISSING[0][1]}, where every signer has an address of OWN_DOMAINS")


def test_only_those_who_sign_at_once_may_be_the_contact() -> None:
    signers = [signer("a@example.com", "1"), signer("b@example.com", "2"), signer("c@example.com", "1")]
    assert fields(docusign(*signers), "onboarding")["other_signers"] == ["c@example.com"]
    assert "other_signers" not in fields(docusign(*signers[:2]), "onboarding")


def test_recipient_of_a_copy_is_not_the_contact() -> None:
    payload = docusign(recipients={"carbonCopies": [signer()], "seals": [signer()]})
    assert problems(payload, "onboarding") == DOCUSIGN_MISSING[:1]


@pytest.mark.parametrize(
    ("label", "is_read"),
    [
        ("Salon Address", True),
        (" salon  -_ address\n", True),
        ("salonaddress", False),
        (None, False),
        (["salon_address"], False),
    ],
)
def test_label_of_a_tab_may_have_spaces_hyphens_and_capitals(label: Any, is_read: bool) -> None:
    payload = docusign(tabs(textTabs=[{"tabLabel": label, "value": "1 Main St"}]))
    assert fields(payload, "onboarding").get("salon_address") == ("1 Main St" if is_read else None)
    if isinstance(label, str):
        payload = docusign(custom={**PAID, label: "1 Main St"})
        assert fields(payload, "onboarding").get("salon_address") == ("1 Main St" if is_read else None)


def test_labels_set_neither_the_signer_nor_the_status() -> None:
    labels = {"Email": "robin@example.net", "First Name": "Robin", "docusign_completed": "true", "variables": "x"}
    email_tabs = [{"tabLabel": label, "value": value} for label, value in labels.items()]
    payload = docusign(tabs(emailTabs=email_tabs), custom={**PAID, **labels}, status="sent")
    assert problems(payload, "onboarding") == [UNSIGNED]
    payload["data"]["envelopeSummary"]["status"] = "completed"
    assert fields(payload, "onboarding") == fields(docusign(), "onboarding")


def test_custom_fields_come_before_tabs_and_the_first_signers_tabs_before_the_others() -> None:
    def text_tabs(value: str) -> dict[str, Any]:
        return {"textTabs": [{"tabLabel": "package_type", "value": value}]}

    signers = [
        signer("b@example.com", "2", tabs=text_tabs("second")),
        signer("a@example.com", "1", tabs=text_tabs("first")),
    ]
    payload = docusign(*signers, custom={**PAID, "package_type": "text"})
    summary = payload["data"]["envelopeSummary"]
    summary["customFields"]["listCustomFields"] = [{"name": "package_type", "value": "list"}]
    assert fields(payload, "onboarding")["package_type"] == "text"
    summary["customFields"]["textCustomFields"][-1]["value"] = " "
    assert fields(payload, "onboarding")["package_type"] == "list"
    del summary["customFields"]["listCustomFields"]
    assert fields(payload, "onboarding")["package_type"] == "first"
    summary["recipients"]["signers"][1]["tabs"] = None
    assert fields(payload, "onboarding")["package_type"] == "second"


def with_status(event: Any, status: Any) -> dict[str, Any]:
    """Return an envelope with an event and a status."""
    return {**docusign(status=status), "event": event}


def with_amount(amount: Any) -> dict[str, Any]:
    """Return an envelope with an amount in its custom fields."""
    return docusign(custom={**PAID, "payment_amount": amount})


def with_check_box(**box: Any) -> dict[str, Any]:
    """Return an envelope with a check box that confirms the payment."""
    return docusign(tabs(checkboxTabs=[{"tabLabel": "payment_confirmed", **box}]), custom=UNCONFIRMED)


def with_cards(*details: Any, **custom: Any) -> dict[str, Any]:
    """Return an envelope with ``paymentDetails`` of cards."""
    items = [{"tabLabel": "To pay", "paymentDetails": detail} for detail in (*details, None)]
    return docusign(tabs(formulaTabs=items), custom={**UNCONFIRMED, **custom})


CHARGED, FAILED = {"status": "payment_complete"}, {"status": "payment_capture_failed"}
NOT_A_NUMBER = [("payment_amount", "must be a number")]


@pytest.mark.parametrize(
    ("field", "payload", "expected"),
    [
        # Event and status, as far as they are present, must agree that the envelope is completed.
        ("docusign_completed", with_status("Envelope-Completed ", " Completed"), True),
        ("docusign_completed", with_status("envelope-completed", None), True),
        ("docusign_completed", with_status(" ", "completed"), True),
        ("docusign_completed", with_status(None, None), [UNSIGNED]),
        ("docusign_completed", with_status("envelope-sent", "completed"), [UNSIGNED]),
        ("docusign_completed", with_status("envelope-completed", "sent"), [UNSIGNED]),
        ("docusign_completed", with_status("completed", "completed"), [UNSIGNED]),
        ("docusign_completed", with_status("envelope-completed", "envelope-completed"), [UNSIGNED]),
        ("docusign_completed", with_status("envelope-completed", ["completed"]), [UNSIGNED]),
        # An amount may have a dollar sign and separators.
        ("payment_amount", with_amount(2997), 2997),
        ("payment_amount", with_amount("2,997.00"), 2997),
        ("payment_amount", with_amount(" $ 1,002,997.5 "), 1002997.5),
        *(
            ("payment_amount", with_amount(text), NOT_A_NUMBER)
            for text in ("29,97", "2,9970", ",997", "2997,00", "$", "$$5", "2997 CAD", "5.", True)
        ),
        # A check box, or every charged card, confirms the payment.
        ("payment_confirmed", with_check_box(selected="true", value="false"), True),
        ("payment_confirmed", with_check_box(selected="false", value="true"), [UNPAID]),
        ("payment_confirmed", with_check_box(selected=None, value="True"), True),
        ("payment_confirmed", with_cards(CHARGED, {"status": " Payment_Complete"}), True),
        ("payment_confirmed", with_cards(CHARGED, FAILED), [UNPAID]),
        ("payment_confirmed", with_cards({"status": ["payment_complete"]}), [UNPAID]),
        ("payment_confirmed", with_cards("payment_complete"), [UNPAID]),
        ("payment_confirmed", with_cards({}), [UNPAID]),
        ("payment_confirmed", with_cards(), DOCUSIGN_MISSING[1:2]),
        # A labelled field comes before the card.
        ("payment_confirmed", with_cards(FAILED, payment_confirmed="true"), True),
        ("payment_confirmed", with_cards(CHARGED, payment_confirmed="false"), [UNPAID]),
    ],
)
def test_envelope_has_the_field_or_the_problem(field: str, payload: Any, expected: Any) -> None:
    assert field_or_problems(payload, "onboarding", field) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": None},
        {"data": {"envelopeSummary": [1]}},
        {"envelopeSummary": 5},
        {"data": {"envelopeSummary": {"recipients": 5, "customFields": 5}}},
        {"data": {"envelopeSummary": {"recipients": {"signers": {"email": "a@b.ca"}}, "customFields": []}}},
        {"data": {"envelopeSummary": {"customFields": {"textCustomFields": {"name": "payment_date"}}}}},
        {"data": {"envelopeSummary": {"customFields": {"textCustomFields": [5, None, "x", [], {}]}}}},
    ],
)
def test_problem_names_where_a_missing_field_of_docusign_is_looked_for(wrong: Any) -> None:
    assert problems({"event": "envelope-completed", **wrong}, "onboarding") == DOCUSIGN_MISSING


@pytest.mark.parametrize("kinds", [None, "x", [], {"textTabs": 5}, {"textTabs": [5, None, [], {}]}])
def test_tabs_of_another_type_are_ignored(kinds: Any) -> None:
    assert fields(docusign(signer(tabs=kinds)), "onboarding") == fields(docusign(), "onboarding")


def test_fields_of_docusign_are_checked() -> None:
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


# One event in both forms.


@pytest.mark.parametrize(
    ("name", "provider_example", "different"),
    [
        ("noshow", "noshow-calendly", {"business_name", "scheduled_time", "reschedule_url"}),
        ("onboarding", "onboarding-docusign", set()),
    ],
)
def test_examples_of_both_forms_are_the_same_event(name: str, provider_example: str, different: set[str]) -> None:
    flat = intake.read(example(name), name, build.NOW)
    payload = example(provider_example)
    converted = intake.read(payload, name, build.NOW)
    assert converted.id == flat.id
    assert {field for field in flat.fields if converted.fields.get(field) != flat.fields[field]} == different
    assert set(converted.fields) - set(flat.fields) <= {"no_show_status", "time_zone"}
    answer = intake.answer(payload, name, build.NOW, "execution-1")
    assert isinstance(answer, Accepted)
    assert str(answer.body["email"]).lower() == converted.email
    assert answer.event == converted


# Bookings of Calendly and Cal.com.

#: The fields of the booking of ``build.event`` that both providers send.
BOOKING = {
    "email": "zoe@example.com",
    "first_name": "Zoë",
    "event_type": "A call",
    "host_name": "Sang Le",
    "status": "booked",
}


def test_booking_of_calendly_is_converted() -> None:
    assert fields(calendly_booking(), "precall") == {
        **BOOKING,
        "booking_uri": "https://api.calendly.com/scheduled_events/AAA",
        "scheduled_time": "2025-11-24T15:00:00.000000Z",
        "reschedule_url": "https://calendly.example.com/r/AAA",
        "join_url": "https://zoom.example.com/1",
        "booked_at": "2025-11-20T14:00:00.000000Z",
    }


def test_booking_of_calendly_may_lack_fields() -> None:
    meeting = {"start_time": "2025-11-24T15:00:00Z"}
    booking = fields(calendly_booking(created_at=None, event="BBB", scheduled_event=meeting), "precall")
    assert (booking["booking_uri"], booking["booked_at"]) == ("BBB", "2025-11-20T14:30:00.000000Z")
    assert not {"event_type", "join_url", "host_name"} & set(booking)


@pytest.mark.parametrize("rescheduled", [True, False])
def test_cancellation_of_calendly_is_converted(rescheduled: bool) -> None:
    event = intake.read(calendly_booking("invitee.canceled", rescheduled=rescheduled), "precall", build.NOW)
    assert (event.fields["status"], event.fields["rescheduled"]) == ("cancelled", rescheduled)
    booked = intake.read(calendly_booking(), "precall", build.NOW)
    assert (event.booking, event.id) == (booked.booking, f"{booked.id}-cancelled")
    assert booked.id == build.event("precall").id, "the flat form is the same event"


def test_other_event_of_calendly_is_not_a_booking() -> None:
    problem = ("event", "must be one of invitee.created, invitee.canceled")
    assert problems(calendly_booking("invitee_no_show.created"), "precall") == [problem]
    assert problems({**calendly_booking(), "event": 5}, "precall") == [problem]
    assert problems({"event": "invitee.created", "payload": None}, "precall") == missing(
        email="payload.email",
        booking_uri="payload.scheduled_event.uri and payload.event",
        scheduled_time="payload.scheduled_event.start_time",
    )


@pytest.mark.parametrize("event", ["BOOKING_CREATED", "BOOKING_RESCHEDULED"])
def test_booking_of_cal_com_is_converted(event: str) -> None:
    assert fields(cal_com(event, booking={"uid": "not this one"}), "precall") == {
        **BOOKING,
        "booking_uri": "AAA",
        "scheduled_time": "2025-11-24T15:00:00Z",
        "reschedule_url": "https://cal.example.com/reschedule/AAA",
        "join_url": "https://video.example.com/1",
        "booked_at": "2025-11-20T14:00:00.000Z",
    }


def test_cancellation_of_cal_com_is_converted() -> None:
    booking = fields(cal_com("BOOKING_CANCELLED"), "precall")
    assert booking["status"] == "cancelled"
    assert not {"booked_at", "rescheduled"} & set(booking)


@pytest.mark.parametrize(
    ("booking", "expected"),
    [
        ({"eventTitle": None}, {"event_type": "A call between Sang Le and Zoë O'Neil"}),
        ({"metadata": {}, "location": "https://meet.example.com/1"}, {"join_url": "https://meet.example.com/1"}),
        ({"metadata": None}, {"join_url": None}),
        ({"bookerUrl": "cal.example.com"}, {"reschedule_url": None}),
        ({"bookerUrl": 5}, {"reschedule_url": None}),
        ({"uid": 5}, {"reschedule_url": None, "booking_uri": "5"}),
        ({"organizer": []}, {"host_name": None}),
        ({"attendees": []}, {"email": "zoe@example.com", "first_name": None}),
        ({"attendees": [{"email": "ana@example.com", "firstName": "Ana"}]}, {"first_name": "Ana"}),
    ],
)
def test_booking_of_cal_com_may_lack_fields(booking: dict[str, Any], expected: dict[str, Any]) -> None:
    converted = fields(cal_com(**booking), "precall")
    assert {name: converted.get(name) for name in expected} == expected


def test_other_event_of_cal_com_is_not_a_booking() -> None:
    assert problems(cal_com("PING"), "precall") == [("triggerEvent", CAL_COM_EVENTS)]
    assert problems({"triggerEvent": "BOOKING_CREATED"}, "precall") == missing(
        email="payload.responses.email and payload.attendees[0].email",
        booking_uri="payload.uid",
        scheduled_time="payload.startTime",
    )


@pytest.mark.parametrize(
    ("name", "zone"), [("Asia/Tokyo", "Asia/Tokyo"), ("Tokyo", None), ("", None), (5, None), (None, None)]
)
def test_zone_of_the_contact_is_read_if_there_is_such_a_zone(name: Any, zone: str | None) -> None:
    attendees = [{"email": "zoe@example.com", "name": "Zoë", "timeZone": name}]
    assert fields(calendly({"timezone": name}), "noshow").get("time_zone") == zone
    assert fields(calendly_booking(timezone=name), "precall").get("time_zone") == zone
    assert fields(cal_com(attendees=attendees), "precall").get("time_zone") == zone


def test_event_type_of_a_call_has_all_its_names() -> None:
    uri = "https://api.calendly.com/event_types/AAA"
    booking = calendly_booking()
    booking["payload"]["scheduled_event"]["event_type"] = uri
    assert provider_payloads.read(booking, "precall").event_types == (uri, "A call")
    assert provider_payloads.read(calendly(event_type=uri), "noshow").event_types == (uri, "A call")
    full = cal_com(eventTypeId=91, type="diagnostic")
    title = "A call between Sang Le and Zoë O'Neil"
    assert provider_payloads.read(full, "precall").event_types == ("91", "diagnostic", "A call", title)
    nothing = cal_com(eventTypeId=True, type=" ", eventTitle=None, title=[])
    assert provider_payloads.read(nothing, "precall").event_types == ()
    assert provider_payloads.read(build.payload("precall", event_type="A call"), "precall").event_types == ("A call",)


def seat(email: str, name: str) -> dict[str, str]:
    return {"email": email, "name": name}


def test_booking_with_seats_enrols_who_booked() -> None:
    attendees = [seat("first@example.com", "First"), seat("Zoe@example.com", "Zoë O'Neil")]
    booked = fields(cal_com(attendees=attendees), "precall")
    assert (booked["email"], booked["first_name"]) == ("zoe@example.com", "Zoë")
    assert "guests" not in booked
    answers = {"email": {"value": "new@example.com"}, "name": {"value": "Ngọc Lệ"}}
    booked = fields(cal_com(attendees=attendees, responses=answers), "precall")
    assert (booked["email"], booked["first_name"]) == ("new@example.com", "Ngọc")
    booked = fields(cal_com(attendees=attendees, responses=None), "precall")
    assert (booked["email"], booked["first_name"]) == ("first@example.com", "First")


def test_cancellation_names_everybody_in_the_call() -> None:
    attendees = [seat("zoe@example.com", "Zoë"), seat("a@example.com", "A"), {"name": "no address"}]
    answers = {"email": {"value": "zoe@example.com"}, "guests": {"value": ["b@example.com", " ", None]}}
    for event in ("BOOKING_CANCELLED", "BOOKING_REQUESTED"):
        cancelled = fields(cal_com(event, attendees=attendees, responses=answers), "precall")
        assert cancelled["guests"] == ["zoe@example.com", "a@example.com", "b@example.com"]
    cancelled = fields(
        cal_com("BOOKING_CANCELLED", attendees=attendees, responses={"guests": {"value": "x"}}), "precall"
    )
    assert cancelled["guests"] == ["zoe@example.com", "a@example.com"]
    booking = calendly_booking("invitee.canceled")
    booking["payload"]["scheduled_event"]["event_guests"] = [{"email": "a@example.com"}, "x"]
    assert fields(booking, "precall")["guests"] == ["a@example.com"]
    assert "guests" not in fields({**booking, "event": "invitee.created"}, "precall")


#: The addresses of all attendees, as they are written.
GUESTS = [" Zoe@Example.com", "guest@example.com"]


def test_requested_booking_of_cal_com_names_the_one_that_it_replaces() -> None:
    requested = fields(cal_com("BOOKING_REQUESTED", rescheduleUid="OLD"), "precall")
    assert requested == {**fields(cal_com(), "precall"), "status": "requested", "moved_from": "OLD", "guests": GUESTS}
    assert "moved_from" not in fields(cal_com("BOOKING_REQUESTED"), "precall")
    assert "moved_from" not in fields(cal_com("BOOKING_RESCHEDULED", rescheduleUid="OLD"), "precall")


@pytest.mark.parametrize(("moved_to", "rescheduled"), [("NEW", True), (None, None), ("", None)])
def test_cancelled_booking_of_cal_com_may_have_moved(moved_to: str | None, rescheduled: bool | None) -> None:
    cancelled = fields(cal_com("BOOKING_CANCELLED", rescheduledToUid=moved_to), "precall")
    assert cancelled.get("rescheduled") is rescheduled
    assert "rescheduled" not in fields(cal_com(rescheduledToUid=moved_to), "precall")


def test_booking_of_cal_com_in_the_old_form_is_the_same_booking() -> None:
    new = fields(cal_com(), "precall")
    expected = {name: new[name] for name in ("email", "first_name", "booking_uri", "scheduled_time", "status")}
    assert fields(cal_com_old(), "precall") == {**expected, "time_zone": "America/Toronto"}
    old, current = (intake.read(payload, "precall", build.NOW) for payload in (cal_com_old(), cal_com()))
    assert old.id == current.id


def test_old_form_may_name_its_event() -> None:
    assert fields({"triggerEvent": "BOOKING_CANCELLED", **cal_com_old()}, "precall")["status"] == "cancelled"
    assert problems({"triggerEvent": "PING", **cal_com_old()}, "precall") == [("triggerEvent", CAL_COM_EVENTS)]


@pytest.mark.parametrize("booking", [{}, None, [], 5])
def test_problem_names_where_a_missing_field_of_the_old_form_is_looked_for(booking: Any) -> None:
    assert problems({"payload": {"booking": booking}}, "precall") == missing(
        email="payload.booking.responses.email and payload.booking.attendees[0].email",
        booking_uri="payload.booking.uid",
        scheduled_time="payload.booking.startTime",
    )


@pytest.mark.parametrize("name", ["precall", "precall-calendly", "precall-cal-com", "precall-cal-com-old"])
def test_example_of_a_booking_is_accepted(name: str) -> None:
    event = intake.read(example(name), "precall", build.NOW)
    assert (event.email, event.fields["first_name"], event.cancels) == ("ayse.yildiz@example.com", "Ayşe", False)
    assert times.parse(str(event.fields["scheduled_time"])) == times.parse("2025-12-02T15:00:00Z")
    join_url = None if name == "precall-cal-com-old" else "https://meet.example.com/abc-defg-hij"
    assert event.fields.get("join_url") == join_url
