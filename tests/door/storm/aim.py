"""What a storm is aimed at: the addresses, the secrets, and requests as they are right but for one thing."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from christmas_campaign.door.routes import KESTRA_PATHS, PUBLIC_PATHS

#: In each address and hidden text of a storm: it must not be in the door's log.
MARK = "hush-hush"

#: What the senders sign with; the CRM signs nothing.
SECRETS: Mapping[str, str] = {
    "signup": f"{MARK}: what the website signs with",
    "noshow": f"{MARK}: what Calendly signs with",
    "onboarding": f"{MARK}: what DocuSign signs with",
}

#: The door's settings for these.
SIGNING = {
    "SIGNING_WEBSITE": SECRETS["signup"],
    "SIGNING_CALENDLY": SECRETS["noshow"],
    "SIGNING_DOCUSIGN": SECRETS["onboarding"],
}

#: A door in which everything that takes seconds takes less, so that slow senders are many in little time.
HURRIED = """
import christmas_campaign.door.http.protocol as protocol, christmas_campaign.door.http.body_reader as reading
import christmas_campaign.door.server as server
protocol.HEAD_SECONDS = 0.8
server.IDLE_SECONDS = 0.3
reading.BODY_SECONDS = 0.8
reading.LINGER_SECONDS = 0.3
"""


@dataclass(frozen=True)
class Aim:
    """A door: the webhooks' keys by sequence; of the calls that are right but for their bodies, one in ``good_in`` has a
    good one."""

    keys: Mapping[str, str]
    good_in: int = 2

    def paths(self, sequence: str) -> tuple[str, str]:
        """Both addresses of a sequence."""
        return PUBLIC_PATHS[sequence], KESTRA_PATHS[sequence] + self.keys[sequence]


def length(body: bytes) -> bytes:
    """The header with the length of a body."""
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
    """The bytes of a request with these header lines, as they are given: the length of the body is the caller's to say."""
    target = path.encode() if isinstance(path, str) else path
    ending = (b"Connection: close",) if close else ()
    return b"\r\n".join([b"%s %s %s" % (method, target, version), *host, *lines, *ending, b"", body])


def signed(
    sequence: str, body: bytes, *, secret: str | None = None, late: timedelta = timedelta(0), name: str = "msg_1"
) -> list[bytes]:
    """The header lines with which the sender of a sequence signs a body, ``late`` ago."""
    known = SECRETS.get(sequence)
    if known is None:
        return []
    key = (known if secret is None else secret).encode()
    at = datetime.now(UTC) - late
    seconds = int(at.timestamp())
    if sequence == "noshow":
        right = hmac.new(key, b"%d." % seconds + body, hashlib.sha256).hexdigest()
        return [f"Calendly-Webhook-Signature: t={seconds},v1={right}".encode()]
    if sequence == "onboarding":
        right = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
        return [f"X-DocuSign-Signature-1: {right}".encode()]
    # A body that is no text cannot be signed in this form: whatever stands here is wrong then.
    right = Webhook(key).sign(name, at, body.decode("utf-8", "replace"))
    return [
        f"webhook-id: {name}".encode(),
        f"webhook-timestamp: {seconds}".encode(),
        f"webhook-signature: {right}".encode(),
    ]
