"""The stand-in for Resend's HTTP API: it stores each e-mail once and never sends it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import uuid
from typing import Any

from starlette.requests import Request

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.faults import Fault, RateLimit, whole_seconds
from christmas_campaign.sandbox.pipeline import Pipeline, ServiceCall, ServiceResponse, parse_json
from christmas_campaign.sandbox.resend_rules import ResendError, check_key, read_email

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


class ResendService:
    """The service behind the ``/resend`` prefix."""

    name = "resend"

    def __init__(self, pipeline: Pipeline, key: str) -> None:
        """Take the pipeline, which holds the store and the clock, and the API key that callers must send."""
        self._pipeline = pipeline
        self._key = key
        self._keys_in_progress: set[str] = set()

    async def answer(self, call: ServiceCall) -> ServiceResponse:
        """Return Resend's answer to a call."""
        try:
            return ServiceResponse(200, await self._handle(call))
        except ResendError as error:
            return _error(error.status, error.name, error.message)

    def too_many(self, wait: float, limit: RateLimit) -> ServiceResponse:
        """Return a 429 with the whole seconds to wait."""
        seconds = str(whole_seconds(wait))
        headers = {
            "retry-after": seconds,
            "ratelimit-limit": str(limit.per_second),
            "ratelimit-remaining": "0",
            "ratelimit-reset": seconds,
        }
        message = f"Too many requests. You can only make {limit.per_second} requests per second."
        return _error(429, "rate_limit_exceeded", message, headers)

    def failure(self, fault: Fault) -> ServiceResponse:
        """Return the answer of a ``status`` fault, with Resend's error name for the status."""
        headers = {"retry-after": str(fault.retry_after)} if fault.status in (429, 503) else {}
        if fault.body is not None:
            return ServiceResponse(fault.status, fault.body, headers)
        name = _NAMES.get(fault.status, "application_error")
        return _error(fault.status, name, "A fault in the sandbox made this call fail.", headers)

    async def _handle(self, call: ServiceCall) -> JsonObject:
        request = call.request
        self._check_headers(request)
        path = request.url.path.removeprefix("/resend")
        email_match = re.fullmatch(r"/emails/([^/]+)", path)
        if path == "/emails" and request.method == "POST":
            return await self._send(call)
        await call.pause("before")
        if email_match and request.method == "GET":
            return self._retrieve(email_match[1])
        if path == "/emails" or email_match:
            raise ResendError(405, "method_not_allowed", "Method is not allowed for the requested path.")
        raise ResendError(404, "not_found", "The requested endpoint does not exist.")

    def _check_headers(self, request: Request) -> None:
        if not request.headers.get("user-agent"):
            # The real API is behind Cloudflare, which refuses calls without a User-Agent.
            raise ResendError(403, "forbidden", "error code: 1010")
        authorization = request.headers.get("authorization")
        if not authorization:
            raise ResendError(401, "missing_api_key", "Missing API key in the authorization header.")
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), self._key.encode()):
            raise ResendError(403, "invalid_api_key", "API key is invalid.")

    async def _send(self, call: ServiceCall) -> JsonObject:
        key = call.request.headers.get("idempotency-key")
        if key is not None:
            check_key(key)
        try:
            body = parse_json(call.raw)
        except (ValueError, RecursionError):
            raise ResendError(400, "validation_error", "The request body is not valid JSON.") from None
        mail = read_email(body)
        if key is None:
            await call.pause("before")
            return self._store_mail(mail, None)
        fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        stored = self._pipeline.store.idempotent_answer(key, not_before=self._pipeline.clock.timestamp() - KEY_SECONDS)
        if stored is not None and key not in self._keys_in_progress:
            await call.pause("before")
            if stored[0] != fingerprint:
                raise ResendError(
                    409,
                    "invalid_idempotent_request",
                    "This idempotency key was used with another request body within the last 24 hours.",
                )
            return stored[1]
        if key in self._keys_in_progress:
            raise ResendError(
                409,
                "concurrent_idempotent_requests",
                "Another request with this idempotency key is still in progress.",
            )
        # The first call is in progress until its answer is sent, ordered latency included.
        self._keys_in_progress.add(key)
        try:
            await call.pause("before")
            answer = self._store_mail(mail, key)
            self._pipeline.store.put_idempotent_answer(key, fingerprint, answer, at=self._pipeline.clock.timestamp())
            await call.pause("after")
        finally:
            self._keys_in_progress.discard(key)
        return answer

    def _store_mail(self, mail: dict[str, Any], key: str | None) -> JsonObject:
        mail_id = str(uuid.uuid4())
        stored = {"id": mail_id, "received_at": self._pipeline.clock.iso(), **mail, "idempotency_key": key}
        self._pipeline.store.add_mail(stored)
        return {"id": mail_id}

    def _retrieve(self, mail_id: str) -> JsonObject:
        try:
            mail_id = str(uuid.UUID(mail_id))
        except ValueError:
            raise ResendError(422, "validation_error", "The `id` must be a valid UUID.") from None
        mail = self._pipeline.store.mail(mail_id)
        if mail is None:
            raise ResendError(404, "not_found", "Email not found")
        mail_fields = {
            name: mail[name] for name in ("from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "tags")
        }
        return {
            "object": "email",
            "id": mail_id,
            "message_id": f"<{mail_id}@sandbox.invalid>",
            "created_at": mail["received_at"],
            "last_event": "delivered",
            "scheduled_at": None,
            **mail_fields,
        }


def _error(status: int, name: str, message: str, headers: dict[str, str] | None = None) -> ServiceResponse:
    return ServiceResponse(status, {"statusCode": status, "name": name, "message": message}, headers or {})
