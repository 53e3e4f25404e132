"""A real door: every kind of answer, at the public paths and at Kestra's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import address, payload, until

from christmas_campaign.campaign import times
from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from door.hostile import SIGNING
from door.process import KEYS, DoorProcess, FakeKestra, addresses

SIGNUP = PUBLIC_PATHS["signup"]
each_path = pytest.mark.parametrize(
    ("name", "path"), [(one.name, path) for one in SEQUENCES for path in addresses(one.name)]
)
each_sequence = pytest.mark.parametrize("name", PUBLIC_PATHS)
ORIGIN = "https://www.example.com"


def checked(response: httpx.Response, status: int) -> Any:
    """Check the status and the headers that every answer has; return the JSON body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "server" not in response.headers
    assert not [name for name in response.headers if name.startswith("access-control")]
    return response.json()


def assert_nothing_there(response: httpx.Response) -> None:
    assert checked(response, 404) == {"status": "rejected", "message": "there is nothing here"}


def accepted(kestra: FakeKestra, email: str) -> list[dict[str, Any]]:
    """Return the payloads for this address that Kestra has accepted."""
    return [body for body in map(json.loads, kestra.accepted) if body.get("email") == email]


@each_path
def test_valid_call_is_accepted_and_forwarded(
    door: DoorProcess, shared_kestra: FakeKestra, name: str, path: str
) -> None:
    email = address(name)
    sent = payload(f" {email.upper()} ", name, unknown={"deep": ["field"]})
    started = datetime.now(UTC)
    answer = checked(door.post(f"{path}?utm_source=a/../b&key=x", sent), 200)
    assert list(answer)[:6] == ["status", "message", "email", "campaign", "timestamp", "execution_id"]
    assert answer == {
        "status": "accepted",
        "message": f"The e-mails of the sequence {name} are being scheduled.",
        "email": f" {email.upper()} ",
        "campaign": "Christmas 2025" if name == "signup" else "Christmas Traditional Service",
        "timestamp": answer["timestamp"],
        "execution_id": None,
        **({"call_outcome": "Maybe"} if name == "postcall" else {}),
        **({"payment_amount": 2997} if name == "onboarding" else {}),
    }
    assert abs(times.parse(answer["timestamp"]) - started) < timedelta(seconds=10)
    calls = until(lambda: [one for one in shared_kestra.calls if json.loads(one.body) == sent], "the call", 10)
    assert [one.path for one in calls] == [KESTRA_PATHS[name] + KEYS[name]]
    # Kestra gets the same time of arrival as the sender.
    assert calls[0].headers["x-received-at"] == answer["timestamp"]


def test_wrong_key_gets_the_same_answer_as_any_unknown_path(door: DoorProcess) -> None:
    for path in (f"{KESTRA_PATHS['signup']}wrong", f"{SIGNUP}x", "/", "/api/v1/main/flows"):
        assert_nothing_there(door.post(path, payload(address())))
        assert_nothing_there(httpx.get(door.url + path))


# The following tests need doors with other settings.


@pytest.fixture(scope="module")
def waiting_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    """A door whose Kestra is away: every call waits."""
    away = FakeKestra()
    away.start()
    away.stop()
    with DoorProcess(tmp_path_factory.mktemp("waiting"), away) as running:
        yield running


@each_sequence
def test_same_event_is_skipped_while_the_first_call_waits(waiting_door: DoorProcess, name: str) -> None:
    sent = payload(address(name), name)
    assert checked(waiting_door.post(PUBLIC_PATHS[name], sent), 200)["status"] == "accepted"
    for other_path in addresses(name):
        answer = checked(waiting_door.post(other_path, {**sent, "first_name": "Anna"}), 200)
        assert answer == {"status": "skipped", "reason": sequence(name).duplicate, "email": sent["email"]}


def test_health_of_kestra_is_answered(door: DoorProcess, waiting_door: DoorProcess) -> None:
    answer = checked(httpx.get(f"{door.url}/health"), 200)
    assert abs(times.parse(answer.pop("timestamp")) - datetime.now(UTC)) < timedelta(seconds=10)
    unset = {f"{service}_configured": False for service in ("notion", "resend", "discord")}
    assert answer == {"status": "healthy", "calls_wait_since": None, "environment": {"testing_mode": "false", **unset}}
    assert httpx.head(f"{door.url}/health").status_code == 200
    assert httpx.post(f"{door.url}/health").headers["allow"] == "GET, HEAD"
    assert checked(httpx.get(f"{waiting_door.url}/health"), 503)["status"] == "unhealthy"


def test_byte_order_mark_is_taken_and_another_encoding_is_named(door: DoorProcess) -> None:
    body = json.dumps(payload(address("signup")), ensure_ascii=False)
    assert door.post(SIGNUP, body.encode("utf-8-sig")).status_code == 200
    answer = door.post(SIGNUP, body.encode("utf-16"))
    problem = "must be text in UTF-8: it is in UTF-16 or UTF-32"
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "body", "problem": problem}])


def test_signature_is_checked_before_the_json_and_after_the_size(signed_door: DoorProcess) -> None:
    checked(signed_door.post(SIGNUP, b"no json"), 401)
    checked(signed_door.post(SIGNUP, bytes(1_048_577)), 413)
    assert_nothing_there(signed_door.post("/webhook", b""))


def test_rate_limit_counts_all_calls_of_one_sender(tmp_path: Path, kestra: FakeKestra) -> None:
    settings = {"DOOR_RATE": "3", "DOOR_PROXIES": "127.0.0.1", **SIGNING}
    with DoorProcess(tmp_path, kestra, **settings) as door:
        for path in [*addresses("signup"), PUBLIC_PATHS["noshow"]]:
            checked(door.post(path, b"", x_forwarded_for="203.0.113.9"), 401)
        for path in addresses("postcall"):
            response = door.post(path, b"", x_forwarded_for="198.51.100.1, 203.0.113.9")
            assert checked(response, 429)["message"] == "too many calls from there"
            assert 1 <= int(response.headers["retry-after"]) <= 20
        # The limit applies neither to other senders, nor to the health or unknown paths.
        checked(door.post(SIGNUP, b"", x_forwarded_for="203.0.113.10"), 401)
        checked(httpx.get(f"{door.url}/health", headers={"x-forwarded-for": "203.0.113.9"}), 200)
        assert_nothing_there(door.post("/x", b"", x_forwarded_for="203.0.113.9"))
        door.logged("refused postcall 203.0.113.0/24 429 too many calls from there")


def test_full_inbox_refuses_calls_that_must_be_stored(tmp_path: Path, kestra: FakeKestra) -> None:
    kestra.stop()
    with DoorProcess(tmp_path, kestra, DOOR_INBOX_MOST="2") as door:
        first, lost = payload(address()), address()
        for sent in (first, payload(address())):
            checked(door.post(SIGNUP, sent), 200)
        for name in PUBLIC_PATHS:
            response = door.post(PUBLIC_PATHS[name], payload(lost, name))
            assert checked(response, 503) == {"status": "rejected", "message": "there is no room to keep the call"}
            assert response.headers["retry-after"] == "60"
        assert checked(door.post(SIGNUP, first), 200)["status"] == "skipped"
        skipped = payload(lost, "postcall", call_outcome="Booked")
        assert checked(door.post(PUBLIC_PATHS["postcall"], skipped), 200)["status"] == "skipped"
        kestra.start()
        until(lambda: len(kestra.accepted) == 2, "the two stored calls", 60)
        assert lost not in str(kestra.accepted)
        assert checked(door.post(SIGNUP, payload(lost)), 200)["status"] == "accepted"


@pytest.fixture(scope="module")
def website_door(tmp_path_factory: pytest.TempPathFactory, shared_kestra: FakeKestra) -> Iterator[DoorProcess]:
    settings = {"DOOR_ORIGINS": f"{ORIGIN},https://other.example.com"}
    with DoorProcess(tmp_path_factory.mktemp("website"), shared_kestra, **settings) as running:
        yield running


def preflight(door: DoorProcess, path: str = SIGNUP, origin: str = ORIGIN) -> httpx.Response:
    return httpx.options(door.url + path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})


@pytest.mark.parametrize("path", addresses("signup"))
def test_browser_may_call_from_an_allowed_website(website_door: DoorProcess, path: str) -> None:
    answer = preflight(website_door, path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "POST"
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert allowed == {"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    # The website can read every kind of answer.
    for body, status in ((payload(address()), 200), ({}, 422), (bytes(1_048_577), 413)):
        answer = website_door.post(path, body, Origin=ORIGIN)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert (answer.headers["access-control-expose-headers"], answer.headers["vary"]) == ("Retry-After", "Origin")


@pytest.mark.parametrize(
    "origin",
    [f"{ORIGIN}.evil.example", "http://www.example.com", "null"],
)
def test_browser_may_not_call_from_another_website(website_door: DoorProcess, origin: str) -> None:
    refused = preflight(website_door, origin=origin)
    answer = website_door.post(SIGNUP, payload(address()), Origin=origin)
    assert (refused.status_code, answer.status_code) == (405, 200)
    for response in (refused, answer):
        assert not [name for name in response.headers if name.startswith("access-control")]
        assert response.headers["vary"] == "Origin"


def test_preflight_without_origins_path_or_method_is_refused(door: DoorProcess, website_door: DoorProcess) -> None:
    assert "vary" not in preflight(door).headers
    assert preflight(door).status_code == 405
    assert preflight(website_door, KESTRA_PATHS["signup"] + "wrong").status_code == 404
    assert httpx.options(website_door.url + SIGNUP, headers={"Origin": ORIGIN}).status_code == 405
