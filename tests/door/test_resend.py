"""Resend's reports at a real door: who may report, under both names of the headers, and what is handed on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook
from support import until

from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.inbox.store import list_entries
from door.process import KEYS, DoorProcess, Upstream, base64_of

NEW, OLD = "whsec_" + base64_of("the new secret of Resend"), "whsec_" + base64_of("the one before it")
PATH = "/webhook/resend"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[DoorProcess]:
    with DoorProcess(tmp_path_factory.mktemp("resend"), shared_upstream, SIGNING_RESEND=f"{NEW},{OLD}") as running:
        yield running


def report(name: str = "email.bounced", **tags: Any) -> bytes:
    own = {"enrolment": f"signup-{'a' * 24}", "number": "2", "contact": "b" * 24, **tags}
    return json.dumps({"type": name, "data": {"email_id": str(uuid.uuid4()), "tags": own}}).encode()


def signed(body: bytes, *, prefix: str = "svix", secret: str = NEW, ago: float = 0) -> dict[str, str]:
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    return {
        f"{prefix}_id": "msg_1",
        f"{prefix}_timestamp": str(int(moment.timestamp())),
        f"{prefix}_signature": Webhook(secret).sign("msg_1", moment, body.decode()),
    }


@pytest.mark.parametrize("secret", [NEW, OLD], ids=["new", "old"])
@pytest.mark.parametrize("prefix", ["svix", "webhook"])
def test_what_resend_has_signed_is_handed_on_as_it_came(
    door: DoorProcess, shared_upstream: Upstream, prefix: str, secret: str
) -> None:
    body = report()
    answer = door.post(PATH, body, **signed(body, prefix=prefix, secret=secret))
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    until(lambda: body in shared_upstream.taken, "the report at Kestra", 10)
    (arrived,) = [each for each in shared_upstream.arrived if each.body == body]
    assert arrived.path == BY_NAME["resend"].kestra_path + KEYS["resend"]


def test_what_is_not_signed_right_is_refused(door: DoorProcess, shared_upstream: Upstream) -> None:
    body = report()
    good = signed(body)
    refused = {
        "the signature is missing": (body, {}),
        "the signature is wrong": (body.replace(b"bounced", b"Bounced"), good),
        "the signature is wrong ": (body, signed(body, secret="whsec_" + base64_of("somebody else's secret"))),
        "the signature is too old": (body, signed(body, ago=360)),
        "the signature lies in the future": (body, signed(body, ago=-360)),
        "svix-id is missing": (body, {name: value for name, value in good.items() if name != "svix_id"}),
    }
    for why, (sent, headers) in refused.items():
        answer = door.post(PATH, sent, **headers)
        assert (answer.status_code, answer.json()["message"]) == (401, why.strip())
    assert door.post(PATH, body, **good).status_code == 200
    until(lambda: body in shared_upstream.taken, "the right one at Kestra", 10)
    assert shared_upstream.taken.count(body) == 1


def test_what_is_no_matter_of_kestras_is_answered_and_kept_nowhere(
    door: DoorProcess, shared_upstream: Upstream
) -> None:
    others = {report("email.sent"): "not_of_interest", report(enrolment="a-newsletter"): "not_ours"}
    for body, reason in others.items():
        answer = door.post(PATH, body, **signed(body))
        assert (answer.status_code, answer.json()) == (200, {"status": "skipped", "reason": reason})
    last = report()
    assert door.post(PATH, last, **signed(last)).status_code == 200
    until(lambda: last in shared_upstream.taken and not list_entries(door.inbox), "the one after them", 10)
    assert not set(others) & set(shared_upstream.taken)
