"""Signatures over the raw bytes of a call: who sent it, as far as a shared secret can say.

Four forms are known. Every sender may use Standard Webhooks; Calendly, Cal.com and DocuSign also have forms of their own, and
Resend has other names for the headers of the first. Only the bytes, the headers, the secrets and the time decide. Every secret
is tried, so that an old and a new one hold side by side.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from christmas_campaign.sequences.model import SignatureForm

#: How far from now, before or after, a signed time may lie.
STANDARD_WINDOW = timedelta(minutes=5)
CALENDLY_WINDOW = timedelta(minutes=3)

#: Headers as ASGI has them: names in small letters, in the order in which they came.
Headers = Sequence[tuple[bytes, bytes]]

_SECONDS = re.compile(r"[1-9][0-9]{0,10}")
_HEX = re.compile(r"[0-9a-f]{64}")
_DOCUSIGN = re.compile(r"x-docusign-signature-[0-9]{1,3}")


class Refused(Exception):
    """A call is not signed by somebody who knows a secret; the message says why, and has nothing of the call in it."""


def check(
    own_forms: Sequence[SignatureForm], headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime
) -> None:
    """Return if a call is signed with one of ``secrets``, or if there are none.

    ``own_forms`` are the forms that its senders use besides Standard Webhooks. ``body`` are the raw bytes; ``now`` is aware.
    A call that is signed in several forms is taken if one of them is right.
    Raises ``Refused``.
    """
    if not secrets:
        return
    given = _text_by_name(headers)
    faults = []
    for form in (_standard, *(_OWN_FORMS[each] for each in own_forms)):
        try:
            if form(given, body, secrets, now):
                return
        except Refused as refused:
            faults.append(str(refused))
    raise Refused("; ".join(faults) or "the signature is missing")


def _standard(
    given: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], now: datetime, prefix: str = "webhook"
) -> bool:
    """Standard Webhooks: ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``, or with another ``prefix``.

    The library signs and the comparison is here: its own ``verify`` reads the clock, and raises whatever a malformed header
    makes it raise.
    """
    names = [f"{prefix}-{part}" for part in ("id", "timestamp", "signature")]
    if not any(name in given for name in names):
        return False
    message, seconds, signatures = (_once(given, name) for name in names)
    moment = _moment(seconds, STANDARD_WINDOW, now)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused("the signature is of text, and the body is none") from None
    claimed = [part.removeprefix("v1,") for part in signatures.split(" ") if part.startswith("v1,")]
    expected = (Webhook(secret).sign(message, moment, text).removeprefix("v1,") for secret in secrets)
    return _matches(expected, claimed)


def _calendly(given: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Calendly: ``Calendly-Webhook-Signature: t=…,v1=…``, in hex, over the time, a full stop and the body."""
    if "calendly-webhook-signature" not in given:
        return False
    parts = [part.strip().partition("=") for part in _once(given, "calendly-webhook-signature").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise Refused("the signature is malformed")
    _moment(times[0], CALENDLY_WINDOW, now)
    claimed = [value for name, _, value in parts if name == "v1" and _HEX.fullmatch(value)]
    signed = times[0].encode() + b"." + body
    return _matches((hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets), claimed)


def _docusign(given: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], _: datetime) -> bool:
    """DocuSign Connect: ``X-DocuSign-Signature-1…n``, in base64, over the body; one for each key that is active there.

    It signs no time, so an old call can be sent again; the same event is the same enrolment, so nothing comes of it.
    """
    claimed = [value.strip() for name, values in given.items() if _DOCUSIGN.fullmatch(name) for value in values]
    if not claimed:
        return False
    expected = (base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode() for secret in secrets)
    return _matches(expected, claimed)


def _svix(given: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Svix, by which Resend sends: ``svix-id``, ``svix-timestamp``, ``svix-signature``; all else is as in Standard Webhooks."""
    return _standard(given, body, secrets, now, "svix")


def _cal_com(given: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], _: datetime) -> bool:
    """Cal.com: ``X-Cal-Signature-256``, in hex, over the body.

    It signs no time either: an old call that is sent again says what is known, or what a newer one has overtaken.
    """
    if "x-cal-signature-256" not in given:
        return False
    claimed = [value for value in [_once(given, "x-cal-signature-256").strip()] if _HEX.fullmatch(value)]
    return _matches((hmac.new(secret, body, hashlib.sha256).hexdigest() for secret in secrets), claimed)


_Form = Callable[[Mapping[str, list[str]], bytes, Sequence[bytes], datetime], bool]
_OWN_FORMS: Mapping[SignatureForm, _Form] = {
    SignatureForm.CALENDLY: _calendly,
    SignatureForm.CAL_COM: _cal_com,
    SignatureForm.DOCUSIGN: _docusign,
    SignatureForm.SVIX: _svix,
}

#: The header that holds a sender's own signature, for people who write a sender.
OWN_HEADERS: Mapping[SignatureForm, str] = {
    SignatureForm.CALENDLY: "Calendly-Webhook-Signature",
    SignatureForm.CAL_COM: "X-Cal-Signature-256",
    SignatureForm.DOCUSIGN: "X-DocuSign-Signature-1",
    SignatureForm.SVIX: "svix-signature",
}


def _matches(expected: Iterable[str], claimed: Sequence[str]) -> bool:
    """Whether a signature is right, found out in a time that does not depend on which; raises ``Refused`` if none is."""
    found = False
    for right in expected:
        for each in claimed:
            found |= hmac.compare_digest(right.encode(), each.encode())
    if not found:
        raise Refused("the signature is wrong")
    return True


def _moment(text: str, window: timedelta, now: datetime) -> datetime:
    if not _SECONDS.fullmatch(text):
        raise Refused("the time of the signature is malformed")
    moment = datetime.fromtimestamp(int(text), tz=UTC)
    if moment < now - window:
        raise Refused("the signature is too old")
    if moment > now + window:
        raise Refused("the signature lies in the future")
    return moment


def _once(given: Mapping[str, list[str]], name: str) -> str:
    values = given.get(name, [])
    if len(values) != 1:
        raise Refused(f"{name} is missing" if not values else f"{name} is there more than once")
    return values[0]


def _text_by_name(headers: Headers) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return found
