"""E-mails, idempotency keys and refusals: the official Resend SDK gets Resend's answers from the sandbox."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import resend
from hypothesis import given
from hypothesis import strategies as st
from resend.exceptions import InvalidApiKeyError, RateLimitError

from christmas_campaign.local.sandbox import Sandbox
from sandbox.contract import REQUESTS, RESEND_KEY, json_values, resend_refusal

Letter = dict[str, Any]
KEY = {"idempotency_key": "k"}


def test_sent_email_is_stored_and_read_as_it_was_sent(emails: Any, sandbox: Sandbox, letter: Letter) -> None:
    headers = {"List-Unsubscribe": "<mailto:value@example.com>"}
    tags = [{"name": "sequence", "value": "signup"}]
    before = str(sandbox.health()["now"])
    more = {"headers": headers, "reply_to": "value@example.com", "tags": tags}
    sent = emails.send({**letter, **more}, {"idempotency_key": "enrolment-1/2"})
    (mail,) = sandbox.mails()
    assert (mail.id, str(uuid.UUID(mail.id))) == (sent["id"], mail.id)
    assert (mail.sender, mail.to, mail.subject) == (letter["from"], tuple(letter["to"]), letter["subject"])
    assert (mail.html, mail.text, mail.headers) == (letter["html"], letter["text"], headers)
    assert (mail.tags, mail.idempotency_key) == ({"sequence": "signup"}, "enrolment-1/2")
    assert before <= mail.received_at.isoformat(timespec="microseconds") <= str(sandbox.health()["now"])
    read = emails.get(sent["id"])
    assert {name: read[name] for name in letter} == letter
    assert (read["object"], read["last_event"]) == ("email", "delivered")
    assert datetime.fromisoformat(read["created_at"]) == mail.received_at


def test_emails_with_many_named_addresses_and_one_kind_of_content_are_accepted(
    emails: Any, sandbox: Sandbox, letter: Letter
) -> None:
    to = ["Zoë “Lệ” O'Neil <zoe@example.com>", "b+c@mail.example.co.uk"] + [f"a{n}@example.com" for n in range(48)]
    emails.send({**letter, "to": to, "cc": "c@example.com", "html": None})
    emails.send({**letter, "text": None})
    first, second = sandbox.mails()
    assert first.to == tuple(to)
    assert [(mail.html, mail.text) for mail in (first, second)] == [("", letter["text"]), (letter["html"], "")]


def test_same_key_and_body_is_one_email(emails: Any, sandbox: Sandbox, letter: Letter) -> None:
    # A refused e-mail does not use up its key, and the order of the fields does not matter.
    key = {"idempotency_key": "k" * 256}
    assert resend_refusal(lambda: emails.send({**letter, "to": "nobody"}, key)).code == 422
    bodies = (letter, letter, dict(reversed(letter.items())))
    assert {emails.send(body, key)["id"] for body in bodies} == {mail.id for mail in sandbox.mails()}
    assert len(sandbox.mails()) == 1
    for options in ({"idempotency_key": "other"}, {}, {}):
        emails.send(letter, options)
    assert len({mail.id for mail in sandbox.mails()}) == 4


def test_other_body_with_the_same_key_is_a_conflict_for_24_hours(emails: Any, sandbox: Sandbox, letter: Letter) -> None:
    changed = {**letter, "subject": "changed"}
    first = emails.send(letter, KEY)["id"]
    sandbox.advance(24 * 3600 - 60)
    assert emails.send(letter, KEY)["id"] == first
    refusal = resend_refusal(lambda: emails.send(changed, KEY))
    assert (refusal.code, refusal.error_type) == (409, "invalid_idempotent_request")
    sandbox.advance(120)
    emails.send(changed, KEY)
    old, new = sandbox.mails()
    assert (old.id, new.subject) == (first, "changed")
    assert timedelta(hours=24) < new.received_at - old.received_at < timedelta(hours=25)


@pytest.mark.parametrize("when", ["before", "after"])
def test_key_of_a_call_in_progress_is_a_conflict(emails: Any, sandbox: Sandbox, letter: Letter, when: str) -> None:
    sandbox.fault("resend", "latency", seconds=1.0, when=when)
    first = threading.Thread(target=emails.send, args=(letter, KEY))
    first.start()
    while not sandbox.faults()[0]["hits"]:
        time.sleep(0.01)
    refusal = resend_refusal(lambda: emails.send(letter, KEY))
    assert (refusal.code, refusal.error_type) == (409, "concurrent_idempotent_requests")
    emails.send(letter, {"idempotency_key": "other"})
    first.join()
    assert emails.send(letter, KEY)["id"] in {mail.id for mail in sandbox.mails()}
    assert len(sandbox.mails()) == 2


#: Changes to a valid e-mail that make it invalid, Resend's error name, and a part of its message.
INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"from": None}, "missing_required_field", "Missing `from` field."),
    ({"to": []}, "missing_required_field", "Missing `to` field."),
    ({"subject": ""}, "missing_required_field", "Missing `subject` field."),
    ({"html": None, "text": ""}, "missing_required_field", "Missing `html` or `text` field."),
    ({"from": "value at example.com"}, "invalid_from_address", "Invalid `from` field."),
    ({"to": "a@example.com\nBcc: b@example.com"}, "validation_error", "Invalid `to` field."),
    ({"to": [f"a{number}@example.com" for number in range(51)]}, "validation_error", "at most 50"),
    ({"reply_to": 5}, "validation_error", "`reply_to` field must be a string or a list"),
    ({"subject": "a\nb"}, "validation_error", "`\\n` is not allowed in the `subject` field"),
    ({"headers": {"X-A": "b\r\nBcc: c@example.com"}}, "validation_error", "Invalid header"),
    ({"tags": [{"name": "a", "value": "not this"}]}, "validation_error", "ASCII letters"),
    ({"scheduled_at": "2025-12-05"}, "validation_error", "does not support the `scheduled_at` field"),
]


@pytest.mark.parametrize(("changes", "name", "message"), INVALID)
def test_invalid_email_is_refused(
    emails: Any, sandbox: Sandbox, letter: Letter, changes: dict[str, Any], name: str, message: str
) -> None:
    refusal = resend_refusal(lambda: emails.send({**letter, **changes}))
    assert (refusal.code, refusal.error_type) == (422, name)
    assert message in str(refusal)
    assert sandbox.mails() == []


def test_sdk_raises_its_own_exceptions(
    emails: Any, sandbox: Sandbox, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = resend_refusal(lambda: emails.get(str(uuid.uuid4())))
    assert (unknown.code, unknown.error_type) == (404, "not_found")
    assert resend_refusal(lambda: emails.get("nope")).code == 422
    sandbox.fault("resend", "status", status=429, retry_after=7)
    limited = resend_refusal(lambda: emails.send(letter))
    assert isinstance(limited, RateLimitError)
    assert limited.headers["retry-after"] == "7"
    monkeypatch.setattr(resend, "api_key", "re_wrong")
    assert isinstance(resend_refusal(lambda: emails.send(letter)), InvalidApiKeyError)
    assert sandbox.mails() == []


@pytest.mark.parametrize(
    ("changes", "status", "name"),
    [
        ({"Authorization": ""}, 401, "missing_api_key"),
        ({"Authorization": RESEND_KEY}, 403, "invalid_api_key"),
        ({"User-Agent": ""}, 403, "forbidden"),
        ({"Idempotency-Key": ""}, 400, "invalid_idempotency_key"),
        ({"Idempotency-Key": "x" * 257}, 400, "invalid_idempotency_key"),
    ],
)
def test_call_with_wrong_headers_is_refused(
    resend_http: httpx.Client, sandbox: Sandbox, letter: Letter, changes: dict[str, str], status: int, name: str
) -> None:
    answer = resend_http.post("/emails", json=letter, headers=changes)
    assert (answer.status_code, answer.json()["name"], sandbox.mails()) == (status, name, [])


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "name"),
    [
        ("POST", "/emails", b"{", 400, "validation_error"),
        ("POST", "/emails", b"[]", 400, "validation_error"),
        ("DELETE", "/emails", b"", 405, "method_not_allowed"),
        ("GET", "/domains", b"", 404, "not_found"),
    ],
)
def test_invalid_request_is_refused(
    resend_http: httpx.Client, method: str, path: str, content: bytes, status: int, name: str
) -> None:
    answer = resend_http.request(method, path, content=content)
    body = answer.json()
    assert (answer.status_code, body["statusCode"], body["name"]) == (status, status, name)
    assert body["message"]


FIELDS = ["from", "to", "cc", "subject", "html", "text", "headers", "tags", "reply_to"]


@REQUESTS
@given(shape=json_values("name", "value", "X-A", "a@example.com"), field=st.sampled_from(FIELDS))
def test_any_json_is_answered_with_200_or_4xx(
    resend_http: httpx.Client, letter: Letter, shape: Any, field: str
) -> None:
    assert resend_http.post("/emails", json={**letter, field: shape}).status_code in (200, 422)
    assert resend_http.post("/emails", json=shape).status_code in (400, 422)
