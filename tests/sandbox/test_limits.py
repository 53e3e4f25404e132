"""A limit that is switched on holds, and is lifted again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from christmas_campaign.local.sandbox import Limit, Sandbox, SandboxError
from christmas_campaign.sandbox import faults


@pytest.fixture
def calls(sandbox: Sandbox, raw: httpx.Client, mailer: httpx.Client) -> dict[str, Callable[[], httpx.Response]]:
    letter = {"from": "a@example.com", "to": "b@example.com", "subject": "x", "text": "x"}
    webhook = sandbox.discord_webhook()
    return {
        "notion": lambda: raw.get("/v1/users/me"),
        "resend": lambda: mailer.post("/emails", json=letter),
        "discord": lambda: httpx.post(webhook, json={"content": "x"}),
    }


@pytest.mark.parametrize("service", ["notion", "resend", "discord"])
def test_a_limit_holds_for_its_service_alone(
    sandbox: Sandbox, calls: dict[str, Callable[[], httpx.Response]], service: str
) -> None:
    burst = faults.TokenBucketLimit.BURST if service == "notion" else 3
    sandbox.limit(**{service: 3})
    answers = [calls[service]() for _ in range(burst + 2)]
    assert [answer.is_success for answer in answers] == [*[True] * burst, False, False]
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    body = refused.json()
    said = {"notion": body.get("code"), "resend": body.get("name"), "discord": body.get("message")}[service]
    assert said in ("rate_limited", "rate_limit_exceeded", "You are being rate limited.")
    for other in {"notion", "resend", "discord"} - {service}:
        assert all(calls[other]().is_success for _ in range(5))
    assert sandbox.limits()[service] == Limit(per_second=3, calls=burst + 2, refused=2)
    if service == "resend":
        assert len(sandbox.mails()) == 3


def test_who_waits_as_told_gets_through(sandbox: Sandbox, calls: dict[str, Callable[[], httpx.Response]]) -> None:
    sandbox.limit(resend=2)
    for _ in range(2):
        assert calls["resend"]().is_success
        assert calls["resend"]().is_success
        refused = calls["resend"]()
        assert refused.status_code == 429
        time.sleep(int(refused.headers["retry-after"]))


def test_a_limit_is_lifted(sandbox: Sandbox, calls: dict[str, Callable[[], httpx.Response]]) -> None:
    sandbox.limit(resend=1)
    assert [calls["resend"]().status_code for _ in range(2)] == [200, 429]
    sandbox.limit(resend=None)
    assert all(calls["resend"]().is_success for _ in range(10))
    assert sandbox.limits()["resend"] == Limit(per_second=None, calls=12, refused=1)


def test_a_refused_call_uses_up_no_fault(sandbox: Sandbox, calls: dict[str, Callable[[], httpx.Response]]) -> None:
    sandbox.limit(resend=1)
    calls["resend"]()
    sandbox.fault("resend", "status", status=500)
    assert calls["resend"]().status_code == 429
    sandbox.limit(resend=None)
    assert calls["resend"]().status_code == 500


def test_the_window_slides() -> None:
    now = [100.0]
    limit = faults.RateLimit(lambda: now[0])
    limit.per_second = 2
    waits: list[Any] = []
    for moment in (100.0, 100.6, 100.9, 101.0, 101.5, 101.6, 102.7):
        now[0] = moment
        waits.append(round(limit.take(), 6))
    # The two of 100.0 and 100.6 leave at 101.0 and 101.6; what is refused takes no place.
    assert waits == [0.0, 0.0, 0.1, 0.0, 0.1, 0.0, 0.0]
    assert (limit.calls, limit.refused, limit.remaining()) == (7, 2, 1)


def test_notion_allows_a_burst_and_then_the_average_rate() -> None:
    now = [100.0]
    limit = faults.TokenBucketLimit(lambda: now[0])
    limit.per_second = 4
    assert [limit.take() for _ in range(11)] == [*[0.0] * 10, 0.25]
    # A refused call takes nothing: the token comes when it was promised, and one call in every quarter of a second passes.
    for moment in (100.25, 100.5, 100.75):
        now[0] = moment
        assert [limit.take(), limit.take()] == [0.0, 0.25]
    now[0] = 200.0
    assert [limit.take() for _ in range(11)] == [*[0.0] * 10, 0.25]
    assert (limit.calls, limit.refused, limit.remaining()) == (28, 5, 0)


@pytest.mark.parametrize("limits", [{"smtp": 1}, {"notion": 0}, {"notion": 2.5}, {"notion": "3"}, {"notion": True}])
def test_a_limit_that_makes_no_sense(sandbox: Sandbox, limits: dict[str, Any]) -> None:
    with pytest.raises(SandboxError):
        sandbox.limit(resend=5, **limits)
    assert sandbox.limits()["resend"].per_second is None
