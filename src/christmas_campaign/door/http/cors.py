"""CORS: lets browsers send calls from the websites in ``DOOR_ORIGINS``, and from no others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from starlette.datastructures import Headers

#: The request headers that a website may send. The browser refuses to send any other.
ALLOWED_HEADERS = "content-type, webhook-id, webhook-timestamp, webhook-signature"


def headers(origins: Collection[str], request: Headers) -> dict[str, str]:
    """Return the CORS headers for the answer to any request. There are none if no origin is set."""
    if not origins:
        return {}
    origin = request.get("origin")
    if origin is None or origin not in origins:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}


def preflight_headers(
    methods: Sequence[str], method: str, request: Headers, cors_headers: Mapping[str, str]
) -> dict[str, str] | None:
    """Return the further headers for the answer to a preflight, or ``None`` if the request is not an allowed preflight.

    ``methods`` are those of the route; ``cors_headers`` is the result of ``headers`` for this request.
    """
    is_preflight = method == "OPTIONS" and "access-control-request-method" in request
    if not is_preflight or "Access-Control-Allow-Origin" not in cors_headers:
        return None
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": "600",
    }
