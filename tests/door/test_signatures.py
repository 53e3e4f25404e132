"""Signatures, with fixed vectors: valid ones, altered calls, wrong secrets, and times that are too far from now."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest

from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.http import signatures
from christmas_campaign.door.http.signatures import Headers, InvalidSignature
from christmas_campaign.door.settings import key_bytes

NOW = datetime.fromtimestamp(1_700_000_000, tz=UTC)
BODY = '{"email":"ana@example.com","first_name":"Lệ Ngọc"}'.encode()

#: A secret as in the settings, and its bytes. The signatures below were computed with openssl:
#: printf '%s' "$signed" | openssl dgst -sha256 -mac HMAC -macopt hexkey:…
SECRET_TEXT = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET = key_bytes(SECRET_TEXT)
STANDARD = "v1,bpYdrDm70ETwX2YuSFejNaeKPNfK3CgCEV4MxBxPFjY="
CALENDLY = "a67f78461b842d0b628bf7b6700ed9efb1bd9edf98b91b1f3e113348a880df7a"
DOCUSIGN = "ImcDgRgRFW645MOHzqBaMb5Vm4d+3xj3i88BsG90P4g="
CAL_COM = "226703811811156eb8e4c387cea05a31be559b877edf18f78bcf01b06f743f88"

WRONG, MISSING = "the signature is wrong", "the signature is missing"


def headers(**values: str) -> Headers:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()]


def standard(signature: str = STANDARD, message: str = "msg_1", seconds: str = "1700000000") -> Headers:
    return headers(webhook_id=message, webhook_timestamp=seconds, webhook_signature=signature)


def calendly(signature: str = CALENDLY, seconds: str = "1700000000") -> Headers:
    return headers(calendly_webhook_signature=f"t={seconds},v1={signature}")


def docusign(signature: str = DOCUSIGN, number: int = 1) -> Headers:
    return [(b"x-docusign-signature-%d" % number, signature.encode())]


def svix(signature: str = STANDARD) -> Headers:
    return headers(svix_id="msg_1", svix_timestamp="1700000000", svix_signature=signature)


def cal_com(signature: str = CAL_COM) -> Headers:
    return headers(x_cal_signature_256=signature)


ALL_NAMES = {"signup", "noshow", "postcall", "onboarding", "precall", "resend"}

#: Each form of a signature, and the handlers whose senders may use it.
FORMS: list[tuple[Headers, set[str]]] = [
    (standard(), ALL_NAMES),
    (svix(), {"resend"}),
    (calendly(), {"noshow", "precall"}),
    (docusign(), {"onboarding"}),
    (cal_com(), {"precall"}),
]
each_form = pytest.mark.parametrize(
    ("signed", "names"), FORMS, ids=["standard", "svix", "calendly", "docusign", "cal.com"]
)


def check(name: str, signed: Headers, body: bytes = BODY, *secrets: bytes, now: datetime = NOW) -> None:
    """Check a call to the handler ``name``; the default secret is ``SECRET``."""
    signatures.check(BY_NAME[name].signature_forms, signed, body, secrets or (SECRET,), now)


def problem(name: str, signed: Headers, body: bytes = BODY, *secrets: bytes, now: datetime = NOW) -> str:
    """Return why the signature is invalid."""
    with pytest.raises(InvalidSignature) as caught:
        check(name, signed, body, *secrets, now=now)
    return str(caught.value)


@each_form
def test_form_counts_for_its_own_senders_only(signed: Headers, names: set[str]) -> None:
    for name in ALL_NAMES:
        if name in names:
            check(name, signed)
        else:
            assert problem(name, signed) == MISSING


@each_form
def test_altered_body_is_refused(signed: Headers, names: set[str]) -> None:
    name = min(names)
    for at in range(len(BODY)):
        altered = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        assert problem(name, signed, altered) == WRONG
    assert problem(name, signed, BODY + b" ") == WRONG
    assert problem(name, signed, BODY[:-1]) == WRONG


@each_form
def test_any_of_several_secrets_is_accepted_and_no_other(signed: Headers, names: set[str]) -> None:
    name = min(names)
    check(name, signed, BODY, b"new", SECRET)
    check(name, signed, BODY, SECRET, b"old")
    assert problem(name, signed, BODY, b"another") == WRONG


@pytest.mark.parametrize("name", sorted(ALL_NAMES))
def test_unsigned_call_is_accepted_only_without_secrets(name: str) -> None:
    unsigned = headers(content_type="application/json")
    signatures.check(BY_NAME[name].signature_forms, unsigned, BODY, (), NOW)
    assert problem(name, unsigned) == MISSING


@pytest.mark.parametrize(
    ("name", "signed", "minutes"), [("signup", standard(), 5), ("resend", svix(), 5), ("noshow", calendly(), 3)]
)
def test_signed_time_may_be_some_minutes_from_now(name: str, signed: Headers, minutes: int) -> None:
    window, second = timedelta(minutes=minutes), timedelta(seconds=1)
    check(name, signed, now=NOW + window)
    check(name, signed, now=NOW - window)
    assert problem(name, signed, now=NOW + window + second) == "the signature is too old"
    assert problem(name, signed, now=NOW - window - second) == "the signature lies in the future"


MALFORMED = ["the time of the signature is malformed", "the signature is malformed"]


@pytest.mark.parametrize("seconds", ["", "now", "-1", "1.7e9", "01700000000", "99999999999999999999", "١٧"])
def test_malformed_time_is_refused(seconds: str) -> None:
    assert problem("signup", standard(seconds=seconds or " ")) in MALFORMED
    assert problem("noshow", calendly(seconds=seconds)) in MALFORMED


@pytest.mark.parametrize(("name", "signed"), [("signup", standard()), ("resend", svix()), ("precall", cal_com())])
def test_each_header_must_occur_exactly_once(name: str, signed: Headers) -> None:
    for header in signed:
        text = header[0].decode()
        assert problem(name, [*signed, header]) == f"{text} is there more than once"
        others = [other for other in signed if other != header]
        assert problem(name, others) == (f"{text} is missing" if others else MISSING)


@pytest.mark.parametrize(
    ("name", "signed"),
    [
        *(
            ("signup", standard(signature))
            for signature in ("", " ", "v1", "v1,", "v2," + STANDARD[3:], STANDARD[3:], "v1,%%%", "v1,é", "v1a,x")
        ),
        *(
            ("noshow", headers(calendly_webhook_signature=value))
            for value in ("", "v1=x", f"t=1700000000,t=1700000000,v1={CALENDLY}", CALENDLY, "t,v1")
        ),
        ("noshow", calendly(CALENDLY[:-1])),
        *(("precall", cal_com(value)) for value in (CAL_COM[:-1], CAL_COM.upper(), "", f"sha256={CAL_COM}")),
    ],
)
def test_malformed_signature_is_refused(name: str, signed: Headers) -> None:
    assert problem(name, signed) in (WRONG, *MALFORMED)


@pytest.mark.parametrize(
    ("name", "signed"),
    [
        ("signup", standard(f"v1,wrong v2,other {STANDARD}")),
        ("noshow", headers(calendly_webhook_signature=f" t=1700000000, v1={'0' * 64},v1={CALENDLY}")),
        ("onboarding", [*docusign("wrong"), *docusign(number=17)]),
        ("precall", cal_com(f" {CAL_COM} ")),
        ("noshow", [*standard("v1,wrong"), *calendly()]),
        ("resend", [*svix("v1,wrong"), *standard()]),
        ("precall", [*calendly("wrong"), *cal_com()]),
        ("onboarding", [*standard(seconds="1600000000"), *docusign()]),
    ],
)
def test_one_valid_signature_among_several_is_enough(name: str, signed: Headers) -> None:
    check(name, signed)


def test_signature_of_a_body_in_another_encoding_is_valid() -> None:
    assert problem("signup", standard(), b"\xff") == WRONG
    digest = hmac.new(SECRET, b"msg_1.1700000000.\xff", hashlib.sha256).digest()
    check("signup", standard(f"v1,{base64.b64encode(digest).decode()}"), b"\xff")
    signature = base64.b64encode(hmac.new(SECRET, b"\xff", hashlib.sha256).digest()).decode()
    check("onboarding", docusign(signature), b"\xff")


def test_example_of_the_standard_is_valid() -> None:
    # From the documentation and the tests of the library.
    message, seconds, body = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
    signed = standard("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", message, str(seconds))
    check("signup", signed, body, now=datetime.fromtimestamp(seconds, tz=UTC))
