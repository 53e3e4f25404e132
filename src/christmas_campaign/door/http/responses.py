"""What the door answers: JSON, never stored, never guessed at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

#: On every answer.
HEADERS: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Answer(Response):
    """A JSON answer in ASCII."""

    media_type = "application/json"

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """Take the status, any JSON value, and further headers."""
        super().__init__(body, status_code=status, headers={**HEADERS, **(headers or {})})

    def render(self, content: Any) -> bytes:
        """The bytes of any JSON value."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


class Refusal(Exception):
    """A call is not taken: the status, why (for its sender and the log; nothing of the call is in it), and headers."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        """Take the status, the reason and further headers."""
        super().__init__(why)
        self.status = status
        self.why = why
        self.headers = headers or {}

    def answer(self) -> Answer:
        """What the sender is told."""
        return Answer(self.status, {"status": "rejected", "message": self.why}, self.headers)


def later(status: int, why: str, seconds: int) -> Refusal:
    """Return a refusal that asks the sender to come again in so many seconds."""
    return Refusal(status, why, {"Retry-After": str(seconds)})


def wrong_body(problem: str) -> Answer:
    """Return the answer to a body that intake is not even asked about, in the form of intake's own."""
    return Answer(422, {"status": "rejected", "errors": [{"field": "body", "problem": problem}]})
