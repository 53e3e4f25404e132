"""A real door: every row of the contract's table of answers, at today's addresses and at Kestra's own."""

from __future__ import annotations

import hmac
import json
import resource
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook
from support import address, payload, until

from christmas_campaign.campaign import times
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.door.routes import KESTRA_PATHS, OLD_PATHS, PUBLIC_PATHS
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from door.process import KEYS, DoorProcess, Upstream, addresses, base64_of, raw
from door.test_paths import tricks

NAMES = [each.name for each in SEQUENCES]
PATHS = [(name, path) for name in NAMES for path in addresses(name)]
both_addresses = pytest.mark.parametrize(("name", "path"), PATHS)
each_address = pytest.mark.parametrize("path", [path for _, path in PATHS])
each_sequence = pytest.mark.parametrize("name", NAMES)


def checked(response: httpx.Response, status: int) -> Any:
    """The JSON of an answer with this status and the headers that every answer has."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "server" not in response.headers
    assert not [name for name in response.headers if name.startswith("access-control")]
    return response.json()


def taken(upstream: Upstream, email: str) -> list[dict[str, Any]]:
    return [body for body in map(json.loads, upstream.taken) if body.get("email") == email]


@both_addresses
def test_taken_on(door: DoorProcess, shared_upstream: Upstream, name: str, path: str) -> None:
    email = address(name)
    sent = payload(f" {email.upper()} ", name, unknown={"deep": ["field"]})
    began = datetime.now(UTC)
    answer = checked(door.post(path, sent), 200)
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
    assert abs(times.parse(answer["timestamp"]) - began) < timedelta(seconds=10)
    arrived = until(
        lambda: next((each for each in shared_upstream.arrived if json.loads(each.body) == sent), None), "the call", 10
    )
    assert arrived.path == KESTRA_PATHS[name] + KEYS[name]
    # What the sender was told is the time that Kestra is told.
    assert arrived.headers["x-received-at"] == answer["timestamp"]


@both_addresses
def test_the_same_event_again_while_the_first_waits(waiting_door: DoorProcess, name: str, path: str) -> None:
    sent = payload(address(name), name)
    assert checked(waiting_door.post(path, sent), 200)["status"] == "accepted"
    for again in addresses(name):
        answer = checked(waiting_door.post(again, {**sent, "first_name": "Anna"}), 200)
        assert answer == {"status": "skipped", "reason": sequence(name).duplicate, "email": sent["email"]}


@pytest.mark.parametrize("path", addresses("postcall"))
def test_an_outcome_that_is_not_maybe(door: DoorProcess, shared_upstream: Upstream, path: str) -> None:
    email = address()
    sent = payload(email, "postcall", call_outcome="Booked")
    for _ in range(2):
        assert checked(door.post(path, sent), 200) == {"status": "skipped", "reason": "not_a_maybe", "email": email}
    # "Maybe" about the same call is another matter.
    assert checked(door.post(path, {**sent, "call_outcome": "maybe"}), 200)["status"] == "accepted"
    found = until(lambda: found if len(found := taken(shared_upstream, email)) == 3 else None, "all three", 10)
    assert [each["call_outcome"] for each in found] == ["Booked", "Booked", "maybe"]


@both_addresses
def test_a_field_missing_or_wrong_is_told_with_all_others(door: DoorProcess, name: str, path: str) -> None:
    assert checked(door.post(path, {"email": "nobody", "variables": 3}), 422) == {
        "status": "rejected",
        "errors": [
            {"field": "email", "problem": "is not an e-mail address: it has no @"},
            *({"field": field, "problem": "is missing"} for field in payload("x", name) if field != "email"),
            {"field": "variables", "problem": "must be an object of names and values"},
        ],
    }


@pytest.mark.parametrize("path", addresses("onboarding"))
@pytest.mark.parametrize("field", ["payment_confirmed", "docusign_completed"])
def test_not_paid_or_not_signed(door: DoorProcess, path: str, field: str) -> None:
    answer = checked(door.post(path, payload(address(), "onboarding", **{field: False})), 422)
    assert [each["field"] for each in answer["errors"]] == [field]


@each_address
@pytest.mark.parametrize(
    "body", [b"", b"email=a@example.com", b'{"a": NaN}', b"[]", b'"text"', b"\xef\xbb\xbf{}", b"{"]
)
def test_no_json_object(door: DoorProcess, path: str, body: bytes) -> None:
    assert checked(door.post(path, body), 422) == {
        "status": "rejected",
        "errors": [{"field": "body", "problem": "must be a JSON object"}],
    }


@each_address
@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"a": 1, "a": 2}', rb'{"a": "\ud800"}', b"[" * 100_000])
def test_what_readers_could_see_differently(door: DoorProcess, path: str, body: bytes) -> None:
    answer = checked(door.post(path, body), 422)
    assert (answer["status"], [each["field"] for each in answer["errors"]]) == ("rejected", ["body"])


@each_address
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "post", "SING"])
def test_another_method(door: DoorProcess, path: str, method: str) -> None:
    response = httpx.request(method, door.url + path) if method.isupper() else _as_it_is(door, method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        assert checked(response, 405)["status"] == "rejected"


def _as_it_is(door: DoorProcess, method: str, path: str) -> httpx.Response:
    request = httpx.Request("POST", door.url + path)
    request.method = method
    with httpx.Client() as client:
        return client.send(request)


def nothing_there(response: httpx.Response) -> None:
    assert checked(response, 404) == {"status": "rejected", "message": "there is nothing here"}


@each_sequence
def test_a_wrong_key_is_the_same_answer_as_any_other_path(door: DoorProcess, name: str) -> None:
    sent = payload(address(), name)
    for path in [
        KESTRA_PATHS[name] + "wrong",
        KESTRA_PATHS[name],
        KESTRA_PATHS[name][:-1],
        KESTRA_PATHS[name] + KEYS[name] + "x",
        PUBLIC_PATHS[name] + "x",
    ]:
        nothing_there(door.post(path, sent))
    for path in ["/", "/api/v1/main/flows", "/ui/", "/api/v1/main/executions/webhook/christmas/enroll/" + KEYS[name]]:
        nothing_there(door.post(path, sent))
        nothing_there(httpx.get(door.url + path))


@both_addresses
def test_the_same_path_in_other_words_is_another(door: DoorProcess, name: str, path: str) -> None:
    """Written by hand: an HTTP client tidies such paths up."""
    body = json.dumps(payload(address(), name)).encode()
    for trick in tricks(path):
        if "\n" not in trick:
            head = f"POST {trick} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            answer = raw(door.port, head.encode() + body)
            assert answer.startswith(b"HTTP/1.1 404 "), (trick, answer)
            assert answer.endswith(b'{"status":"rejected","message":"there is nothing here"}'), trick


@both_addresses
def test_a_query_changes_nothing(door: DoorProcess, name: str, path: str) -> None:
    assert checked(door.post(f"{path}?utm_source=a/../b&key=x", payload(address(), name)), 200)["status"] == "accepted"


def test_health(door: DoorProcess) -> None:
    answer = checked(httpx.get(f"{door.url}/health"), 200)
    assert abs(times.parse(answer.pop("timestamp")) - datetime.now(UTC)) < timedelta(seconds=10)
    assert answer == {
        "status": "healthy",
        "environment": {
            "testing_mode": "false",
            "notion_configured": False,
            "resend_configured": False,
            "discord_configured": False,
        },
    }
    assert httpx.head(f"{door.url}/health").status_code == 200
    assert httpx.post(f"{door.url}/health").headers["allow"] == "GET, HEAD"
    nothing_there(httpx.get(f"{door.url}/health/"))


# From here on a door each, for what changes how a door answers.


@pytest.fixture(scope="module")
def waiting_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    """A door in front of nobody: everything waits."""
    nobody = Upstream()
    nobody.start()
    nobody.stop()
    with DoorProcess(tmp_path_factory.mktemp("waiting"), nobody) as running:
        yield running


def test_health_while_kestra_is_away(waiting_door: DoorProcess) -> None:
    answer = checked(httpx.get(f"{waiting_door.url}/health"), 503)
    assert answer["status"] == "unhealthy"
    assert set(answer) == {"status", "timestamp", "environment"}


def test_health_says_what_is_set_and_never_a_value(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> None:
    settings = {
        "SECRET_TESTING_MODE": base64_of("true"),
        "SECRET_NOTION_TOKEN": base64_of("ntn_very_secret"),
        "DOOR_RESEND_CONFIGURED": "true",
    }
    with DoorProcess(tmp_path_factory.mktemp("health"), upstream, **settings) as door:
        answer = httpx.get(f"{door.url}/health")
        assert answer.json()["environment"] == {
            "testing_mode": "true",
            "notion_configured": True,
            "resend_configured": True,
            "discord_configured": False,
        }
        assert "secret" not in answer.text
        assert "bnRu" not in answer.text
        # However often it is asked, Kestra is not.
        for _ in range(50):
            httpx.get(f"{door.url}/health")
        assert upstream.health_asked <= 5


SIGNING = {
    "SIGNING_WEBSITE": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw,another",
    "SIGNING_CALENDLY": "calendly-secret",
    "SIGNING_CRM": "crm-secret",
    "SIGNING_DOCUSIGN": "docusign-secret",
    "SIGNING_BOOKING": "booking-secret",
}
KEYS_OF: dict[str, str | bytes] = {
    "signup": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "noshow": b"calendly-secret",
    "postcall": b"crm-secret",
    "onboarding": b"docusign-secret",
    "precall": b"booking-secret",
}


@pytest.fixture(scope="module")
def signed_door(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[DoorProcess]:
    with DoorProcess(tmp_path_factory.mktemp("signed"), shared_upstream, **SIGNING) as running:
        yield running


def signature(key: str | bytes, body: bytes, *, ago: float = 0) -> dict[str, str]:
    """The three headers of Standard Webhooks, by its library."""
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    return {
        "webhook_id": "msg_1",
        "webhook_timestamp": str(int(moment.timestamp())),
        "webhook_signature": Webhook(key).sign("msg_1", moment, body.decode()),
    }


@both_addresses
def test_signed(signed_door: DoorProcess, shared_upstream: Upstream, name: str, path: str) -> None:
    key, email = KEYS_OF[name], address()
    body = json.dumps(payload(email, name)).encode()
    good = signature(key, body)
    refused = {
        "the signature is missing": (body, {}),
        "the signature is wrong": (body.replace(b"Ana", b"Eve"), good),
        "the signature is wrong ": (body, signature(b"another sender's", body)),
        "the signature is too old": (body, signature(key, body, ago=360)),
        "the signature lies in the future": (body, signature(key, body, ago=-360)),
        "webhook-id is missing": (body, {**good, "webhook_id": ""}),
    }
    for why, (sent, headers) in refused.items():
        given = {header: value for header, value in headers.items() if value}
        assert checked(signed_door.post(path, sent, **given), 401) == {"status": "rejected", "message": why.strip()}
    assert taken(shared_upstream, email) == []
    assert checked(signed_door.post(path, body, **good), 200)["status"] == "accepted"
    until(lambda: taken(shared_upstream, email), "the call", 10)
    assert len(taken(shared_upstream, email)) == 1


def test_the_old_path_takes_the_old_form_signed_by_cal_com(
    tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> None:
    email = address("precall")
    attendee = {"email": email, "name": "Ana Silva", "timeZone": "America/Toronto"}
    booking = {"uid": "bFJeNb2uX8ANpT3JL5EfXw", "startTime": times.text(datetime.now(UTC)), "attendees": [attendee]}
    body = json.dumps({"payload": {"booking": booking}}).encode()
    right, wrong = (hmac.new(key, body, "sha256").hexdigest() for key in (b"the secret of Cal.com", b"another"))
    settings = {"SIGNING_BOOKING": "the secret of Cal.com"}
    with DoorProcess(tmp_path_factory.mktemp("cal_com"), upstream, **settings) as door:
        checked(door.post(OLD_PATHS["precall"], body), 401)
        checked(door.post(OLD_PATHS["precall"], body, X_Cal_Signature_256=wrong), 401)
        answer = checked(door.post(OLD_PATHS["precall"], body, X_Cal_Signature_256=right), 200)
        assert (answer["status"], answer["email"]) == ("accepted", email)
        arrived = until(lambda: upstream.arrived, "the call", 10)
    assert [(each.path, each.body) for each in arrived] == [(KESTRA_PATHS["precall"] + KEYS["precall"], body)]


def test_both_secrets_hold_while_one_replaces_the_other(signed_door: DoorProcess) -> None:
    for key in ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"another"):
        body = json.dumps(payload(address())).encode()
        checked(signed_door.post(PUBLIC_PATHS["signup"], body, **signature(key, body)), 200)


def test_the_signature_comes_before_the_json_and_after_the_size(signed_door: DoorProcess) -> None:
    checked(signed_door.post(PUBLIC_PATHS["signup"], b"no json"), 401)
    checked(signed_door.post(PUBLIC_PATHS["signup"], bytes(1_048_577)), 413)
    nothing_there(signed_door.post("/webhook", b""))


def test_too_many_calls(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> None:
    settings = {"DOOR_RATE": "3", "DOOR_PROXIES": "127.0.0.1", **SIGNING}
    with DoorProcess(tmp_path_factory.mktemp("rate"), upstream, **settings) as door:
        for path in [*addresses("signup"), PUBLIC_PATHS["noshow"]]:
            checked(door.post(path, b"", x_forwarded_for="203.0.113.9"), 401)
        for path in addresses("postcall"):
            response = door.post(path, b"", x_forwarded_for="198.51.100.1, 203.0.113.9")
            assert checked(response, 429)["message"] == "too many calls from there"
            assert 1 <= int(response.headers["retry-after"]) <= 20
        # Another sender is not held up, nor is whoever asks for the health, or for what is not there.
        checked(door.post(PUBLIC_PATHS["signup"], b"", x_forwarded_for="203.0.113.10"), 401)
        checked(httpx.get(f"{door.url}/health", headers={"x-forwarded-for": "203.0.113.9"}), 200)
        nothing_there(door.post("/x", b"", x_forwarded_for="203.0.113.9"))
        door.logged("refused postcall 203.0.113.0/24 429 too many calls from there")


@pytest.mark.parametrize("place", [0, 1])
def test_no_room(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream, place: int) -> None:
    upstream.stop()
    with DoorProcess(tmp_path_factory.mktemp("room"), upstream, DOOR_INBOX_MOST="2") as door:
        first = payload(address())
        for sent in (first, payload(address())):
            checked(door.post(addresses("signup")[place], sent), 200)
        lost = address()
        for name in NAMES:
            response = door.post(addresses(name)[place], payload(lost, name))
            assert checked(response, 503) == {"status": "rejected", "message": "there is no room to keep the call"}
            assert response.headers["retry-after"] == "60"
        assert checked(door.post(PUBLIC_PATHS["signup"], first), 200)["status"] == "skipped"
        skipped = payload(lost, "postcall", call_outcome="Booked")
        assert checked(door.post(PUBLIC_PATHS["postcall"], skipped), 200)["status"] == "skipped"
        upstream.start()
        until(lambda: len(upstream.taken) == 2, "the two that were kept", 60)
        assert lost not in str(upstream.taken)
        assert checked(door.post(addresses("signup")[place], payload(lost)), 200)["status"] == "accepted"


def test_a_disk_that_is_full(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> None:
    """The process may write no file larger than 200 KB: SQLite hears from the system that there is no room."""
    upstream.stop()
    with DoorProcess(tmp_path_factory.mktemp("disk"), upstream) as door:
        resource.prlimit(door.child.pid, resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        kept = []
        for _ in range(50):
            sent = payload(address(), notes="x" * 20_000)
            response = door.post(PUBLIC_PATHS["signup"], sent)
            if response.status_code != 200:
                break
            kept.append(sent)
        assert checked(response, 503)["message"] == "there is no room to keep the call"
        assert response.headers["retry-after"] == "60"
        assert len(kept) >= 3
        # What was kept is handed on although there is no room to write that down, and once.
        upstream.start()
        until(lambda: len(upstream.taken) == len(kept), "those that were kept", 60)
        checked(door.post(PUBLIC_PATHS["signup"], sent), 503)
        # Room again: the door goes on by itself.
        resource.prlimit(door.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        checked(door.post(PUBLIC_PATHS["signup"], sent), 200)
        until(lambda: not list_entries(door.inbox), "an empty inbox", 30)
        assert [json.loads(body) for body in upstream.taken] == [*kept, sent]


ORIGIN = "https://www.example.com"


@pytest.fixture(scope="module")
def website_door(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[DoorProcess]:
    settings = {"DOOR_ORIGINS": f"{ORIGIN},https://other.example.com"}
    with DoorProcess(tmp_path_factory.mktemp("website"), shared_upstream, **settings) as running:
        yield running


def preflight(door: DoorProcess, path: str, origin: str) -> httpx.Response:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    return httpx.options(door.url + path, headers=asked)


@both_addresses
def test_a_browser_may_call_from_a_website_that_was_set(website_door: DoorProcess, name: str, path: str) -> None:
    asked = preflight(website_door, path, ORIGIN)
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == ORIGIN
    assert asked.headers["access-control-allow-methods"] == "POST"
    allowed = set(asked.headers["access-control-allow-headers"].split(", "))
    assert allowed == {"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert asked.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in asked.headers
    # Answers of every kind can be read there.
    for body, status in ((payload(address(), name), 200), ({}, 422), (bytes(1_048_577), 413)):
        answer = website_door.post(path, body, Origin=ORIGIN)
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
        assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        "https://www.example.com.evil.example",
        "http://www.example.com",
        "https://WWW.example.com",
        "null",
        "*",
        f"{ORIGIN}/",
    ],
)
def test_a_browser_may_not_call_from_any_other(website_door: DoorProcess, origin: str) -> None:
    for path in addresses("signup"):
        asked = preflight(website_door, path, origin)
        assert asked.status_code == 405
        answer = website_door.post(path, payload(address()), Origin=origin)
        assert answer.status_code == 200
        for each in (asked, answer):
            assert not [name for name in each.headers if name.startswith("access-control")]
            assert each.headers["vary"] == "Origin"


def test_a_preflight_of_what_is_not_there_is_404(website_door: DoorProcess) -> None:
    assert preflight(website_door, KESTRA_PATHS["signup"] + "wrong", ORIGIN).status_code == 404


def test_an_options_that_is_no_preflight_is_another_method(website_door: DoorProcess) -> None:
    assert httpx.options(website_door.url + PUBLIC_PATHS["signup"], headers={"Origin": ORIGIN}).status_code == 405


def test_without_origins_there_is_no_cors_at_all(door: DoorProcess) -> None:
    asked = preflight(door, PUBLIC_PATHS["signup"], ORIGIN)
    answer = door.post(PUBLIC_PATHS["signup"], payload(address()), Origin=ORIGIN)
    assert (asked.status_code, answer.status_code) == (405, 200)
    for each in (asked, answer):
        assert not [name for name in each.headers if name.startswith("access-control") or name == "vary"]
