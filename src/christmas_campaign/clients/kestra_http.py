"""HTTP requests to Kestra's REST API; every failure becomes a ``KestraError`` with a one-sentence message."""

from __future__ import annotations

import functools
import ssl
from typing import Any, Self
from urllib.parse import quote

import httpx

from christmas_campaign.errors import CommandError


class KestraError(CommandError):
    """Kestra could not be reached, or it refused the request. The message includes Kestra's own reason.

    ``status`` is the HTTP status, ``None`` when there was no response.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Calls:
    """A connection to the server at ``url`` (without a path); ``auth`` is a user and a password, ``timeout`` is in seconds.

    Every method raises ``KestraError`` when the server cannot be reached or does not answer with a 2xx status.
    """

    def __init__(
        self, url: str, tenant: str = "main", auth: tuple[str, str] | None = None, timeout: float = 30
    ) -> None:
        self.url = url.rstrip("/")
        self._api = f"{self.url}/api/v1/{quote(tenant, safe='')}"
        self._http = httpx.Client(auth=auth, timeout=timeout, verify=_certificates())

    def close(self) -> None:
        """Close the open connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, f"{self._api}/{path}", **request)
        except httpx.HTTPError as error:
            raise KestraError(f"Kestra at {self.url} does not answer: {str(error) or type(error).__name__}") from error
        if response.is_success:
            return response
        if response.status_code == 401:
            raise KestraError(
                f"Kestra at {self.url} refused the user or the password: check KESTRA_USERNAME and KESTRA_PASSWORD", 401
            )
        raise KestraError(_reason(response), response.status_code)


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read the system's certificates, once: reading takes longer than a request."""
    return httpx.create_ssl_context()


def _reason(response: httpx.Response) -> str:
    """Return Kestra's message about an error, or a sentence with the status if there is no message."""
    try:
        body = response.json()
    except ValueError:
        body = None
    message = body.get("message") if isinstance(body, dict) else None
    return str(message) if message else f"Kestra answered {response.status_code}"
