"""The door follows its OpenAPI document: schemathesis draws valid and invalid calls from it, and checks the answers.

``EXAMPLES=200`` draws more calls of each kind.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from christmas_campaign.door.http.json_body import NAME_LENGTH
from christmas_campaign.door.openapi.document import document
from christmas_campaign.door.routes import HEALTH, KESTRA_PATHS
from door.process import KEYS, UNSUBSCRIBE_KEYS, DoorProcess

EXAMPLES = int(os.environ.get("EXAMPLES", "7"))
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE

# The formats as the document describes them in words: an address in ASCII, and a time that is not far in the future.
schemathesis.openapi.format("email", st.integers(0, 2**32).map(lambda number: f"Ana+{number:x}@Salon-Ana.example.com"))
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(2000, 1, 2), datetime(2025, 11, 20), timezones=st.sampled_from((None, UTC))).map(  # noqa: DTZ001
        datetime.isoformat
    ),
)

DOCUMENT: Any = document()
# The door refuses NUL also in unknown fields, about which a schema says nothing.
SCHEMA = schemathesis.openapi.from_dict(
    DOCUMENT, config=schemathesis.Config.from_dict({"generation": {"allow-x00": False}})
)
OPERATIONS = {
    operation.ok().label: operation.ok() for operation in SCHEMA.get_all_operations() if not isinstance(operation, Err)
}
PAGES = [label for label in OPERATIONS if "{token}" in label]
WEBHOOKS = [label for label in OPERATIONS if HEALTH not in label and label not in PAGES]

#: A valid token of an unsubscribe link.
TOKEN = UNSUBSCRIBE_KEYS.token("7ece2a81c666152c41fce3d8")


def call(
    door: DoorProcess, label: str, mode: GenerationMode, count: int = EXAMPLES, token: str = TOKEN
) -> Counter[int]:
    """Make ``count`` calls of an operation, and check each answer against the document. Return the answers by status."""
    operation = OPERATIONS[label]
    key = next((KEYS[name] for name, path in KESTRA_PATHS.items() if operation.path.startswith(path)), None)
    path_parameters = {"token": token} if "{token}" in label else None if key is None else {"key": key}
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode, path_parameters=path_parameters))
    def check(case: Case[Any]) -> None:
        answer = case.call(door.url)
        if mode is POSITIVE and has_too_long_name(case.body):
            # A schema cannot express this limit.
            assert answer.status_code in (401, 422)
            return
        statuses[answer.status_code] += 1
        excluded: list[Any] = [positive_data_acceptance] if is_docusign(case.body) else []
        # A body that was drawn to break a schema can match it all the same.
        if mode is NEGATIVE and matches(label, case.body):
            excluded.append(negative_data_rejection)
        case.validate_response(answer, excluded_checks=excluded)

    check()
    return statuses


def matches(label: str, body: Any) -> bool:
    """Return whether a body matches the schema of an operation."""
    method, path = label.split()
    schema = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    try:
        return jsonschema_rs.is_valid({**schema, "components": DOCUMENT["components"]}, body)
    except ValueError:
        # The body is not JSON.
        return False


def has_too_long_name(body: Any) -> bool:
    """Return whether a name anywhere in a body is longer than the door allows."""
    if isinstance(body, dict):
        return any(len(name) > NAME_LENGTH or has_too_long_name(value) for name, value in body.items())
    return isinstance(body, list) and any(map(has_too_long_name, body))


def is_docusign(body: Any) -> bool:
    """Return whether a body is DocuSign's own form. No schema can promise that the contract in it is paid."""
    names = ("data", "envelopeSummary", "envelopeId")
    return isinstance(body, dict) and "email" not in body and any(name in body for name in names)


@pytest.mark.parametrize("label", WEBHOOKS)
def test_valid_call_is_accepted_and_invalid_call_refused(door: DoorProcess, label: str) -> None:
    statuses = call(door, label, POSITIVE)
    assert statuses[200]
    assert set(statuses) <= ({200, 422} if "onboarding" in label else {200})
    assert call(door, label, NEGATIVE)[422]


@pytest.mark.parametrize("label", WEBHOOKS)
def test_unsigned_call_is_refused(signed_door: DoorProcess, label: str) -> None:
    expected = {200} if "postcall" in label or "booking" in label else {401}
    assert set(call(signed_door, label, POSITIVE, 2)) == expected


@pytest.mark.parametrize("label", [label for label in OPERATIONS if label not in WEBHOOKS])
def test_health_and_page_follow_the_document(door: DoorProcess, label: str) -> None:
    assert set(call(door, label, POSITIVE)) == {200}
    if label in PAGES:
        wrong_token = f"{TOKEN[:-2]}{'AA' if TOKEN[-2:] != 'AA' else 'BB'}"
        assert set(call(door, label, POSITIVE, 2, wrong_token)) == {404}
