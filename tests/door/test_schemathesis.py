"""The door keeps to its own document: schemathesis draws calls from it, right ones and wrong ones, and reads the answers.

``EXAMPLES=200`` draws more of each kind than the ordinary run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
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
from door.process import KEYS, UNSUBSCRIBE_KEYS, DoorProcess, Upstream
from door.storm.aim import SIGNING

EXAMPLES = int(os.environ.get("EXAMPLES", "7"))

#: Calls that a schema cannot promise to be taken: whether a contract is paid stands in one of many places of an envelope.
MAYBE_REFUSED = ("data", "envelopeSummary", "envelopeId")

# What the formats say in the document's words: an address in ASCII, and a time that is not far ahead.
schemathesis.openapi.format("email", st.integers(0, 2**32).map(lambda number: f"Ana+{number:x}@Salon-Ana.example.com"))
schemathesis.openapi.format(
    "date-time",
    st.datetimes(datetime(2000, 1, 2), datetime(2025, 11, 20), timezones=st.sampled_from((None, UTC))).map(  # noqa: DTZ001
        datetime.isoformat
    ),
)

# NUL is refused wherever it stands, which no schema says of a field that it does not name.
DOCUMENT: Any = document()
SCHEMA = schemathesis.openapi.from_dict(
    DOCUMENT, config=schemathesis.Config.from_dict({"generation": {"allow-x00": False}})
)
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if not isinstance(found, Err)}
PAGES = [label for label in OPERATIONS if "{token}" in label]
WEBHOOKS = [label for label in OPERATIONS if HEALTH not in label and label not in PAGES]

#: A link that is one.
TOKEN = UNSUBSCRIBE_KEYS.token("7ece2a81c666152c41fce3d8")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[DoorProcess]:
    """A door at which three of the five senders have to sign."""
    with DoorProcess(tmp_path_factory.mktemp("strict"), shared_upstream, **SIGNING) as running:
        yield running


def play(
    door: DoorProcess, label: str, mode: GenerationMode, count: int = EXAMPLES, token: str = TOKEN
) -> Counter[int]:
    """Make ``count`` calls of an operation (a page's: with this token) and hold each answer to the document; returns the
    answers by status."""
    operation = OPERATIONS[label]
    key = next((KEYS[name] for name, path in KESTRA_PATHS.items() if operation.path.startswith(path)), None)
    in_path = {"token": token} if "{token}" in label else None if key is None else {"key": key}
    found: Counter[int] = Counter()

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(mode, path_parameters=in_path))
    def each(case: Case[Any]) -> None:
        answer = case.call(door.url)
        if mode is GenerationMode.POSITIVE and too_long_a_name(case.body):
            # No schema says so; signed or not, it is not taken.
            assert answer.status_code in (401, 422)
            return
        found[answer.status_code] += 1
        excused: list[Any] = [positive_data_acceptance] if own_envelope(case.body) else []
        # Not all that is drawn to break a pattern does: what fits the document after all need not be refused.
        if mode is GenerationMode.NEGATIVE and fits(label, case.body):
            excused.append(negative_data_rejection)
        case.validate_response(answer, excluded_checks=excused)

    each()
    return found


def fits(label: str, body: Any) -> bool:
    """Whether a body is as the document wants it."""
    method, path = label.split()
    wanted = DOCUMENT["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    try:
        return jsonschema_rs.is_valid({**wanted, "components": DOCUMENT["components"]}, body)
    except ValueError:
        # No JSON at all.
        return False


def too_long_a_name(body: Any) -> bool:
    """Whether a name somewhere in a body is longer than the door takes, which stands in the document in words alone."""
    if isinstance(body, dict):
        return any(len(name) > NAME_LENGTH or too_long_a_name(value) for name, value in body.items())
    return isinstance(body, list) and any(map(too_long_a_name, body))


def own_envelope(body: Any) -> bool:
    """Whether a body is one of DocuSign's."""
    return isinstance(body, dict) and "email" not in body and any(name in body for name in MAYBE_REFUSED)


@pytest.mark.parametrize("label", WEBHOOKS)
def test_what_fits_the_document_is_taken_and_answered_as_it_says(door: DoorProcess, label: str) -> None:
    found = play(door, label, GenerationMode.POSITIVE)
    assert found[200]
    assert set(found) <= ({200, 422} if "onboarding" in label else {200})


@pytest.mark.parametrize("label", WEBHOOKS)
def test_what_does_not_fit_is_refused_as_it_says(door: DoorProcess, label: str) -> None:
    assert play(door, label, GenerationMode.NEGATIVE)[422]


@pytest.mark.parametrize("label", WEBHOOKS)
def test_whoever_does_not_sign_is_refused_as_it_says(strict: DoorProcess, label: str) -> None:
    assert set(play(strict, label, GenerationMode.POSITIVE, 2)) == (
        {200} if "postcall" in label or "booking" in label else {401}
    )


@pytest.mark.parametrize("label", [label for label in OPERATIONS if HEALTH in label])
def test_the_health_is_as_it_says(door: DoorProcess, label: str) -> None:
    assert set(play(door, label, GenerationMode.POSITIVE)) == {200}


@pytest.mark.parametrize("label", PAGES)
def test_a_page_is_as_it_says_and_without_the_right_token_nothing_is_there(door: DoorProcess, label: str) -> None:
    assert set(play(door, label, GenerationMode.POSITIVE)) == {200}
    wrong = f"{TOKEN[:-2]}{'AA' if TOKEN[-2:] != 'AA' else 'BB'}"
    assert set(play(door, label, GenerationMode.POSITIVE, 2, wrong)) == {404}


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_other_methods_are_refused_as_it_says(door: DoorProcess, label: str, method: str) -> None:
    operation = OPERATIONS[label]
    path = operation.path
    for name, native in KESTRA_PATHS.items():
        if path.startswith(native):
            path = native + KEYS[name]
    path = path.replace("{token}", TOKEN)
    answer = httpx.request(method, door.url + path)
    assert answer.status_code == 405
    operation.validate_response(answer)
