"""Resend's HTTP API: an e-mail is taken once, kept, and never sent anywhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from typing import Any

from starlette.requests import Request

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.faults import Fault, Limit, whole_seconds
from christmas_campaign.sandbox.gate import Answer, Call, Gate, parse_json
from christmas_campaign.sandbox.resend_rules import ResendError, check_key, read

KEY_SECONDS = 24 * 60 * 60
_NAMES = {
    400: "validation_error",
    401: "missing_api_key",
    403: "invalid_api_key",
    404: "not_found",
    405: "method_not_allowed",
    409: "concurrent_idempotent_requests",
    422: "validation_error",
    429: "rate_limit_exceeded",
}


class Resend:
    """The service."""

    name = "resend"

    def __init__(self, gate: Gate, key: str) -> None:
        """Take what it works on, and the API key that callers must know."""
        self._gate = gate
        self._key = key
        self._running: set[str] = set()

    async def answer(self, call: Call) -> Answer:
        """The answer to a call."""
        try:
            return Answer(200, await self._work(call))
        except ResendError as error:
            return _refused(error.status, error.name, error.message)

    def too_many(self, wait: float, limit: Limit) -> Answer:
        """A 429, with the whole seconds to wait."""
        seconds = str(whole_seconds(wait))
        headers = {
            "retry-after": seconds,
            "ratelimit-limit": str(limit.per_second),
            "ratelimit-remaining": "0",
            "ratelimit-reset": seconds,
        }
        message = f"Too many requests. You can only make {limit.per_second} requests per second."
        return _refused(429, "rate_limit_exceeded", message, headers)

    def failure(self, fault: Fault) -> Answer:
        """The status that was ordered, with the name that goes with it."""
        headers = {"retry-after": str(fault.retry_after)} if fault.status in (429, 503) else {}
        if fault.body is not None:
            return Answer(fault.status, fault.body, headers)
        name = _NAMES.get(fault.status, "application_error")
        return _refused(fault.status, name, "The sandbox was asked to fail here.", headers)

    async def _work(self, call: Call) -> JsonObject:
        request = call.request
        self._check_headers(request)
        path = request.url.path.removeprefix("/resend")
        one = re.fullmatch(r"/emails/([^/]+)", path)
        if path == "/emails" and request.method == "POST":
            return await self._send(call)
        await call.pause("before")
        if one and request.method == "GET":
            return self._retrieve(one[1])
        if path == "/emails" or one:
            raise ResendError(405, "method_not_allowed", "Method is not allowed for the requested path.")
        raise ResendError(404, "not_found", "The requested endpoint does not exist.")

    def _check_headers(self, request: Request) -> None:
        if not request.headers.get("user-agent"):
            # The real one is behind a guard that turns away programs that do not say what they are.
            raise ResendError(403, "forbidden", "error code: 1010")
        given = request.headers.get("authorization")
        if not given:
            raise ResendError(401, "missing_api_key", "Missing API key in the authorization header.")
        scheme, _, key = given.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), self._key.encode()):
            raise ResendError(403, "invalid_api_key", "API key is invalid.")

    async def _send(self, call: Call) -> JsonObject:
        key = call.request.headers.get("idempotency-key")
        if key is not None:
            check_key(key)
        try:
            body = parse_json(call.raw)
        except (ValueError, RecursionError):
            raise ResendError(400, "validation_error", "The request body is not valid JSON.") from None
        mail = read(body)
        if key is None:
            await call.pause("before")
            return self._take(mail, None)
        fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        kept = self._gate.store.answer_kept(key, not_before=self._gate.clock.timestamp() - KEY_SECONDS)
        if kept is not None and key not in self._running:
            await call.pause("before")
            if kept[0] != fingerprint:
                raise ResendError(
                    409,
                    "invalid_idempotent_request",
                    "This idempotency key was used with another request body within the last 24 hours.",
                )
            return kept[1]
        if key in self._running:
            raise ResendError(
                409,
                "concurrent_idempotent_requests",
                "Another request with this idempotency key is still in progress.",
            )
        # Held until the answer goes out, latency included: that is how long the first call is running.
        self._running.add(key)
        try:
            await call.pause("before")
            answer = self._take(mail, key)
            self._gate.store.keep_answer(key, fingerprint, answer, at=self._gate.clock.timestamp())
            await call.pause("after")
        finally:
            self._running.discard(key)
        return answer

    def _take(self, mail: dict[str, Any], key: str | None) -> JsonObject:
        mail_id = str(uuid.uuid4())
        received = {"id": mail_id, "received_at": self._gate.clock.iso(), **mail, "idempotency_key": key}
        self._gate.store.add_mail(received)
        return {"id": mail_id}

    def _retrieve(self, mail_id: str) -> JsonObject:
        try:
            mail_id = str(uuid.UUID(mail_id))
        except ValueError:
            raise ResendError(422, "validation_error", "The `id` must be a valid UUID.") from None
        mail = self._gate.store.mail(mail_id)
        if mail is None:
            raise ResendError(404, "not_found", "Email not found")
        shown = {
            name: mail[name] for name in ("from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "tags")
        }
        return {
            "object": "email",
            "id": mail_id,
            "message_id": f"<{mail_id}@sandbox.invalid>",
            "created_at": mail["received_at"],
            "last_event": "delivered",
            "scheduled_at": None,
            **shown,
        }


def _refused(status: int, name: str, message: str, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, {"statusCode": status, "name": name, "message": message}, headers or {})
