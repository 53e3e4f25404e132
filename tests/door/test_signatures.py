"""Signatures, with fixed vectors: what a sender signs, what somebody in between has altered, and what is too old."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.http import signatures
from christmas_campaign.door.http.signatures import CALENDLY_WINDOW, STANDARD_WINDOW, Headers, InvalidSignature
from christmas_campaign.door.settings import key_bytes

NOW = datetime.fromtimestamp(1_700_000_000, tz=UTC)
BODY = '{"email":"ana@example.com","first_name":"Lệ Ngọc"}'.encode()

#: The secret as it stands in the settings, and as bytes. What follows was made with openssl, not with this code:
#: printf '%s' "$signed" | openssl dgst -sha256 -mac HMAC -macopt hexkey:…
SECRET_TEXT = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET = key_bytes(SECRET_TEXT)
STANDARD = "v1,bpYdrDm70ETwX2YuSFejNaeKPNfK3CgCEV4MxBxPFjY="
CALENDLY = "a67f78461b842d0b628bf7b6700ed9efb1bd9edf98b91b1f3e113348a880df7a"
DOCUSIGN = "ImcDgRgRFW645MOHzqBaMb5Vm4d+3xj3i88BsG90P4g="

CAL_COM = "226703811811156eb8e4c387cea05a31be559b877edf18f78bcf01b06f743f88"

WRONG, NO_TEXT = "the signature is wrong", "the signature is of text, and the body is none"

#: The example that the library's own documentation and tests give (its time, 2021, is why `check` takes the time).
OWN_ID, OWN_TIME = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330
OWN_BODY, OWN_SIGNATURE = b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def headers(**given: str) -> Headers:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]


def standard(signature: str = STANDARD, message: str = "msg_1", seconds: str = "1700000000") -> Headers:
    return headers(webhook_id=message, webhook_timestamp=seconds, webhook_signature=signature)


def calendly(signature: str = CALENDLY, seconds: str = "1700000000") -> Headers:
    return headers(calendly_webhook_signature=f"t={seconds},v1={signature}")


def docusign(signature: str = DOCUSIGN, number: int = 1) -> Headers:
    return [(b"x-docusign-signature-%d" % number, signature.encode())]


def svix(signature: str = STANDARD, message: str = "msg_1", seconds: str = "1700000000") -> Headers:
    return headers(svix_id=message, svix_timestamp=seconds, svix_signature=signature)


def cal_com(signature: str = CAL_COM) -> Headers:
    return headers(x_cal_signature_256=signature)


#: Each form: a handler whose sender may use it, and its headers.
FORMS: list[tuple[str, Headers]] = [
    *((name, standard()) for name in ("signup", "noshow", "postcall", "onboarding", "precall", "resend")),
    ("resend", svix()),
    ("noshow", calendly()),
    ("onboarding", docusign()),
    ("precall", calendly()),
    ("precall", cal_com()),
]
each_form = pytest.mark.parametrize(
    ("name", "signed"), FORMS, ids=lambda each: each if isinstance(each, str) else each[0][0].decode()
)


def check(name: str, given: Headers, body: bytes, secrets: tuple[bytes, ...], now: datetime) -> None:
    """Check a call to the handler of this name."""
    signatures.check(BY_NAME[name].signature_forms, given, body, secrets, now)


def why_not(
    name: str, given: Headers, body: bytes = BODY, secrets: tuple[bytes, ...] = (SECRET,), now: datetime = NOW
) -> str:
    with pytest.raises(InvalidSignature) as caught:
        check(name, given, body, secrets, now)
    return str(caught.value)


@each_form
def test_a_call_that_is_signed_is_taken(name: str, signed: Headers) -> None:
    check(name, signed, BODY, (SECRET,), NOW)


@each_form
def test_every_altered_byte_is_noticed(name: str, signed: Headers) -> None:
    for place in range(len(BODY)):
        altered = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert why_not(name, signed, altered) in (WRONG, NO_TEXT)
    assert why_not(name, signed, BODY + b" ") == WRONG
    assert why_not(name, signed, BODY[:-1]) == WRONG


@each_form
def test_another_secret_is_not_taken(name: str, signed: Headers) -> None:
    assert why_not(name, signed, secrets=(b"another",)) == WRONG


@each_form
def test_an_old_and_a_new_secret_hold_side_by_side(name: str, signed: Headers) -> None:
    check(name, signed, BODY, (b"new", SECRET), NOW)
    check(name, signed, BODY, (SECRET, b"old"), NOW)


@each_form
def test_without_a_secret_everything_is_taken(name: str, signed: Headers) -> None:
    check(name, [], BODY, (), NOW)
    check(name, signed, b"altered", (), NOW)


@pytest.mark.parametrize("name", ["signup", "noshow", "postcall", "onboarding", "precall", "resend"])
def test_an_unsigned_call_is_not_taken(name: str) -> None:
    assert why_not(name, headers(content_type="application/json")) == "the signature is missing"


def test_a_form_that_is_another_senders_is_no_signature() -> None:
    for name in ("signup", "postcall", "onboarding"):
        assert why_not(name, calendly()) == "the signature is missing"
    for name in ("signup", "noshow", "postcall", "onboarding"):
        assert why_not(name, cal_com()) == "the signature is missing"
    for name in ("signup", "noshow", "postcall", "precall"):
        assert why_not(name, docusign()) == "the signature is missing"
    for name in ("signup", "noshow", "postcall", "onboarding", "precall"):
        assert why_not(name, svix()) == "the signature is missing"


@pytest.mark.parametrize(
    ("name", "signed", "window"),
    [
        ("signup", standard(), STANDARD_WINDOW),
        ("resend", svix(), STANDARD_WINDOW),
        ("noshow", standard(), STANDARD_WINDOW),
        ("noshow", calendly(), CALENDLY_WINDOW),
    ],
)
def test_the_window_of_time_has_two_ends(name: str, signed: Headers, window: timedelta) -> None:
    beyond = window + timedelta(seconds=1)
    check(name, signed, BODY, (SECRET,), NOW + window)
    check(name, signed, BODY, (SECRET,), NOW - window)
    assert why_not(name, signed, now=NOW + beyond) == "the signature is too old"
    assert why_not(name, signed, now=NOW - beyond) == "the signature lies in the future"


def test_the_windows_are_those_of_the_contract() -> None:
    assert (timedelta(minutes=5), timedelta(minutes=3)) == (STANDARD_WINDOW, CALENDLY_WINDOW)


@pytest.mark.parametrize(
    "seconds", ["", "now", "-1", "1.7e9", "1700000000.5", "01700000000", "99999999999999999999", "١٧"]
)
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    assert "malformed" in why_not("signup", standard(seconds=seconds or " "))
    assert "malformed" in why_not("noshow", calendly(seconds=seconds))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_each_header_of_standard_webhooks_has_to_be_there_once(missing: int) -> None:
    given = list(standard())
    name = given[missing][0].decode()
    assert why_not("signup", [each for each in given if each != given[missing]]) == f"{name} is missing"
    assert why_not("signup", [*given, given[missing]]) == f"{name} is there more than once"


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_each_header_of_svix_has_to_be_there_once(missing: int) -> None:
    given = list(svix())
    name = given[missing][0].decode()
    assert why_not("resend", [each for each in given if each != given[missing]]) == f"{name} is missing"
    assert why_not("resend", [*given, given[missing]]) == f"{name} is there more than once"


@pytest.mark.parametrize(
    "signature",
    ["", " ", "v1", "v1,", "v2," + STANDARD[3:], STANDARD[3:], "v1,%%%", "v1,é", "v1a,x v1," + "A" * 43 + "="],
)
def test_a_malformed_signature_is_only_refused(signature: str) -> None:
    assert why_not("signup", standard(signature)) == WRONG


def test_one_right_signature_among_several_is_enough() -> None:
    check("signup", standard(f"v1,wrong v2,other {STANDARD}"), BODY, (SECRET,), NOW)
    check(
        "noshow", headers(calendly_webhook_signature=f"t=1700000000,v1={'0' * 64},v1={CALENDLY}"), BODY, (SECRET,), NOW
    )
    check("onboarding", [*docusign("wrong"), *docusign(number=2)], BODY, (SECRET,), NOW)
    check("onboarding", docusign(number=17), BODY, (SECRET,), NOW)


def test_one_right_form_among_several_is_enough() -> None:
    check("noshow", [*standard("v1,wrong"), *calendly()], BODY, (SECRET,), NOW)
    check("resend", [*standard("v1,wrong"), *svix()], BODY, (SECRET,), NOW)
    check("resend", [*svix("v1,wrong"), *standard()], BODY, (SECRET,), NOW)
    check("onboarding", [*standard(seconds="1600000000"), *docusign()], BODY, (SECRET,), NOW)
    assert why_not("noshow", [*standard("v1,x"), *calendly("x")]) == "the signature is wrong; the signature is wrong"


@pytest.mark.parametrize("value", ["", "v1=x", f"t=1700000000,t=1700000000,v1={CALENDLY}", CALENDLY, "t,v1"])
def test_a_malformed_header_of_calendlys_is_only_refused(value: str) -> None:
    assert "malformed" in why_not("noshow", headers(calendly_webhook_signature=value))


def test_calendlys_hex_is_taken_as_calendly_writes_it() -> None:
    check(
        "noshow",
        headers(calendly_webhook_signature=f" t=1700000000 , v1={CALENDLY}".replace(" ,", ",")),
        BODY,
        (SECRET,),
        NOW,
    )
    assert why_not("noshow", calendly(CALENDLY[:-1])) == WRONG


def test_a_signature_of_cal_com_is_whole_in_hex_and_there_once() -> None:
    for signature in (CAL_COM[:-1], CAL_COM.upper(), f"{CAL_COM[:-1]}0", "", f"sha256={CAL_COM}"):
        assert why_not("precall", cal_com(signature)) == WRONG
    assert why_not("precall", [*cal_com(), *cal_com()]) == "x-cal-signature-256 is there more than once"
    check("precall", cal_com(f" {CAL_COM} "), BODY, (b"another", SECRET), NOW)
    check("precall", [*calendly("wrong"), *cal_com()], BODY, (SECRET,), NOW)


def test_a_docusign_header_without_a_number_does_not_count() -> None:
    assert why_not("onboarding", headers(x_docusign_signature=DOCUSIGN)) == "the signature is missing"


def test_a_body_that_is_no_text_is_refused_where_text_is_signed() -> None:
    assert why_not("signup", standard(), b"\xff") == NO_TEXT
    signature = base64.b64encode(hmac.new(SECRET, b"\xff", hashlib.sha256).digest()).decode()
    check("onboarding", docusign(signature), b"\xff", (SECRET,), NOW)


def test_the_librarys_own_example() -> None:
    signed = standard(OWN_SIGNATURE, OWN_ID, str(OWN_TIME))
    check("signup", signed, OWN_BODY, (SECRET,), datetime.fromtimestamp(OWN_TIME, tz=UTC))


@pytest.mark.parametrize("alter", [lambda body: body, lambda body: body + b" "])
def test_what_is_taken_here_is_taken_by_the_library_and_the_other_way_round(alter: Callable[[bytes], bytes]) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    signature = Webhook(SECRET_TEXT).sign("msg_1", now, BODY.decode())
    seconds = str(int(now.timestamp()))
    given = {"webhook-id": "msg_1", "webhook-timestamp": seconds, "webhook-signature": signature}
    body = alter(BODY)

    def takes(verify: Callable[[], None]) -> bool:
        try:
            verify()
        except (InvalidSignature, WebhookVerificationError):
            return False
        return True

    ours = takes(lambda: check("signup", standard(signature, seconds=seconds), body, (SECRET,), now))
    theirs = takes(lambda: Webhook(SECRET_TEXT).verify(body, given, json_parse=False))
    assert ours == theirs == (body == BODY)
