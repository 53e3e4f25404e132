"""The answers of the five webhooks at Kestra's own addresses, field by field."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import yaml
from support import REQUIRED, add_contact, address, enrolled, payload, post, post_all, runs, until

from christmas_campaign.campaign import times
from christmas_campaign.clients.kestra import Execution
from christmas_campaign.events import opaque_ids
from christmas_campaign.local.stack import PROJECT, Stack
from christmas_campaign.sequences.registry import SEQUENCES, sequence

NAMES = [entry.name for entry in SEQUENCES]

#: The fields of an accepted answer that differ by sequence.
SEQUENCE_FIELDS: dict[str, dict[str, Any]] = {
    "signup": {"campaign": "Christmas 2025"},
    "noshow": {"campaign": "Christmas Traditional Service"},
    "postcall": {"campaign": "Christmas Traditional Service", "call_outcome": "Maybe"},
    "onboarding": {"campaign": "Christmas Traditional Service", "payment_amount": 2997},
    "precall": {"campaign": "Christmas Traditional Service"},
}

#: The reason in the answer to an event that was enrolled before.
DUPLICATE = {
    "signup": "already_in_sequence",
    "noshow": "duplicate_noshow_sequence",
    "postcall": "duplicate_postcall_sequence",
    "onboarding": "duplicate_onboarding_sequence",
    "precall": "duplicate_precall_sequence",
}


def labels(run: Execution) -> dict[str, str]:
    """Return the labels of a run without Kestra's system labels."""
    return {name: value for name, value in run.labels.items() if not name.startswith("system.")}


def succeeded(stack: Stack, execution: str) -> Execution:
    """Return a run of a handler once it has succeeded."""
    return until(lambda: run if (run := stack.kestra.execution(execution)).state == "SUCCESS" else None, "the run")


def far_future(name: str) -> dict[str, Any]:
    """Return fields that make a signup's e-mails due after the tests. Other sequences send nothing without a contact."""
    return {"email_1_sent_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()} if name == "signup" else {}


@pytest.mark.parametrize(
    ("name", "fields", "answer_fields"),
    [
        *((name, {}, {}) for name in NAMES),
        ("postcall", {"call_outcome": " MAYBE "}, {"call_outcome": " MAYBE "}),
        ("onboarding", {"payment_amount": " 2997.50 "}, {"payment_amount": 2997.5}),
    ],
)
def test_valid_payload_is_accepted(
    stack: Stack, name: str, fields: dict[str, Any], answer_fields: dict[str, Any]
) -> None:
    email = address()
    sent_email = f"  {email.upper()} "
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    code, answer = post(stack, payload(sent_email, name, extra={"ignored": True}, **far_future(name), **fields), name)

    assert code == 200
    assert before <= times.parse(answer.pop("timestamp")) <= datetime.now(UTC)
    execution = answer.pop("execution_id")
    expected = {
        "status": "accepted",
        "message": f"The e-mails of the sequence {name} are being scheduled.",
        "email": sent_email,
        **SEQUENCE_FIELDS[name],
        **answer_fields,
    }
    assert answer == expected
    # Python treats 2997 and 2997.0 as equal, but a reader of the JSON answer may not.
    assert {field: type(value) for field, value in answer.items()} == {
        field: type(value) for field, value in expected.items()
    }

    run = succeeded(stack, execution)
    assert (run.namespace, run.flow) == ("christmas", sequence(name).handler)
    enrolment = opaque_ids.enrolment_id(sequence(name), email, REQUIRED[name])
    event_labels = {"sequence": name, "contact": opaque_ids.contact_id(email), "enrolment": enrolment}
    assert labels(run) == {**event_labels, "outcome": "accepted"}
    (started,) = stack.kestra.executions(parent=run.id)
    next_flow = "booking" if name == "precall" else "enroll"
    assert (started.flow, started.inputs["enrolment"]) == (next_flow, enrolment)
    assert {**labels(started), **event_labels} == labels(started)


#: By sequence: each field, an invalid value, and the problem that the answer reports. In the order of the answer.
FAULTS: dict[str, list[tuple[str, Any, str]]] = {
    "signup": [
        ("email", "nobody at all", "is not an e-mail address: it has no @"),
        ("first_name", ["Ana"], "must be text"),
        ("assessment_score", 101, "must be a number from 0 to 100"),
        ("business_name", {"name": "Salon Ana"}, "must be text"),
        ("red_systems", "nine", "must be a number"),
        ("orange_systems", 2.5, "must be a whole number from 0 to 8"),
        ("yellow_systems", 9, "must be a whole number from 0 to 8"),
        ("green_systems", "-1", "must be a whole number from 0 to 8"),
        ("gps_score", -0.5, "must be a number from 0 to 100"),
        ("money_score", True, "must be a number"),
        ("weakest_system_1", ["GPS"], "must be text"),
        ("weakest_system_2", "x" * 2001, "must be at most 2000 characters long"),
        ("strongest_system", "CA\x07BIN", "must not have control characters"),
        ("revenue_leak_total", -1, "must be a whole number from 0 to 1000000000"),
        ("email_1_sent_at", "yesterday", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        ("email_1_status", {}, "must be text"),
        ("variables", {"a.b": "x"}, "must have names of letters, digits, spaces, _ and - only"),
    ],
    "noshow": [
        ("email", "ana@", "is not an e-mail address: the part after the @ is not a domain"),
        ("first_name", "A\x0bna", "must not have control characters"),
        ("business_name", True, "must be text"),
        ("calendly_event_uri", ["https://api.calendly.com/scheduled_events/AAA"], "must be text"),
        ("scheduled_time", 1763650800, "must be text: a time in ISO 8601"),
        ("event_type", {}, "must be text"),
        ("reschedule_url", "https://" + 2000 * "x", "must be at most 2000 characters long"),
        ("no_show_status", "perhaps", "must be one of missed, withdrawn"),
        ("time_zone", 5.5e20, "must be text"),
        ("variables", "none", "must be an object of names and values"),
    ],
    "postcall": [
        (
            "email",
            "ana@example.com, bo@example.com",
            "is not an e-mail address: the part before the @ is not valid",
        ),
        ("first_name", {}, "must be text"),
        ("business_name", {}, "must be text"),
        ("call_date", "2025-13-40", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        ("call_outcome", ["Maybe"], "must be text"),
        ("call_notes", "x" * 20_001, "must be at most 20000 characters long"),
        ("objections", {"price": "too high"}, "must be a list of texts"),
        ("follow_up_priority", "Urgent", "must be one of High, Medium, Low"),
        ("variables", {f"Name {number}": number for number in range(201)}, "must have at most 200 names"),
    ],
    "onboarding": [
        (
            "email",
            "lệ.ngọc@example.com",
            "is not an e-mail address that can be sent to: it has a letter outside ASCII before the @",
        ),
        ("first_name", False, "must be text"),
        ("business_name", [], "must be text"),
        ("payment_confirmed", "perhaps", "must be true or false"),
        (
            "payment_amount",
            29.975,
            "must be an amount in dollars, with at most two decimals, and not negative",
        ),
        ("payment_date", "1850-01-01T00:00:00Z", "must be a time in this century or the next"),
        ("docusign_completed", 1, "must be true or false"),
        ("salon_address", ["118 Sample Street"], "must be text"),
        ("observation_dates", ["2025-11-26"] * 101, "must be a list of at most 100 texts"),
        ("start_date", "soon", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        ("package_type", "Phase\x1b[1m 1", "must not have control characters"),
        ("other_signers", {}, "must be a list of texts"),
        ("variables", {"Team_Size": {"now": 3}}, "must be text"),
    ],
    "precall": [
        ("email", "ana", "is not an e-mail address: it has no @"),
        ("first_name", [], "must be text"),
        ("business_name", {}, "must be text"),
        ("booking_uri", True, "must be text"),
        ("scheduled_time", "soon", "must be a time in ISO 8601, such as 2025-11-20T15:00:00-05:00"),
        ("event_type", [], "must be text"),
        ("reschedule_url", [], "must be text"),
        ("join_url", [], "must be text"),
        ("host_name", "Sang\x1b", "must not have control characters"),
        ("status", "perhaps", "must be one of booked, cancelled, requested"),
        ("rescheduled", "perhaps", "must be true or false"),
        ("moved_from", {}, "must be text"),
        ("guests", 5, "must be a list of texts"),
        ("booked_at", 5, "must be text: a time in ISO 8601"),
        ("time_zone", [], "must be text"),
        ("variables", [], "must be an object of names and values"),
    ],
}


@pytest.mark.parametrize("name", NAMES)
def test_invalid_payload_answers_with_all_problems(stack: Stack, name: str) -> None:
    assert {field for field, _, _ in FAULTS[name]} == {field.name for field in sequence(name).fields} | {"variables"}
    code, answer = post(stack, {field: wrong for field, wrong, _ in FAULTS[name]}, name)
    assert code == 422
    # The problem of a single variable names that variable.
    names = {"variables": "variables.Team_Size"} if name == "onboarding" else {}
    assert set(answer) == {"status", "errors"}
    assert answer["status"] == "rejected"
    assert [(error.pop("field"), error.pop("problem"), error) for error in answer["errors"]] == [
        (names.get(field, field), problem, {}) for field, _, problem in FAULTS[name]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_payload_without_required_fields_names_each_of_them(stack: Stack, name: str) -> None:
    required = ["email", "first_name", *REQUIRED[name]]
    if name == "onboarding":
        required = ["email", "first_name", "business_name", "payment_confirmed", "payment_amount", "payment_date"]
    empty_payloads = [{}, dict.fromkeys(required), dict.fromkeys(required, " \t "), {"unknown": "field"}]
    expected = {"status": "rejected", "errors": [{"field": field, "problem": "is missing"} for field in required]}
    assert post_all(stack, [(name, body) for body in empty_payloads]) == [(422, expected)] * 4


def test_first_email_more_than_31_days_ahead_is_rejected(stack: Stack) -> None:
    late = (datetime.now(UTC) + timedelta(days=32)).isoformat()
    code, answer = post(stack, payload(address(), email_1_sent_at=late))
    problem = "must not lie more than 31 days ahead"
    assert (code, answer["errors"]) == (422, [{"field": "email_1_sent_at", "problem": problem}])


NOT_OBJECTS = [b"", b"not json", b"[1, 2]", b'"text"', b"null", b"12", b'{"email": ', b"\xff\xfe{}"]


@pytest.mark.parametrize("name", NAMES)
def test_body_that_is_not_a_json_object_is_rejected(stack: Stack, name: str) -> None:
    def post_bytes(body: bytes) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json"}
        response = httpx.post(stack.webhook(sequence(name).handler), content=body, headers=headers, timeout=60)
        return response.status_code, response.json()

    with ThreadPoolExecutor(len(NOT_OBJECTS)) as pool:
        answers = dict(zip(NOT_OBJECTS, pool.map(post_bytes, NOT_OBJECTS), strict=True))
    errors = [{"field": "body", "problem": "must be a JSON object"}]
    assert answers == dict.fromkeys(NOT_OBJECTS, (422, {"status": "rejected", "errors": errors}))


@pytest.mark.parametrize("name", NAMES)
def test_rejected_payload_labels_the_run_and_enrols_nobody(stack: Stack, name: str) -> None:
    flow = sequence(name).handler

    def rejected_runs() -> dict[str, Execution]:
        executions = stack.kestra.executions(namespace="christmas", flow_id=flow, labels={"outcome": "rejected"})
        return {run.id: run for run in executions}

    before = rejected_runs()
    assert post(stack, {**payload(address(), name), "first_name": None}, name)[0] == 422
    (execution,) = until(lambda: rejected_runs().keys() - before.keys(), "the rejected run")
    run = succeeded(stack, execution)
    assert labels(run) == {"sequence": name, "outcome": "rejected", "reason": "invalid_payload"}
    assert {task.task: task.state for task in run.tasks}["enroll"] == "SKIPPED"
    assert stack.kestra.executions(parent=run.id) == []


UNPAID = {
    "field": "payment_confirmed",
    "problem": "must be true: onboarding starts when the contract is paid",
}
UNSIGNED = {
    "field": "docusign_completed",
    "problem": "must be true: onboarding starts when the contract is signed",
}


def test_unpaid_or_unsigned_onboarding_is_rejected(stack: Stack) -> None:
    cases: list[tuple[dict[str, Any], list[dict[str, str]]]] = [
        ({"payment_confirmed": False}, [UNPAID]),
        ({"docusign_completed": False}, [UNSIGNED]),
        ({"payment_confirmed": False, "docusign_completed": False}, [UNPAID, UNSIGNED]),
        ({"payment_confirmed": " False ", "docusign_completed": "false"}, [UNPAID, UNSIGNED]),
        (
            {"payment_confirmed": False, "docusign_completed": False, "payment_amount": -1},
            [{"field": "payment_amount", "problem": FAULTS["onboarding"][4][2]}, UNPAID, UNSIGNED],
        ),
    ]
    email = address()
    answers = post_all(stack, [("onboarding", payload(email, "onboarding", **fields)) for fields, _ in cases])
    assert answers == [(422, {"status": "rejected", "errors": errors}) for _, errors in cases]
    assert runs(stack, "enroll", email, "onboarding") == []


def test_call_with_another_outcome_than_maybe_is_skipped(stack: Stack) -> None:
    emails = {outcome: address() for outcome in ("Yes", "no", "Maybe not", "0", 7)}
    calls = [
        ("postcall", payload(f" {email.upper()}", "postcall", call_outcome=outcome))
        for outcome, email in emails.items()
    ]
    assert post_all(stack, calls) == [
        (200, {"status": "skipped", "reason": "not_a_maybe", "email": f" {email.upper()}"}) for email in emails.values()
    ]
    for email in emails.values():
        (run,) = runs(stack, "postcall-maybe-handler", email, "postcall")
        run = succeeded(stack, run.id)
        enrolment = opaque_ids.enrolment_id(sequence("postcall"), email, REQUIRED["postcall"])
        assert labels(run) == {
            "sequence": "postcall",
            "outcome": "skipped",
            "reason": "not_a_maybe",
            "contact": opaque_ids.contact_id(email),
            "enrolment": enrolment,
        }
        assert {task.task: task.state for task in run.tasks}["enroll"] == "SKIPPED"
        assert stack.kestra.executions(parent=run.id) == []


@pytest.mark.long
def test_repeated_event_is_skipped_after_the_enrolment(stack: Stack) -> None:
    emails = {name: address(name) for name in NAMES}
    for email in emails.values():
        add_contact(stack, email)
    answers = post_all(stack, [(name, payload(email, name, **far_future(name))) for name, email in emails.items()])
    assert [answer["status"] for _, answer in answers] == ["accepted"] * len(NAMES)
    for name, email in emails.items():
        enrolled(stack, email, name)
    again = post_all(stack, [(name, payload(f" {email.upper()} ", name)) for name, email in emails.items()])

    assert again == [
        (200, {"status": "skipped", "reason": DUPLICATE[name], "email": f" {email.upper()} "})
        for name, email in emails.items()
    ]
    for name, email in emails.items():
        first, second = runs(stack, sequence(name).handler, email, name)
        second = succeeded(stack, second.id)
        assert labels(second) == {**labels(first), "outcome": "skipped", "reason": DUPLICATE[name]}
        assert {task.task: task.state for task in second.tasks}["enroll"] == "SKIPPED"
        assert stack.kestra.executions(parent=second.id) == []


@pytest.mark.parametrize("name", NAMES)
def test_wrong_key_and_unknown_flow_have_the_same_404(stack: Stack, name: str) -> None:
    webhook = stack.webhook(sequence(name).handler)
    handler, key = webhook.rsplit("/", 2)[1:]
    other_keys = [stack.webhook(entry.handler).rsplit("/", 1)[1] for entry in SEQUENCES if entry.name != name]
    urls = [
        webhook[:-1] + ("x" if webhook[-1] != "x" else "y"),
        *(webhook.replace(key, other_key) for other_key in other_keys),
        webhook.replace(handler, "no-such-handler"),
        webhook.replace(handler, "send-email"),
        webhook.replace(handler, "enroll"),
    ]
    email = address()
    answers = [httpx.post(url, json=payload(email, name)) for url in urls]
    assert [answer.status_code for answer in answers] == [404] * len(urls)
    assert {answer.text for answer in answers} == {answers[0].text}
    assert runs(stack, handler, email, name) == []


def test_handlers_differ_only_in_id_texts_and_trigger(stack: Stack) -> None:
    shared_parts = {}
    for entry in SEQUENCES:
        source = stack.kestra.flow("christmas", entry.handler).source
        assert source is not None
        flow = yaml.safe_load(source)
        assert flow.pop("id") == entry.handler
        assert flow.pop("labels") == {"sequence": entry.name}
        assert flow.pop("description")
        (trigger,) = flow["triggers"]
        assert trigger.pop("id")
        assert trigger.pop("description")
        assert trigger.pop("key") == f"{{{{ secret('WEBHOOK_KEY_{entry.name.upper()}') }}}}"
        shared_parts[entry.name] = flow
    assert [task["id"] for task in shared_parts["signup"]["tasks"]] == ["intake", "known", "enroll", "label", "answer"]
    for name in NAMES:
        assert shared_parts[name] == shared_parts["signup"], name


def test_handlers_match_the_output_of_the_script() -> None:
    """`scripts/handlers` writes the other handlers from the handler of the signup."""
    done = subprocess.run(
        [sys.executable, PROJECT / "scripts/handlers", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
