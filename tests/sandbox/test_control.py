"""The control API: the log, the ordered faults, the rate limits, the clock and the reset."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from christmas_campaign.local.sandbox import Limit, Sandbox
from christmas_campaign.sandbox import faults
from sandbox.contract import NOTION_TOKEN, notion_refusal, properties, resend_refusal

Letter = dict[str, Any]
KEY = {"idempotency_key": "k"}


# The log


def test_log_has_every_call_but_no_secret(
    sandbox: Sandbox, notion_http: httpx.Client, emails: Any, letter: Letter, source: str
) -> None:
    sandbox.reset_log()
    body = {"parent": {"data_source_id": source}, "properties": properties(Score=1)}
    page = notion_http.post("/v1/pages?x=1", json=body).json()
    emails.send(letter)
    notion_http.post("/v1/pages", content=b"{no json")
    notion_http.post("/v1/search", json={"query": "x" * 100_000})
    valid, invalid, large = sandbox.requests("notion")
    assert (valid.service, valid.method, valid.path, valid.query) == ("notion", "POST", "/notion/v1/pages", "x=1")
    assert (valid.status, valid.request, valid.response) == (200, body, page)
    assert valid.received_at.utcoffset() == timedelta(0)
    assert (invalid.status, invalid.request, invalid.response["code"]) == (400, "{no json", "invalid_json")
    assert set(large.request) == {"left_out"}
    assert [call.service for call in sandbox.requests()] == ["notion", "resend", "notion", "notion"]
    log = httpx.get(f"{sandbox.url}/_sandbox/requests").text
    assert NOTION_TOKEN not in log
    assert "uthorization" not in log
    health = sandbox.health()
    assert (health["status"], health["mails"], health["pages"]) == ("ok", 1, 1)
    sandbox.reset_log()
    assert (sandbox.requests(), len(sandbox.mails())) == ([], 1)


# Faults


def test_discord_fails_with_its_own_body(sandbox: Sandbox) -> None:
    url = sandbox.discord_webhook()
    sandbox.fault("discord", "status", status=429, retry_after=2)
    sandbox.fault("discord", "status", status=502)
    sandbox.fault("discord", "status", status=418, body={"own": "body"})
    limited, failed, own = (httpx.post(url, json={"content": "x"}) for _ in range(3))
    assert (limited.status_code, limited.headers["retry-after"], limited.json()["retry_after"]) == (429, "2", 2.0)
    assert (failed.status_code, failed.json()["code"]) == (502, 0)
    assert (own.status_code, own.json()) == (418, {"own": "body"})
    assert sandbox.alerts() == []


def test_faults_apply_one_after_the_other_and_are_counted(emails: Any, sandbox: Sandbox, letter: Letter) -> None:
    sandbox.fault("resend", "status", status=429, retry_after=3, times=2)
    body = {"statusCode": 409, "name": "invalid_idempotent_request", "message": "as ordered"}
    sandbox.fault("resend", "status", status=409, body=body)
    refusals = [resend_refusal(lambda: emails.send(letter)) for _ in range(3)]
    names = ["rate_limit_exceeded", "rate_limit_exceeded", "invalid_idempotent_request"]
    assert [refusal.error_type for refusal in refusals] == names
    assert (refusals[0].headers["retry-after"], str(refusals[2])) == ("3", "as ordered")
    assert emails.send(letter)["id"]
    assert [(fault["times"], fault["hits"]) for fault in sandbox.faults()] == [(0, 2), (0, 1)]
    log = [(429, "status"), (429, "status"), (409, "status"), (200, None)]
    assert [(call.status, call.fault) for call in sandbox.requests("resend")] == log


def test_fault_applies_only_to_its_method_and_path(notion: Any, sandbox: Sandbox, source: str) -> None:
    page = notion.pages.create(parent={"data_source_id": source}, properties={})["id"]
    codes = {500: "internal_server_error", 503: "service_unavailable", 409: "conflict_error", 504: "gateway_timeout"}
    for status, code in codes.items():
        sandbox.fault("notion", "status", status=status, method="PATCH", path="/v1/pages/", times=None)
        assert notion.pages.retrieve(page)["id"] == page
        for _ in range(2):
            refusal = notion_refusal(lambda: notion.pages.update(page))
            assert (refusal.status, refusal.code) == (status, code)
        sandbox.clear_faults()
        assert sandbox.faults() == []
    assert notion.pages.update(page, in_trash=True)["in_trash"]


def test_dropped_connection_before_or_after_the_work(
    resend_http: httpx.Client, emails: Any, sandbox: Sandbox, letter: Letter
) -> None:
    with httpx.Client(base_url=sandbox.resend_url, headers=resend_http.headers) as other:
        for kind, mails in (("drop_before", 0), ("drop_after", 1)):
            assert other.get("/emails/nope").status_code == 422
            sandbox.fault("resend", kind)
            with pytest.raises(httpx.ReadError):
                resend_http.post("/emails", json=letter, headers={"Idempotency-Key": "k"})
            assert len(sandbox.mails()) == mails
            # The other open connection still works.
            assert other.get("/emails/nope").status_code == 422
    (mail,) = sandbox.mails()
    assert emails.send(letter, KEY)["id"] == mail.id
    assert len(sandbox.mails()) == 1
    (call,) = (call for call in sandbox.requests("resend") if call.fault == "drop_after")
    assert (call.status, call.response) == (None, {"id": mail.id})


@pytest.mark.parametrize("when", ["before", "after"])
def test_latency_delays_the_work_or_the_answer(
    resend_http: httpx.Client, sandbox: Sandbox, letter: Letter, when: str
) -> None:
    sandbox.fault("resend", "latency", seconds=0.6, when=when)
    with pytest.raises(httpx.ReadTimeout):
        resend_http.post("/emails", json=letter, timeout=0.3)
    assert len(sandbox.mails()) == (1 if when == "after" else 0)
    # The work goes through although the caller has given up, and no other call waits for it.
    started = time.monotonic()
    assert resend_http.get("/emails/nope").status_code == 422
    assert time.monotonic() - started < 0.25
    while not (delayed := [call for call in sandbox.requests("resend") if call.method == "POST"]):
        time.sleep(0.02)
    assert (delayed[0].status, delayed[0].fault, len(sandbox.mails())) == (200, "latency", 1)
    assert delayed[0].seconds >= 0.6
    # A failure is delayed too.
    sandbox.fault("resend", "latency", seconds=0.3)
    sandbox.fault("resend", "status", status=503, retry_after=9)
    answer = resend_http.post("/emails", json=letter)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "9")
    assert answer.elapsed >= timedelta(seconds=0.3)


# Rate limits


Calls = dict[str, Callable[[], httpx.Response]]


@pytest.fixture
def calls(sandbox: Sandbox, notion_http: httpx.Client, resend_http: httpx.Client) -> Calls:
    """One harmless call to each service."""
    webhook = sandbox.discord_webhook()
    return {
        "notion": lambda: notion_http.get("/v1/users/me"),
        "resend": lambda: resend_http.get("/emails/nope"),
        "discord": lambda: resend_http.post(webhook, json={"content": "x"}),
    }


@pytest.mark.parametrize(
    ("service", "field", "error"),
    [
        ("notion", "code", "rate_limited"),
        ("resend", "name", "rate_limit_exceeded"),
        ("discord", "message", "You are being rate limited."),
    ],
)
def test_limit_applies_to_its_service_until_it_is_removed(
    sandbox: Sandbox, calls: Calls, service: str, field: str, error: str
) -> None:
    rate, burst = (1, faults.TokenBucketLimit.BURST) if service == "notion" else (3, 3)
    sandbox.limit(**{service: rate})
    answers = [calls[service]() for _ in range(burst + 2)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused == answers[-2:]
    assert (refused[0].headers["retry-after"], refused[0].json()[field]) == ("1", error)
    assert sandbox.limits()[service] == Limit(per_second=rate, calls=burst + 2, refused=2)
    # A refused call does not use up a fault.
    sandbox.fault(service, "status", status=500)
    assert calls[service]().status_code == 429
    sandbox.limit(**{service: None})
    assert calls[service]().status_code == 500
    sandbox.limit(**{service: 1})
    for other in calls.keys() - {service}:
        assert all(calls[other]().status_code != 429 for _ in range(5))


def test_window_of_the_limit_slides() -> None:
    now = [100.0]
    limit = faults.RateLimit(lambda: now[0])
    limit.per_second = 2
    waits: list[float] = []
    for now[0] in (100.0, 100.6, 100.9, 101.0, 101.5, 101.6, 102.7):
        waits.append(round(limit.take(), 6))
    # The calls of 100.0 and 100.6 leave the window at 101.0 and 101.6; refused calls do not count.
    assert waits == [0.0, 0.0, 0.1, 0.0, 0.1, 0.0, 0.0]
    assert (limit.calls, limit.refused, limit.remaining()) == (7, 2, 1)


def test_notion_allows_a_burst_and_then_the_average_rate() -> None:
    now = [100.0]
    limit = faults.TokenBucketLimit(lambda: now[0])
    limit.per_second = 4
    assert [limit.take() for _ in range(11)] == [*[0.0] * 10, 0.25]
    for now[0] in (100.25, 100.5, 100.75):
        assert [limit.take(), limit.take()] == [0.0, 0.25]
    now[0] = 200.0
    assert [limit.take() for _ in range(11)] == [*[0.0] * 10, 0.25]
    assert (limit.calls, limit.refused, limit.remaining()) == (28, 5, 0)


# Reset and invalid requests


def test_reset_deletes_everything_but_notion_unless_asked(
    sandbox: Sandbox, notion: Any, emails: Any, letter: Letter, source: str
) -> None:
    emails.send(letter, KEY)
    httpx.post(sandbox.discord_webhook(), json={"content": "x"})
    sandbox.fault("notion", "status")
    sandbox.limit(notion=1)
    sandbox.reset()
    assert (sandbox.mails(), sandbox.alerts(), sandbox.requests(), sandbox.faults()) == ([], [], [], [])
    assert sandbox.limits()["notion"].per_second is None
    assert notion.data_sources.retrieve(source)["id"] == source
    assert emails.send({**letter, "subject": "the key is free again"}, KEY)
    sandbox.reset(notion=True)
    assert notion_refusal(lambda: notion.data_sources.retrieve(source)).status == 404


@pytest.mark.parametrize(
    ("method", "path", "content", "message"),
    [
        ("POST", "/faults", b"{", "not JSON"),
        ("POST", "/faults", b'{"service": "smtp", "kind": "status"}', "service must be one of"),
        ("POST", "/faults", b'{"service": "notion", "kind": "status", "times": 0}', "times must be"),
        ("POST", "/faults", b'{"service": "notion", "kind": "latency", "when": "later"}', "when must be"),
        ("POST", "/faults", b'{"service": "notion", "kind": "status", "path": "("}', "path must be a regular expression"),
        ("POST", "/faults", b'{"service": "notion", "kind": "status", "often": 2}', "unknown field 'often'"),
        ("POST", "/faults", b'{"service": "notion", "kind": "latency", "seconds": -1}', "seconds must be"),
        ("POST", "/faults", b'{"service": "notion", "kind": "status", "status": 200}', "status must be"),
        ("POST", "/reset", b'{"notion": 1}', "true or false"),
        ("PUT", "/limits", b'{"resend": 5, "smtp": 1}', "unknown service 'smtp'"),
        ("PUT", "/limits", b'{"resend": 5, "notion": 0}', "notion must be a whole number"),
        ("POST", "/clock", b'{"advance_seconds": -1}', "advance_seconds must be"),
        ("GET", "/requests?service=smtp", b"", "service must be one of"),
    ],
)  # fmt: skip
def test_invalid_request_is_explained_and_changes_nothing(
    sandbox: Sandbox, method: str, path: str, content: bytes, message: str
) -> None:
    answer = httpx.request(method, f"{sandbox.url}/_sandbox{path}", content=content)
    assert answer.status_code == 422
    assert message in answer.json()["message"]
    assert (sandbox.faults(), sandbox.limits()["resend"].per_second) == ([], None)
