"""What Notion answers when it refuses: a status, a code and a sentence."""

from __future__ import annotations

import json
import uuid
from typing import Any

from christmas_campaign.sandbox.gate import Answer

# The code that goes with a status where a test orders the status alone.
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
    """A call that is refused, with everything that the answer says."""

    def __init__(self, status: int, code: str, message: str, additional: dict[str, Any] | None = None) -> None:
        """Take the HTTP status, Notion's code, the message, and what the answer adds to it."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.additional = additional

    def answer(self, headers: dict[str, str] | None = None) -> Answer:
        """The answer in Notion's own shape."""
        body: dict[str, Any] = {"object": "error", "status": self.status, "code": self.code, "message": self.message}
        if self.additional is not None:
            body["additional_data"] = self.additional
        body["request_id"] = str(uuid.uuid4())
        return Answer(self.status, body, headers or {})


def invalid(message: str) -> NotionError:
    """A 400 ``validation_error`` with this sentence."""
    return NotionError(400, "validation_error", message)


def malformed(where: str, problem: str, value: object = ...) -> NotionError:
    """A 400 for a body of the wrong shape: where in the body, what should be there, and what was there instead."""
    instead = ""
    if value is not ...:
        instead = f", instead was `{json.dumps(value, ensure_ascii=False)[:200]}`"
    return invalid(f"body failed validation: {where} {problem}{instead}.")


def not_found(kind: str, object_id: str) -> NotionError:
    """A 404 for an id that nothing, or a thing of another kind, is known under."""
    return NotionError(
        404,
        "object_not_found",
        f"Could not find {kind} with ID: {object_id}. It does not exist or is not shared with this connection.",
    )
