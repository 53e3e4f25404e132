"""Everything that can be ordered to go wrong goes wrong, as often as was ordered, and is in the log."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from christmas_campaign.local.sandbox import Sandbox, SandboxError

Letter = dict[str, Any]


def test_the_next_calls_answer_429_and_then_no_more(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    sandbox.fault("resend", "status", status=429, retry_after=3, times=2)
    answers = [mailer.post("/emails", json=letter) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "3"
    assert answers[0].json()["name"] == "rate_limit_exceeded"
    assert len(sandbox.mails()) == 1
    (fault,) = sandbox.faults()
    assert (fault["times"], fault["hits"]) == (0, 2)
    assert [(call.status, call.fault) for call in sandbox.requests("resend")] == [
        (429, "status"),
        (429, "status"),
        (200, None),
    ]


@pytest.mark.parametrize(
    ("status", "code"),
    [(500, "internal_server_error"), (503, "service_unavailable"), (409, "conflict_error"), (504, "gateway_timeout")],
)
def test_notion_fails_in_its_own_words(raw: httpx.Client, sandbox: Sandbox, status: int, code: str) -> None:
    sandbox.fault("notion", "status", status=status)
    answer = raw.get("/v1/users/me")
    assert answer.status_code == status
    assert answer.json()["object"] == "error"
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    assert raw.get("/v1/users/me").status_code == 200


def test_discord_fails_in_its_own_words(sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook()
    sandbox.fault("discord", "status", status=429, retry_after=2)
    answer = httpx.post(url, json={"content": "x"})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["retry_after"]) == (429, "2", 2.0)
    sandbox.fault("discord", "status", status=502)
    assert httpx.post(url, json={"content": "x"}).status_code == 502
    assert sandbox.alerts() == []


def test_a_body_of_ones_own(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    body = {"statusCode": 409, "name": "invalid_idempotent_request", "message": "as ordered"}
    sandbox.fault("resend", "status", status=409, body=body)
    answer = mailer.post("/emails", json=letter)
    assert (answer.status_code, answer.json()) == (409, body)


def test_a_body_of_ones_own_from_every_service(raw: httpx.Client, sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook()
    for service in ("notion", "discord"):
        sandbox.fault(service, "status", status=418, body={"said": service})
    assert raw.get("/v1/users/me").json() == {"said": "notion"}
    assert httpx.post(url, json={"content": "x"}).json() == {"said": "discord"}


def test_a_fault_strikes_only_what_it_was_ordered_for(raw: httpx.Client, sandbox: Sandbox, source: str) -> None:
    sandbox.fault("notion", "status", status=500, method="PATCH", path="/v1/pages/", times=None)
    page = raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": {}}).json()["id"]
    assert raw.get(f"/v1/pages/{page}").status_code == 200
    assert [raw.patch(f"/v1/pages/{page}", json={}).status_code for _ in range(5)] == [500] * 5
    sandbox.clear_faults()
    assert raw.patch(f"/v1/pages/{page}", json={}).status_code == 200
    assert sandbox.faults() == []


def test_faults_strike_one_after_the_other(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    sandbox.fault("resend", "status", status=500)
    sandbox.fault("resend", "status", status=429)
    assert [mailer.post("/emails", json=letter).status_code for _ in range(3)] == [500, 429, 200]


def test_the_work_is_done_and_the_connection_cut(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    sandbox.fault("resend", "drop_after")
    headers = {"Idempotency-Key": "k"}
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        mailer.post("/emails", json=letter, headers=headers)
    (mail,) = sandbox.mails()
    assert mailer.post("/emails", json=letter, headers=headers).json() == {"id": mail.id}
    assert len(sandbox.mails()) == 1
    first = sandbox.requests("resend")[0]
    assert (first.status, first.fault, first.response) == (None, "drop_after", {"id": mail.id})


def test_the_connection_is_cut_before_the_work(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    sandbox.fault("resend", "drop_before")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        mailer.post("/emails", json=letter)
    assert sandbox.mails() == []
    assert mailer.post("/emails", json=letter).status_code == 200


def test_a_page_is_made_and_the_connection_cut(
    raw: httpx.Client, sandbox: Sandbox, source: str, add: Callable[..., dict[str, Any]]
) -> None:
    add(Name="first")
    sandbox.fault("notion", "drop_after", method="POST", path="/v1/pages")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": {"Score": {"number": 2}}})
    rows = raw.post(f"/v1/data_sources/{source}/query", json={}).json()["results"]
    assert [row["properties"]["Score"]["number"] for row in rows] == [2, None]


def test_a_cut_connection_is_a_reset_without_a_byte(sandbox: Sandbox) -> None:
    sandbox.fault("notion", "drop_after")
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /notion/v1/users/me HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)


def test_others_are_not_touched_by_a_cut_connection(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    with httpx.Client(base_url=sandbox.resend_url, headers=mailer.headers) as other:
        assert other.post("/emails", json=letter).status_code == 200
        sandbox.fault("resend", "drop_after")
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            mailer.post("/emails", json=letter)
        # The connection that was open all the time still is: the second call on it is not a new one.
        answer = other.post("/emails", json=letter)
        assert answer.status_code == 200
    assert len(sandbox.mails()) == 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_delays_the_work_or_the_answer(
    mailer: httpx.Client, sandbox: Sandbox, letter: Letter, when: str
) -> None:
    sandbox.fault("resend", "latency", seconds=0.6, when=when)
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        mailer.post("/emails", json=letter, timeout=0.3)
    assert len(sandbox.mails()) == (1 if when == "after" else 0)
    while not sandbox.requests("resend"):
        time.sleep(0.02)
    # A caller that gave up does not stop the work.
    assert 0.6 <= time.monotonic() - began < 3
    assert len(sandbox.mails()) == 1
    (call,) = sandbox.requests("resend")
    assert (call.status, call.fault) == (200, "latency")
    assert call.seconds >= 0.6
    began = time.monotonic()
    mailer.post("/emails", json=letter)
    assert time.monotonic() - began < 0.3


def test_latency_holds_up_nobody_else(raw: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.fault("notion", "latency", seconds=2, path="/v1/search")
    with pytest.raises(httpx.ReadTimeout):
        raw.post("/v1/search", json={}, timeout=0.1)
    began = time.monotonic()
    assert raw.get("/v1/users/me").status_code == 200
    assert time.monotonic() - began < 0.5


def test_latency_and_a_failure_go_together(raw: httpx.Client, sandbox: Sandbox) -> None:
    sandbox.fault("notion", "latency", seconds=0.3)
    sandbox.fault("notion", "status", status=503, retry_after=9)
    began = time.monotonic()
    answer = raw.get("/v1/users/me")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "9")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"service": "smtp", "kind": "status"}, "service must be one of"),
        ({"service": "notion", "kind": "explode"}, "kind must be one of"),
        ({"service": "notion", "kind": "status", "times": 0}, "times must be"),
        ({"service": "notion", "kind": "status", "times": "2"}, "times must be"),
        ({"service": "notion", "kind": "status", "status": 200}, "status must be"),
        ({"service": "notion", "kind": "latency", "seconds": -1}, "seconds must be"),
        ({"service": "notion", "kind": "latency", "seconds": 1, "when": "later"}, "when must be"),
        ({"service": "notion", "kind": "status", "path": "("}, "path must be a regular expression"),
        ({"service": "notion", "kind": "status", "retry_after": 1.5}, "retry_after must be"),
        ({"service": "notion", "kind": "status", "often": 2}, "unknown field 'often'"),
    ],
)
def test_an_order_that_makes_no_sense(sandbox: Sandbox, order: dict[str, Any], said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        sandbox.fault(**order)
    assert sandbox.faults() == []
