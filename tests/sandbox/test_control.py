"""The control API: what it tells, and what it does with nonsense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.sandbox import Sandbox, SandboxError


def test_the_log_tells_what_was_asked_and_answered_but_no_secret(
    sandbox: Sandbox, raw: httpx.Client, source: str
) -> None:
    sandbox.reset_log()
    body = {"parent": {"data_source_id": source}, "properties": {"Score": {"number": 1}}}
    page = raw.post("/v1/pages?x=1", json=body).json()
    raw.post("/v1/pages", content=b"{no json")
    good, bad = sandbox.requests("notion")
    assert (good.service, good.method, good.path, good.query) == ("notion", "POST", "/notion/v1/pages", "x=1")
    assert good.status == 200
    assert good.request == body
    assert good.response == page
    assert good.received_at.utcoffset() == timedelta(0)
    assert (bad.status, bad.request, bad.response["code"]) == (400, "{no json", "invalid_json")
    everything = httpx.get(f"{sandbox.url}/_sandbox/requests").text
    assert "ntn_for_tests" not in everything
    assert "uthorization" not in everything


def test_the_log_is_in_order_and_can_be_asked_by_service(
    sandbox: Sandbox, raw: httpx.Client, mailer: httpx.Client, letter: dict[str, Any]
) -> None:
    raw.get("/v1/users/me")
    mailer.post("/emails", json=letter)
    raw.get("/v1/users/me")
    assert [call.service for call in sandbox.requests()] == ["notion", "resend", "notion"]
    assert [call.service for call in sandbox.requests("resend")] == ["resend"]
    with pytest.raises(SandboxError, match="service must be one of"):
        sandbox.requests("smtp")
    sandbox.reset_log()
    assert sandbox.requests() == []
    assert len(sandbox.mails()) == 1


def test_a_very_large_answer_is_logged_by_its_size(sandbox: Sandbox, raw: httpx.Client, source: str) -> None:
    text = [{"text": {"content": "x" * 2000}}] * 60
    raw.post("/v1/pages", json={"parent": {"data_source_id": source}, "properties": {"Notes": {"rich_text": text}}})
    assert set(sandbox.requests("notion")[-1].request) == {"left_out"}


def test_mails_are_in_order_of_arrival(sandbox: Sandbox, mailer: httpx.Client, letter: dict[str, Any]) -> None:
    for number in range(5):
        mailer.post("/emails", json={**letter, "subject": str(number)})
    mails = sandbox.mails()
    assert [mail.subject for mail in mails] == list("01234")
    assert [mail.received_at for mail in mails] == sorted(mail.received_at for mail in mails)


def test_a_reset_forgets_everything_but_notion_unless_told(
    sandbox: Sandbox, raw: httpx.Client, mailer: httpx.Client, letter: dict[str, Any], source: str
) -> None:
    mailer.post("/emails", json=letter, headers={"Idempotency-Key": "k"})
    httpx.post(sandbox.discord_webhook(), json={"content": "x"})
    sandbox.fault("notion", "status")
    sandbox.limit(notion=1)
    sandbox.reset()
    assert (sandbox.mails(), sandbox.alerts(), sandbox.requests(), sandbox.faults()) == ([], [], [], [])
    assert sandbox.limits()["notion"].per_second is None
    assert raw.get(f"/v1/data_sources/{source}").status_code == 200
    changed = {**letter, "subject": "another"}
    assert mailer.post("/emails", json=changed, headers={"Idempotency-Key": "k"}).status_code == 200
    sandbox.reset(notion=True)
    assert raw.get(f"/v1/data_sources/{source}").status_code == 404


def test_health_counts(sandbox: Sandbox, mailer: httpx.Client, letter: dict[str, Any]) -> None:
    mailer.post("/emails", json=letter)
    health = sandbox.health()
    assert (health["status"], health["mails"], health["pages"]) == ("ok", 1, 0)


@pytest.mark.parametrize(
    ("method", "path", "content", "said"),
    [
        ("POST", "/faults", b"{", "not JSON"),
        ("POST", "/faults", b"[]", "must be a JSON object"),
        ("PUT", "/limits", b'"x"', "must be a JSON object"),
        ("POST", "/clock", b"{}", "advance_seconds"),
        ("POST", "/clock", b'{"advance_seconds": "1"}', "advance_seconds"),
        ("POST", "/reset", b'{"notion": 1}', "true or false"),
        ("POST", "/discord-webhooks", b'{"name": 1}', "name must be"),
    ],
)
def test_nonsense_is_told_plainly(sandbox: Sandbox, method: str, path: str, content: bytes, said: str) -> None:
    answer = httpx.request(method, f"{sandbox.url}/_sandbox{path}", content=content)
    assert answer.status_code == 422
    assert said in answer.json()["message"]


def test_the_clock_does_not_go_back(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="from 0 to"):
        sandbox.advance(-1)


def test_what_is_not_there(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/_sandbox/nothing")
    assert (answer.status_code, answer.json()["message"]) == (404, "GET /_sandbox/nothing is not known here")
    assert httpx.delete(f"{sandbox.url}/_sandbox/health").status_code == 405
    assert httpx.get(f"{sandbox.url}/nothing").status_code == 404


def test_a_sandbox_that_does_not_run_says_so(another: Sandbox) -> None:
    assert another.running is False
    for ask in (another.mails, another.health, lambda: another.url, lambda: another.pid):
        with pytest.raises(ChildError, match="not running"):
            ask()
