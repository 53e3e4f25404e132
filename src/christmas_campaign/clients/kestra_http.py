"""Calls to Kestra's REST API: one client, and one plain sentence for whatever goes wrong."""

from __future__ import annotations

import functools
import ssl
from typing import Any, Self
from urllib.parse import quote

import httpx

from christmas_campaign.errors import CommandError


class KestraError(CommandError):
    """Kestra could not be reached, or refused; the message is one plain sentence, its own words included.

    ``status`` is the HTTP status, ``None`` where there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Calls:
    """Calls to the server at ``url`` (without a path); ``auth`` is a user and a password.

    Every method raises ``KestraError`` when the server cannot be reached, refuses, or does not know what is asked for.
    """

    def __init__(
        self, url: str, tenant: str = "main", auth: tuple[str, str] | None = None, timeout: float = 30
    ) -> None:
        self.url = url.rstrip("/")
        self._api = f"{self.url}/api/v1/{quote(tenant, safe='')}"
        self._http = httpx.Client(auth=auth, timeout=timeout, verify=_certificates())

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, f"{self._api}/{path}", **request)
        except httpx.HTTPError as error:
            raise KestraError(f"Kestra at {self.url} does not answer: {str(error) or type(error).__name__}") from error
        if answer.is_success:
            return answer
        if answer.status_code == 401:
            raise KestraError(f"Kestra at {self.url} asks for another user or password", 401)
        raise KestraError(_words(answer), answer.status_code)


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than a call."""
    return httpx.create_ssl_context()


def _words(answer: httpx.Response) -> str:
    """What Kestra says about an error, or the status where it says nothing."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    return str(message) if message else f"Kestra answered {answer.status_code}"
