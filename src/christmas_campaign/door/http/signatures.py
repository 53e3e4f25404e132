"""Checks the signature of a call: an HMAC over its raw bytes with a secret that the sender shares with the door.

Every sender may sign as in Standard Webhooks. Calendly, Cal.com and DocuSign also have their own forms. Resend uses Standard
Webhooks with other header names. A signature may match any of the secrets, so an old and a new secret work side by side.
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

#: How far a signed time may be from now, in the past or the future.
STANDARD_WINDOW = timedelta(minutes=5)
CALENDLY_WINDOW = timedelta(minutes=3)

#: Headers as in ASGI: lower-case names, in the order of the request.
Headers = Sequence[tuple[bytes, bytes]]

_SECONDS = re.compile(r"[1-9][0-9]{0,10}")
_HEX = re.compile(r"[0-9a-f]{64}")
_DOCUSIGN = re.compile(r"x-docusign-signature-[0-9]{1,3}")


class InvalidSignature(Exception):
    """A call has no valid signature. The message says why, without quoting the call."""


def check(
    own_forms: Sequence[SignatureForm], headers: Headers, body: bytes, secrets: Sequence[bytes], now: datetime
) -> None:
    """Raise ``InvalidSignature`` unless a call is signed with one of ``secrets``. Without secrets, accept every call.

    ``own_forms`` are the forms that the senders use besides Standard Webhooks. ``body`` is the raw bytes; ``now`` is aware.
    If a call is signed in several forms, one valid signature is enough.
    """
    if not secrets:
        return
    values_by_name = _decode(headers)
    problems = []
    for check_form in (_check_standard, *(_OWN_FORMS[form] for form in own_forms)):
        try:
            if check_form(values_by_name, body, secrets, now):
                return
        except InvalidSignature as error:
            problems.append(str(error))
    raise InvalidSignature("; ".join(problems) or "the signature is missing")


# Each of the following functions checks one form. It returns False if the call has no signature in this form, True if it has a
# valid one, and raises InvalidSignature otherwise.


def _check_standard(
    values_by_name: Mapping[str, list[str]],
    body: bytes,
    secrets: Sequence[bytes],
    now: datetime,
    prefix: str = "webhook",
) -> bool:
    """Standard Webhooks: the headers ``webhook-id``, ``webhook-timestamp``, ``webhook-signature``, or with another prefix.

    The library computes the signature, but its ``verify`` is not used: it reads the clock, and malformed headers make it raise
    errors of many types.
    """
    names = [f"{prefix}-{part}" for part in ("id", "timestamp", "signature")]
    if not any(name in values_by_name for name in names):
        return False
    message_id, seconds, signatures = (_single_value(values_by_name, name) for name in names)
    signed_at = _check_time(seconds, STANDARD_WINDOW, now)
    claimed = [part.removeprefix("v1,") for part in signatures.split(" ") if part.startswith("v1,")]
    return _compare((_sign(Webhook(secret), secret, message_id, signed_at, body) for secret in secrets), claimed)


def _sign(webhook: Webhook, secret: bytes, message_id: str, signed_at: datetime, body: bytes) -> str:
    """Return the signature of Standard Webhooks, in base64."""
    try:
        return webhook.sign(message_id, signed_at, body.decode()).removeprefix("v1,")
    except UnicodeDecodeError:
        # The library signs text alone. A sender with another encoding has signed its bytes, and learns what is wrong with them.
        signed = f"{message_id}.{int(signed_at.timestamp())}.".encode() + body
        return base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _check_calendly(
    values_by_name: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], now: datetime
) -> bool:
    """Calendly: ``Calendly-Webhook-Signature: t=…,v1=…``, in hex, over the time, a full stop and the body."""
    if "calendly-webhook-signature" not in values_by_name:
        return False
    parts = [
        part.strip().partition("=") for part in _single_value(values_by_name, "calendly-webhook-signature").split(",")
    ]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise InvalidSignature("the signature is malformed")
    _check_time(times[0], CALENDLY_WINDOW, now)
    claimed = [value for name, _, value in parts if name == "v1" and _HEX.fullmatch(value)]
    signed = times[0].encode() + b"." + body
    return _compare((hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in secrets), claimed)


def _check_docusign(
    values_by_name: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], _: datetime
) -> bool:
    """DocuSign Connect: ``X-DocuSign-Signature-1`` to ``-n``, in base64, over the body; one for each active key at DocuSign.

    DocuSign does not sign a time, so anybody who has read a call can repeat it. The same event is the same enrolment, so a
    repeated call changes nothing.
    """
    claimed = [
        value.strip() for name, values in values_by_name.items() if _DOCUSIGN.fullmatch(name) for value in values
    ]
    if not claimed:
        return False
    expected = (base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode() for secret in secrets)
    return _compare(expected, claimed)


def _check_svix(values_by_name: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], now: datetime) -> bool:
    """Svix, the sender of Resend's webhooks: as Standard Webhooks, but the header names begin with ``svix-``."""
    return _check_standard(values_by_name, body, secrets, now, "svix")


def _check_cal_com(values_by_name: Mapping[str, list[str]], body: bytes, secrets: Sequence[bytes], _: datetime) -> bool:
    """Cal.com: ``X-Cal-Signature-256``, in hex, over the body.

    Cal.com does not sign a time either. A repeated call is a known booking, or one that a newer call has replaced.
    """
    if "x-cal-signature-256" not in values_by_name:
        return False
    claimed = [
        value for value in [_single_value(values_by_name, "x-cal-signature-256").strip()] if _HEX.fullmatch(value)
    ]
    return _compare((hmac.new(secret, body, hashlib.sha256).hexdigest() for secret in secrets), claimed)


_CheckForm = Callable[[Mapping[str, list[str]], bytes, Sequence[bytes], datetime], bool]
_OWN_FORMS: Mapping[SignatureForm, _CheckForm] = {
    SignatureForm.CALENDLY: _check_calendly,
    SignatureForm.CAL_COM: _check_cal_com,
    SignatureForm.DOCUSIGN: _check_docusign,
    SignatureForm.SVIX: _check_svix,
}

#: The header with the signature in each form, for the OpenAPI document.
OWN_HEADERS: Mapping[SignatureForm, str] = {
    SignatureForm.CALENDLY: "Calendly-Webhook-Signature",
    SignatureForm.CAL_COM: "X-Cal-Signature-256",
    SignatureForm.DOCUSIGN: "X-DocuSign-Signature-1",
    SignatureForm.SVIX: "svix-signature",
}


def _compare(expected: Iterable[str], claimed: Sequence[str]) -> bool:
    """Return True if one of the signatures is valid; otherwise raise ``InvalidSignature``.

    The time taken does not depend on which one is valid.
    """
    is_valid = False
    for signature in expected:
        for claim in claimed:
            is_valid |= hmac.compare_digest(signature.encode(), claim.encode())
    if not is_valid:
        raise InvalidSignature("the signature is wrong")
    return True


def _check_time(text: str, window: timedelta, now: datetime) -> datetime:
    """Return the time of a signature (``text`` is in seconds since 1970). Raises ``InvalidSignature``."""
    if not _SECONDS.fullmatch(text):
        raise InvalidSignature("the time of the signature is malformed")
    signed_at = datetime.fromtimestamp(int(text), tz=UTC)
    if signed_at < now - window:
        raise InvalidSignature("the signature is too old")
    if signed_at > now + window:
        raise InvalidSignature("the signature lies in the future")
    return signed_at


def _single_value(values_by_name: Mapping[str, list[str]], name: str) -> str:
    values = values_by_name.get(name, [])
    if len(values) != 1:
        raise InvalidSignature(f"{name} is missing" if not values else f"{name} is there more than once")
    return values[0]


def _decode(headers: Headers) -> dict[str, list[str]]:
    values_by_name: dict[str, list[str]] = {}
    for name, value in headers:
        values_by_name.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return values_by_name
