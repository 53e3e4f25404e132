"""The answers of the door: JSON that no cache stores and whose type no browser guesses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

#: The headers of every answer.
HEADERS: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class JsonAnswer(Response):
    """A JSON answer in ASCII."""

    media_type = "application/json"

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """``body`` is any JSON value; ``headers`` are added to those of every answer."""
        super().__init__(body, status_code=status, headers={**HEADERS, **(headers or {})})

    def render(self, content: Any) -> bytes:
        """Return the bytes of a JSON value."""
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


class Refusal(Exception):
    """The door refuses a request. Sender and log get ``message``, so it must not quote the request."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """``status`` is the HTTP status; ``headers`` are added to the answer."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    def answer(self) -> JsonAnswer:
        """Return the answer to the sender."""
        return JsonAnswer(self.status, {"status": "rejected", "message": self.message}, self.headers)


def retry_later(status: int, message: str, seconds: int) -> Refusal:
    """Return a refusal that asks the sender to call again in ``seconds``."""
    return Refusal(status, message, {"Retry-After": str(seconds)})


def invalid_body(problem: str) -> JsonAnswer:
    """Return the answer to a body that intake does not get to see, in the form of intake's own refusals."""
    return JsonAnswer(422, {"status": "rejected", "errors": [{"field": "body", "problem": problem}]})
