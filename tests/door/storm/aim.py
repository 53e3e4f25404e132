"""The door that a storm attacks: its settings, and valid requests to start from."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS

#: Part of every address and secret of a storm. The door's log must not contain it.
MARK = "hush-hush"

#: The signing secrets by sequence; the others are not signed.
SECRETS: Mapping[str, str] = {name: f"{MARK}: the secret of {name}" for name in ("signup", "noshow", "onboarding")}

#: The door's settings with these secrets.
SIGNING = {
    "SIGNING_WEBSITE": SECRETS["signup"],
    "SIGNING_CALENDLY": SECRETS["noshow"],
    "SIGNING_DOCUSIGN": SECRETS["onboarding"],
}

#: Shortens all time limits of the door, so that a storm can have many slow clients.
SHORT_LIMITS = """
import christmas_campaign.door.http.protocol as protocol, christmas_campaign.door.http.body_reader as body_reader
import christmas_campaign.door.server as server
protocol.HEAD_SECONDS = 0.8
server.IDLE_SECONDS = 0.3
body_reader.BODY_SECONDS = 0.8
body_reader.LINGER_SECONDS = 0.3
"""


@dataclass(frozen=True)
class Aim:
    """The webhook keys by sequence. One call in ``good_in`` has a valid body."""

    keys: Mapping[str, str]
    good_in: int = 2

    def paths(self, sequence: str) -> tuple[str, str]:
        """Return both paths of a sequence."""
        return PUBLIC_PATHS[sequence], KESTRA_PATHS[sequence] + self.keys[sequence]


def length(body: bytes) -> bytes:
    return b"Content-Length: %d" % len(body)


def request(
    path: str | bytes,
    lines: Sequence[bytes] = (),
    body: bytes = b"",
    *,
    method: bytes = b"POST",
    version: bytes = b"HTTP/1.1",
    host: Sequence[bytes] = (b"Host: door.example.com",),
    close: bool = True,
) -> bytes:
    """Return the bytes of a request with exactly these header lines; the caller adds the length of the body."""
    target = path.encode() if isinstance(path, str) else path
    ending = (b"Connection: close",) if close else ()
    return b"\r\n".join([b"%s %s %s" % (method, target, version), *host, *lines, *ending, b"", body])


def signed(sequence: str, body: bytes, *, secret: str | None = None) -> list[bytes]:
    """Return the header lines with which the sender of a sequence signs a body."""
    if sequence not in SECRETS:
        return []
    key = (secret or SECRETS[sequence]).encode()
    now = datetime.now(UTC)
    seconds = int(now.timestamp())
    if sequence == "noshow":
        signature = hmac.new(key, b"%d." % seconds + body, hashlib.sha256).hexdigest()
        return [f"Calendly-Webhook-Signature: t={seconds},v1={signature}".encode()]
    if sequence == "onboarding":
        signature = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
        return [f"X-DocuSign-Signature-1: {signature}".encode()]
    # A body that is not text cannot be signed in this form, so any signature of it is wrong.
    signature = Webhook(key).sign("msg_1", now, body.decode("utf-8", "replace"))
    values = {"id": "msg_1", "timestamp": seconds, "signature": signature}
    return [f"webhook-{header}: {value}".encode() for header, value in values.items()]
