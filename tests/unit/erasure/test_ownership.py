"""What is hers of all that is kept, and what is not."""

from __future__ import annotations

import fnmatch
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from christmas_campaign.erasure import ownership
from christmas_campaign.erasure.ownership import Person, Whose

EMAIL = "ana@salon.example.com"
CONTACT, OTHER = "c" * 24, "d" * 24
SIGNUP, NOSHOW, FOREIGN = f"signup-{'a' * 24}", f"noshow-{'b' * 24}", f"signup-{'f' * 24}"
HER = Person(EMAIL, CONTACT, frozenset({SIGNUP, NOSHOW}))


def run(flow: str = "tell", /, inputs: object = None, **labels: str) -> dict[str, Any]:
    """A run as Kestra has it."""
    return {
        "id": "x",
        "flowId": flow,
        "inputs": inputs or {},
        "labels": [{"key": name, "value": value} for name, value in labels.items()],
    }


@pytest.mark.parametrize(
    "value",
    [
        EMAIL,
        " Ana@Salon.Example.COM\n",
        {"payload": [{"invitee": {"email": EMAIL.upper()}}]},
        {EMAIL: 1},
        ("x", EMAIL),
        f"Contact: Ana, {EMAIL}. Score 3",
        f"<{EMAIL}>",
        f"mailto:{EMAIL}?subject=x",
        f"email={EMAIL}",
        f"'{EMAIL}'",
        f"ask {EMAIL}.",
        "https://example.com/?email=ana%40salon.example.com&x=1",
        json.dumps({"results": [{"text": f"line\n{EMAIL}"}]}),
        {"body": json.dumps(json.dumps([EMAIL]))},
        f" [broken, {EMAIL}",
    ],
)
def test_an_address_is_found_however_it_is_written(value: object) -> None:
    assert ownership.mentions(value, EMAIL)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        True,
        b"ana@salon.example.com",
        [],
        "",
        "ana@salon.example.co",
        "nana@salon.example.com",
        "mari.ana@salon.example.com",
        "mari_ana@salon.example.com",
        "mari-ana@salon.example.com",
        "x+ana@salon.example.com",
        "1ana@salon.example.com",
        f"{EMAIL}.br",
        f"{EMAIL}munity",
        f"{EMAIL}-parlour",
        "ana@salonxexample.com",
        # A long s, which is an s in capitals.
        "ana@\u017falon.example.com",
    ],
)
def test_another_address_is_not_hers(value: object) -> None:
    assert not ownership.mentions(value, EMAIL)


def test_every_spelling_is_told() -> None:
    said = [
        {"a": "Ana@Salon.example.com"},
        json.dumps({"b": EMAIL.upper()}),
        "bob@example.com",
        "Ana@Salon.example.com",
    ]
    assert ownership.spellings(said, EMAIL) == {"Ana@Salon.example.com", EMAIL.upper()}


def test_names_and_texts_are_told_at_any_depth() -> None:
    assert list(ownership.texts({"a": ["b", {"c": '{"d": "e%20f"}'}, 1]})) == [
        "a",
        "b",
        "c",
        '{"d": "e%20f"}',
        '{"d": "e f"}',
        "d",
        "e%20f",
        "e f",
    ]


@pytest.mark.parametrize("shape", ['{"a": "%s"}', '["%s"]', '"%s"'])
@pytest.mark.parametrize("before", ["", " \n"])
def test_json_that_is_kept_as_text_is_read_whatever_it_is(shape: str, before: str) -> None:
    # As JSON may write any sign of an address.
    written = EMAIL.replace("@", "\\u0040")
    assert EMAIL in list(ownership.texts(before + shape % written))
    assert ownership.mentions({"kept": before + shape % written}, EMAIL)


def test_what_is_nested_without_end_is_read_as_text() -> None:
    assert ownership.mentions("[" * 100_000 + EMAIL, EMAIL)


@pytest.mark.parametrize(
    ("kept", "hers"),
    [
        ({"event": {"fields": {"email": EMAIL}}}, True),
        ({"event": {"fields": {"email": EMAIL.title()}}}, True),
        # It is of another, who wrote of her.
        ({"event": {"fields": {"email": "bob@example.com", "notes": EMAIL}}}, False),
        ({"event": {"fields": {"email": "nobody", "notes": EMAIL}}}, True),
        ({"event": {"fields": {}}, "contact": {"email": EMAIL}}, True),
        ({"event": {"fields": {"email": 7}}}, False),
        ({"event": None}, False),
        (EMAIL, True),
        (None, False),
    ],
)
def test_a_record_is_of_whom_its_event_says(kept: object, hers: bool) -> None:
    assert ownership.is_her_record(kept, EMAIL) is hers


@pytest.mark.parametrize(
    ("found", "whose"),
    [
        (run("enroll", contact=CONTACT), Whose.HERS),
        (run("enroll", {"email": EMAIL}, contact=OTHER), Whose.NAMES_HER),
        (run("enroll", {"email": "bob@example.com"}, contact=OTHER), Whose.OTHERS),
        (run("enroll", {"note": CONTACT}, contact=OTHER), Whose.OTHERS),
        # Her enrolment, by another's label: the label counts.
        (run("send-email", {"enrolment": SIGNUP}, contact=OTHER), Whose.OTHERS),
        (run("send-email", {"enrolment": SIGNUP, "number": 2}), Whose.HERS),
        (run("send-email", {"enrolment": FOREIGN, "number": 2}), Whose.OTHERS),
        # A refused payload.
        (
            run("signup-handler", sequence="signup") | {"trigger": {"variables": {"body": {"email": EMAIL.upper()}}}},
            Whose.HERS,
        ),
        # A look into BusinessX.
        (run("booked") | {"taskRunList": [{"outputs": {"body": json.dumps({"x": EMAIL})}}]}, Whose.HERS),
        # An alert, a link to unsubscribe.
        (run("tell", {"key": f"{NOSHOW}.1.send_failed"}), Whose.HERS),
        (run("tell", {"message": f"(contact {CONTACT})"}), Whose.HERS),
        (run("unsubscribe-handler") | {"trigger": {"variables": {"body": {"token": f"{CONTACT}xyz"}}}}, Whose.HERS),
        (run("tell", {"key": f"{FOREIGN}.1.send_failed", "message": f"(contact {OTHER})"}), Whose.OTHERS),
        ({"id": "x", "flowId": "purge", "labels": None, "inputs": None}, Whose.OTHERS),
    ],
)
def test_whose_a_run_is(found: dict[str, Any], whose: Whose) -> None:
    assert ownership.whose(found, HER) is whose


@pytest.mark.parametrize(
    ("found", "may"),
    [
        (run("send-email", contact=CONTACT), True),
        (run("enroll", contact=CONTACT), True),
        (run("report", contact=CONTACT), True),
        (run("send-email", {"enrolment": NOSHOW}), True),
        # What has begun to stop her is to be done.
        (run("stop", contact=CONTACT), False),
        (run("forget", {"patterns": [f"*.{SIGNUP}"]}), False),
        (run("send-email", contact=OTHER), False),
        (run("send-email", {"enrolment": FOREIGN}), False),
        # It names her and is of others too.
        (run("booked", {"seen": CONTACT}), False),
        (run("tell", {"key": f"{NOSHOW}.1.send_failed"}), False),
    ],
)
def test_only_what_is_hers_alone_is_ended(found: dict[str, Any], may: bool) -> None:
    assert ownership.may_be_killed(found, HER) is may


@pytest.mark.parametrize(
    ("state", "due", "only"),
    [
        ("CREATED", "2025-11-20T15:01:00.001Z", True),
        ("CREATED", "2025-11-20T15:01:00Z", False),
        ("CREATED", "2025-11-20T10:02:00-05:00", True),
        ("CREATED", "2025-11-19T15:00:00Z", False),
        ("CREATED", None, False),
        ("QUEUED", "2025-11-21T15:00:00Z", False),
        ("RUNNING", "2025-11-21T15:00:00Z", False),
    ],
)
def test_only_what_is_not_about_to_begin_is_deleted_as_it_waits(state: str, due: str | None, only: bool) -> None:
    found = {"state": {"current": state}, "scheduleDate": due}
    assert ownership.only_waits(found, datetime(2025, 11, 20, 15, tzinfo=UTC)) is only


def test_her_runs_name_her_enrolments() -> None:
    found = [
        run("enroll", contact=CONTACT, enrolment=SIGNUP),
        run("send-email", contact=CONTACT, enrolment=SIGNUP),
        run("stop", contact=CONTACT),
        run("report", contact=CONTACT, enrolment=NOSHOW),
        run("enroll", contact=OTHER, enrolment=FOREIGN),
        run("enroll", enrolment=FOREIGN),
    ]
    assert ownership.enrolments_of(found, CONTACT) == {SIGNUP, NOSHOW}


HERS = [
    f"alerted.{SIGNUP}.0.contact_not_found",
    f"alerted.{SIGNUP}.booking",
    f"bounces.{CONTACT}",
    f"enrolled.{NOSHOW}",
    f"enrolment.{SIGNUP}",
    f"mail.{SIGNUP}.2",
    f"page.{NOSHOW}",
    f"pages.{CONTACT}",
    f"reported.{NOSHOW}.1",
]
NOT_HERS = [
    f"stop.{CONTACT}",
    f"bounces.{OTHER}",
    f"pages.{OTHER}",
    f"stop.{OTHER}",
    f"enrolment.{FOREIGN}",
    f"mail.{FOREIGN}.2",
    f"mail.{SIGNUP}x.2",
    f"alerted.repair.{'a' * 24}",
    "booked.look",
    "cache.as_of",
    "paused",
    "repair.cursor",
    "sources.x",
]


def test_the_keys_that_are_hers() -> None:
    assert ownership.keys_of([*NOT_HERS, *reversed(HERS)], HER) == HERS


def test_the_patterns_find_what_is_hers_and_nothing_else() -> None:
    patterns = ownership.patterns(HER)
    found = [key for key in [*HERS, *NOT_HERS] if any(fnmatch.fnmatchcase(key, each) for each in patterns)]
    assert found == HERS
    # The flow takes none that has no opaque id in it.
    assert all(len(each) > 24 for each in patterns)


def test_contact_without_an_enrolment_has_the_patterns_of_the_contact_alone() -> None:
    assert ownership.patterns(Person(EMAIL, CONTACT)) == [f"bounces.{CONTACT}", f"pages.{CONTACT}"]
