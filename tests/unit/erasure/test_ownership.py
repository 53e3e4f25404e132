"""Which data belongs to a contact: addresses in any spelling, records, executions and keys."""

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
ANA = Person(EMAIL, CONTACT, frozenset({SIGNUP, NOSHOW}))


def run(flow: str = "tell", /, inputs: object = None, **labels: str) -> dict[str, Any]:
    """Return the JSON of an execution, as Kestra returns it."""
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
        f"Contact: Ana, {EMAIL}. Score 3",
        f"<{EMAIL}>",
        f"mailto:{EMAIL}?subject=x",
        f"email={EMAIL}",
        "https://example.com/?email=ana%40salon.example.com&x=1",
        json.dumps({"results": [{"text": f"line\n{EMAIL}"}]}),
        {"body": json.dumps(json.dumps([EMAIL]))},
        f" [broken, {EMAIL}",
    ],
)
def test_address_in_any_spelling_is_a_mention(value: object) -> None:
    assert ownership.mentions(value, EMAIL)


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, [], "", b"ana@salon.example.com"),
        # Another character before or after the address makes it another one.
        *(f"{prefix}{EMAIL}" for prefix in ("n", "mari.", "mari_", "mari-", "x+", "1")),
        *(f"{EMAIL}{suffix}" for suffix in (".br", "munity", "-parlour")),
        "ana@salon.example.co",
        "ana@salonxexample.com",
        # The letter U+017F, a long s, equals an s when case is ignored.
        "ana@\u017falon.example.com",
    ],
)
def test_another_address_is_not_a_mention(value: object) -> None:
    assert not ownership.mentions(value, EMAIL)


def test_spellings_returns_every_spelling() -> None:
    value = [{"a": "Ana@Salon.example.com"}, json.dumps({"b": EMAIL.upper()}), "bob@example.com"]
    assert ownership.spellings(value, EMAIL) == {"Ana@Salon.example.com", EMAIL.upper()}


@pytest.mark.parametrize("form", ["info@beauté-salon.ca", "Info@BEAUTÉ-salon.CA", "info@xn--beaut-salon-fbb.ca"])
def test_domain_outside_ascii_is_a_mention_in_both_forms(form: str) -> None:
    assert ownership.mentions({"a": f"<{form}>"}, "info@xn--beaut-salon-fbb.ca")
    assert not ownership.mentions(f"x{form}", "info@xn--beaut-salon-fbb.ca")


def test_texts_yields_names_and_values_at_any_depth() -> None:
    texts = list(ownership.texts({"a": ["b", {"c": '{"d": "e%20f"}'}, 1]}))
    assert texts == ["a", "b", "c", '{"d": "e%20f"}', '{"d": "e f"}', "d", "e%20f", "e f"]


@pytest.mark.parametrize("shape", ['{"a": "%s"}', ' \n["%s"]', '"%s"'])
def test_address_inside_json_text_is_a_mention(shape: str) -> None:
    # JSON may escape any character of an address.
    json_text = shape % EMAIL.replace("@", "\\u0040")
    assert EMAIL in list(ownership.texts(json_text))
    assert ownership.mentions({"body": json_text}, EMAIL)


def test_json_nested_too_deep_is_searched_as_text() -> None:
    assert ownership.mentions("[" * 100_000 + EMAIL, EMAIL)


@pytest.mark.parametrize(
    ("record", "own"),
    [
        ({"event": {"fields": {"email": EMAIL}}}, True),
        ({"event": {"fields": {"email": EMAIL.title()}}}, True),
        # Another contact's record, with the address in a note.
        ({"event": {"fields": {"email": "bob@example.com", "notes": EMAIL}}}, False),
        ({"event": {"fields": {"email": "nobody", "notes": EMAIL}}}, True),
        ({"event": {"fields": {}}, "contact": {"email": EMAIL}}, True),
        ({"event": {"fields": {"email": 7}}}, False),
        ({"event": None}, False),
        (EMAIL, True),
        (None, False),
    ],
)
def test_record_belongs_to_the_contact_of_its_event(record: object, own: bool) -> None:
    assert ownership.is_record_of(record, EMAIL) is own


@pytest.mark.parametrize(
    ("execution", "whose", "may_be_killed"),
    [
        (run("enroll", contact=CONTACT), Whose.OWN, True),
        # An execution that writes a stop, or erases data, must finish.
        (run("stop", contact=CONTACT), Whose.OWN, False),
        (run("forget", {"patterns": [f"*.{SIGNUP}"]}), Whose.OWN, False),
        (run("enroll", {"email": EMAIL}, contact=OTHER), Whose.MENTIONS, False),
        (run("enroll", {"email": "bob@example.com"}, contact=OTHER), Whose.UNRELATED, False),
        (run("enroll", {"note": CONTACT}, contact=OTHER), Whose.UNRELATED, False),
        # The contact's enrolment with another contact's label: the label decides.
        (run("send-email", {"enrolment": SIGNUP}, contact=OTHER), Whose.UNRELATED, False),
        (run("send-email", {"enrolment": SIGNUP, "number": 2}), Whose.OWN, True),
        (run("send-email", {"enrolment": FOREIGN, "number": 2}), Whose.UNRELATED, False),
        # A rejected payload, a look-up in BusinessX, alerts and an unsubscribe link: they may concern others too.
        (run("signup-handler", sequence="signup") | {"trigger": {"body": {"email": EMAIL.upper()}}}, Whose.OWN, False),
        (run("booked") | {"taskRunList": [{"outputs": {"body": json.dumps({"x": EMAIL})}}]}, Whose.OWN, False),
        (run("tell", {"key": f"{NOSHOW}.1.send_failed"}), Whose.OWN, False),
        (run("tell", {"message": f"(contact {CONTACT})"}), Whose.OWN, False),
        (run("unsubscribe-handler") | {"trigger": {"body": {"token": f"{CONTACT}xyz"}}}, Whose.OWN, False),
        (run("tell", {"key": f"{FOREIGN}.1.failed", "message": f"(contact {OTHER})"}), Whose.UNRELATED, False),
        ({"id": "x", "flowId": "purge", "labels": None, "inputs": None}, Whose.UNRELATED, False),
    ],
)
def test_execution_belongs_to_the_contact_of_its_label_or_content(
    execution: dict[str, Any], whose: Whose, may_be_killed: bool
) -> None:
    assert ownership.whose(execution, ANA) is whose
    assert ownership.may_be_killed(execution, ANA) is may_be_killed


@pytest.mark.parametrize(
    ("state", "due", "deletable"),
    [
        ("CREATED", "2025-11-20T15:01:00.001Z", True),
        ("CREATED", "2025-11-20T15:01:00Z", False),
        ("CREATED", "2025-11-20T10:02:00-05:00", True),
        ("CREATED", None, False),
        ("RUNNING", "2025-11-21T15:00:00Z", False),
    ],
)
def test_execution_due_in_over_a_minute_only_waits(state: str, due: str | None, deletable: bool) -> None:
    execution = {"state": {"current": state}, "scheduleDate": due}
    assert ownership.only_waits(execution, datetime(2025, 11, 20, 15, tzinfo=UTC)) is deletable


def test_enrolments_come_from_the_contacts_executions() -> None:
    executions = [
        run("enroll", contact=CONTACT, enrolment=SIGNUP),
        run("send-email", contact=CONTACT, enrolment=SIGNUP),
        run("stop", contact=CONTACT),
        run("report", contact=CONTACT, enrolment=NOSHOW),
        run("enroll", contact=OTHER, enrolment=FOREIGN),
        run("enroll", enrolment=FOREIGN),
    ]
    assert ownership.enrolments_of(executions, CONTACT) == {SIGNUP, NOSHOW}


OWN_KEYS = [
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
OTHER_KEYS = [
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


def test_keys_of_returns_the_contacts_keys_without_the_suppression() -> None:
    assert ownership.keys_of([*OTHER_KEYS, *reversed(OWN_KEYS)], ANA) == OWN_KEYS


def test_patterns_match_the_contacts_keys_only() -> None:
    patterns = ownership.patterns(ANA)
    matches = [key for key in [*OWN_KEYS, *OTHER_KEYS] if any(fnmatch.fnmatchcase(key, glob) for glob in patterns)]
    assert matches == OWN_KEYS
    # The flow refuses a pattern without an opaque id.
    assert all(len(pattern) > 24 for pattern in patterns)


def test_contact_without_an_enrolment_has_the_contacts_patterns_only() -> None:
    assert ownership.patterns(Person(EMAIL, CONTACT)) == [f"bounces.{CONTACT}", f"pages.{CONTACT}"]
