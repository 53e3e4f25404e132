"""Resend, as its official SDK and plain HTTP see it."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from resend.exceptions import (
    InvalidApiKeyError,
    MissingRequiredFieldsError,
    RateLimitError,
    ResendError,
    ValidationError,
)

from christmas_campaign.local.sandbox import Sandbox

Letter = dict[str, Any]


def test_the_sdk_sends_and_the_mail_is_there_as_it_was_sent(sdk: Any, sandbox: Sandbox, letter: Letter) -> None:
    letter |= {
        "headers": {"List-Unsubscribe": "<mailto:value@example.com>"},
        "reply_to": "value@example.com",
        "tags": [{"name": "sequence", "value": "signup"}],
    }
    before = datetime.now(UTC)
    sent = sdk.Emails.send(letter, {"idempotency_key": "enrolment-1/2"})
    (mail,) = sandbox.mails()
    assert mail.id == sent["id"]
    assert str(uuid.UUID(mail.id)) == mail.id
    assert mail.sender == letter["from"]
    assert mail.to == ("zoe@example.com",)
    assert (mail.subject, mail.html, mail.text) == (letter["subject"], letter["html"], letter["text"])
    assert mail.headers == {"List-Unsubscribe": "<mailto:value@example.com>"}
    assert mail.tags == {"sequence": "signup"}
    assert mail.idempotency_key == "enrolment-1/2"
    assert before - timedelta(milliseconds=1) <= mail.received_at <= datetime.now(UTC)


def test_the_sdk_reads_a_mail(sdk: Any, letter: Letter) -> None:
    read = sdk.Emails.get(sdk.Emails.send(letter)["id"])
    assert read["object"] == "email"
    assert (read["from"], read["to"], read["subject"]) == (letter["from"], letter["to"], letter["subject"])
    assert (read["html"], read["text"]) == (letter["html"], letter["text"])
    assert read["last_event"] == "delivered"
    assert datetime.fromisoformat(read["created_at"]).tzinfo is not None


def test_a_mail_that_is_not_there(sdk: Any, mailer: httpx.Client) -> None:
    with pytest.raises(ResendError) as refused:
        sdk.Emails.get(str(uuid.uuid4()))
    assert refused.value.code == 404
    assert refused.value.error_type == "not_found"
    assert mailer.get("/emails/nope").status_code == 422


def test_the_same_key_and_body_is_one_mail_and_one_answer(sdk: Any, sandbox: Sandbox, letter: Letter) -> None:
    answers = {sdk.Emails.send(letter, {"idempotency_key": "k"})["id"] for _ in range(3)}
    assert answers == {mail.id for mail in sandbox.mails()}
    assert len(answers) == 1


def test_the_order_of_fields_makes_no_other_body(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    backwards = dict(reversed(letter.items()))
    for body in (letter, backwards):
        assert mailer.post("/emails", json=body, headers={"Idempotency-Key": "k"}).status_code == 200
    assert len(sandbox.mails()) == 1


def test_the_same_key_and_another_body_is_a_conflict(sdk: Any, sandbox: Sandbox, letter: Letter) -> None:
    sdk.Emails.send(letter, {"idempotency_key": "k"})
    with pytest.raises(ResendError) as refused:
        sdk.Emails.send({**letter, "subject": "Another"}, {"idempotency_key": "k"})
    assert refused.value.code == 409
    assert refused.value.error_type == "invalid_idempotent_request"
    assert [mail.subject for mail in sandbox.mails()] == [letter["subject"]]


def test_another_key_or_none_is_another_mail(sdk: Any, sandbox: Sandbox, letter: Letter) -> None:
    sdk.Emails.send(letter, {"idempotency_key": "a"})
    sdk.Emails.send(letter, {"idempotency_key": "b"})
    sdk.Emails.send(letter)
    sdk.Emails.send(letter)
    assert len({mail.id for mail in sandbox.mails()}) == 4


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_key_whose_first_call_is_still_running(
    mailer: httpx.Client, sandbox: Sandbox, letter: Letter, when: str
) -> None:
    sandbox.fault("resend", "latency", seconds=1.0, when=when)
    first: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: first.append(mailer.post("/emails", json=letter, headers={"Idempotency-Key": "k"}))
    )
    thread.start()
    while not sandbox.faults()[0]["hits"]:
        time.sleep(0.01)
    second = mailer.post("/emails", json=letter, headers={"Idempotency-Key": "k"})
    other = mailer.post("/emails", json=letter, headers={"Idempotency-Key": "other"})
    thread.join()
    assert second.status_code == 409
    assert second.json()["name"] == "concurrent_idempotent_requests"
    assert other.status_code == 200
    assert first[0].status_code == 200
    third = mailer.post("/emails", json=letter, headers={"Idempotency-Key": "k"})
    assert third.json() == first[0].json()
    assert len(sandbox.mails()) == 2


def test_a_key_is_forgotten_after_24_hours(mailer: httpx.Client, another: Sandbox, letter: Letter) -> None:
    url = f"{another.start()}/resend/emails"
    headers = {**mailer.headers, "Idempotency-Key": "k"}
    first = httpx.post(url, json=letter, headers=headers).json()
    another.advance(24 * 3600 - 60)
    assert httpx.post(url, json=letter, headers=headers).json() == first
    assert httpx.post(url, json={**letter, "subject": "x"}, headers=headers).status_code == 409
    another.advance(120)
    late = httpx.post(url, json={**letter, "subject": "x"}, headers=headers)
    assert late.status_code == 200
    assert late.json() != first
    assert [mail.subject for mail in another.mails()] == [letter["subject"], "x"]
    assert timedelta(hours=24) < another.mails()[1].received_at - another.mails()[0].received_at < timedelta(hours=25)


def test_a_mail_that_was_refused_does_not_use_up_its_key(
    mailer: httpx.Client, sandbox: Sandbox, letter: Letter
) -> None:
    headers = {"Idempotency-Key": "k"}
    assert mailer.post("/emails", json={**letter, "to": "nobody"}, headers=headers).status_code == 422
    assert mailer.post("/emails", json=letter, headers=headers).status_code == 200
    assert len(sandbox.mails()) == 1


@pytest.mark.parametrize("key", ["", "x" * 257])
def test_a_key_of_the_wrong_length(mailer: httpx.Client, sandbox: Sandbox, letter: Letter, key: str) -> None:
    answer = mailer.post("/emails", json=letter, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["name"]) == (400, "invalid_idempotency_key")
    assert mailer.post("/emails", json=letter, headers={"Idempotency-Key": "x" * 256}).status_code == 200
    assert len(sandbox.mails()) == 1


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no-from", {"from": None}, "missing_required_field", "Missing `from` field."),
    ("no-to", {"to": []}, "missing_required_field", "Missing `to` field."),
    ("no-subject", {"subject": ""}, "missing_required_field", "Missing `subject` field."),
    ("no-content", {"html": None, "text": ""}, "missing_required_field", "Missing `html` or `text` field."),
    ("bad-from", {"from": "value at example.com"}, "invalid_from_address", "Invalid `from` field."),
    ("bad-from-name", {"from": "Sang <value>"}, "invalid_from_address", "Invalid `from` field."),
    ("bad-to", {"to": "nobody"}, "validation_error", "Invalid `to` field."),
    ("one-bad-to", {"to": ["a@example.com", "b@"]}, "validation_error", "Invalid `to` field."),
    ("to-not-ascii", {"to": "zoë@example.com"}, "validation_error", "Invalid `to` field."),
    ("to-two-lines", {"to": "a@example.com\nBcc: b@example.com"}, "validation_error", "Invalid `to` field."),
    ("to-no-dot", {"to": "a@localhost"}, "validation_error", "Invalid `to` field."),
    ("to-51", {"to": [f"a{number}@example.com" for number in range(51)]}, "validation_error", "at most 50"),
    ("bad-cc", {"cc": ["x"]}, "validation_error", "Invalid `cc` field."),
    ("bad-reply-to", {"reply_to": "x"}, "validation_error", "Invalid `reply_to` field."),
    ("subject-lines", {"subject": "a\nb"}, "validation_error", "`\\n` is not allowed in the `subject` field"),
    ("html-number", {"html": 5}, "validation_error", "`html`"),
    ("headers-list", {"headers": ["a"]}, "validation_error", "`headers`"),
    ("headers-lines", {"headers": {"X-A": "b\r\nBcc: c@example.com"}}, "validation_error", "Invalid header"),
    ("tag-spaces", {"tags": [{"name": "a", "value": "not this"}]}, "validation_error", "ASCII letters"),
    ("tag-accents", {"tags": [{"name": "é", "value": "x"}]}, "validation_error", "ASCII letters"),
    ("tag-no-value", {"tags": [{"name": "a"}]}, "validation_error", "ASCII letters"),
    ("tags-object", {"tags": {"name": "a"}}, "validation_error", "`tags`"),
]


@pytest.mark.parametrize(("change", "name", "said"), [pytest.param(*rest, id=case) for case, *rest in REFUSED])
def test_a_mail_that_resend_does_not_take(
    mailer: httpx.Client, sandbox: Sandbox, letter: Letter, change: dict[str, Any], name: str, said: str
) -> None:
    answer = mailer.post("/emails", json={**letter, **change})
    body = answer.json()
    assert answer.status_code == 422
    assert body["statusCode"] == 422
    assert body["name"] == name
    assert said in body["message"]
    assert sandbox.mails() == []


_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("a@example.com"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "value", "X-A"]), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=_SHAPES, field=st.sampled_from(["from", "to", "cc", "subject", "html", "text", "headers", "tags", "reply_to"])
)
def test_no_mail_is_too_odd_for_an_answer(mailer: httpx.Client, letter: Letter, shape: Any, field: str) -> None:
    assert mailer.post("/emails", json={**letter, field: shape}).status_code in (200, 422)
    assert mailer.post("/emails", json=shape).status_code in (400, 422)


def test_the_sdk_raises_its_own_exceptions(
    sdk: Any, sandbox: Sandbox, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingRequiredFieldsError, match="Missing `subject` field"):
        sdk.Emails.send({**letter, "subject": None})
    with pytest.raises(ValidationError, match="Invalid `to` field"):
        sdk.Emails.send({**letter, "to": "nobody"})
    sandbox.fault("resend", "status", status=429, retry_after=7)
    with pytest.raises(RateLimitError) as refused:
        sdk.Emails.send(letter)
    assert refused.value.headers["retry-after"] == "7"
    monkeypatch.setattr(sdk, "api_key", "re_wrong")
    with pytest.raises(InvalidApiKeyError):
        sdk.Emails.send(letter)
    assert sandbox.mails() == []


@pytest.mark.parametrize(
    ("header", "status", "name"),
    [
        (None, 401, "missing_api_key"),
        ("Bearer re_wrong", 403, "invalid_api_key"),
        ("Bearer", 403, "invalid_api_key"),
        ("re_for_tests", 403, "invalid_api_key"),
    ],
)
def test_without_the_key_nothing_is_sent(
    sandbox: Sandbox, letter: Letter, header: str | None, status: int, name: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.post(f"{sandbox.resend_url}/emails", json=letter, headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (status, name)
    assert sandbox.mails() == []


def test_a_program_must_say_what_it_is(mailer: httpx.Client, letter: Letter) -> None:
    answer = mailer.post("/emails", json=letter, headers={"User-Agent": ""})
    assert answer.status_code == 403
    assert "1010" in answer.json()["message"]


def test_addresses_may_have_names_and_be_many(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    to = ["Zoë “Lệ” O'Neil <zoe@example.com>", "b+c@mail.example.co.uk"] + [f"a{n}@example.com" for n in range(48)]
    assert mailer.post("/emails", json={**letter, "to": to, "cc": "c@example.com"}).status_code == 200
    assert sandbox.mails()[0].to == tuple(to)


def test_html_alone_and_text_alone_are_enough(mailer: httpx.Client, sandbox: Sandbox, letter: Letter) -> None:
    for kept in ("html", "text"):
        gone = "text" if kept == "html" else "html"
        assert mailer.post("/emails", json={key: letter[key] for key in letter if key != gone}).status_code == 200
    assert [(mail.html, mail.text) for mail in sandbox.mails()] == [(letter["html"], ""), ("", letter["text"])]


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b'"x"'])
def test_a_body_that_is_no_json_object(mailer: httpx.Client, content: bytes) -> None:
    answer = mailer.post("/emails", content=content)
    assert (answer.status_code, answer.json()["name"]) == (400, "validation_error")


def test_addresses_that_resend_does_not_have(mailer: httpx.Client) -> None:
    assert (mailer.delete("/emails").status_code, mailer.get("/domains").status_code) == (405, 404)
    assert mailer.get("/domains").json() == {
        "statusCode": 404,
        "name": "not_found",
        "message": "The requested endpoint does not exist.",
    }
