"""Notion's error answers: a status, a code and a message."""

from __future__ import annotations

import json
import uuid
from typing import Any

from christmas_campaign.sandbox.pipeline import ServiceResponse

# The code for a ``status`` fault, which orders only the status.
CODES = {
    400: "validation_error",
    401: "unauthorized",
    403: "restricted_resource",
    404: "object_not_found",
    409: "conflict_error",
    429: "rate_limited",
    500: "internal_server_error",
    502: "service_unavailable",
    503: "service_unavailable",
    504: "gateway_timeout",
}


class NotionError(Exception):
    """A refused call, with the fields of Notion's answer."""

    def __init__(self, status: int, code: str, message: str, additional: dict[str, Any] | None = None) -> None:
        """Take the HTTP status, Notion's error code, the message, and the answer's ``additional_data``."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.additional = additional

    def answer(self, headers: dict[str, str] | None = None) -> ServiceResponse:
        """Return the answer in Notion's error format."""
        body: dict[str, Any] = {"object": "error", "status": self.status, "code": self.code, "message": self.message}
        if self.additional is not None:
            body["additional_data"] = self.additional
        body["request_id"] = str(uuid.uuid4())
        return ServiceResponse(self.status, body, headers or {})


def invalid(message: str) -> NotionError:
    """Return a 400 ``validation_error`` with this message."""
    return NotionError(400, "validation_error", message)


def malformed(where: str, problem: str, value: object = ...) -> NotionError:
    """Return a 400 for an invalid body.

    The message contains the place in the body (``where``), what should be there (``problem``) and the ``value`` instead.
    """
    instead = ""
    if value is not ...:
        instead = f", instead was `{json.dumps(value, ensure_ascii=False)[:200]}`"
    return invalid(f"body failed validation: {where} {problem}{instead}.")


def not_found(kind: str, object_id: str) -> NotionError:
    """Return a 404 for an id that no object of this kind has."""
    return NotionError(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {object_id}. It does not exist or is not shared with this connection.",
    )
