"""CORS: which answers a browser may show to a website, for the origins that were set and no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from starlette.datastructures import Headers

#: What a website sends beside the body; anything else in a preflight is refused by the browser.
ALLOWED_HEADERS = "content-type, webhook-id, webhook-timestamp, webhook-signature"


def headers(origins: Collection[str], request: Headers) -> dict[str, str]:
    """Return the headers for the answer to any request; none at all where no origin was set."""
    if not origins:
        return {}
    origin = request.get("origin")
    if origin is None or origin not in origins:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}


def preflight(
    methods: Sequence[str], method: str, request: Headers, allowed: Mapping[str, str]
) -> dict[str, str] | None:
    """Return what the answer to a preflight has besides ``allowed`` (what ``headers`` gave); ``None`` if this is none."""
    asks = method == "OPTIONS" and "access-control-request-method" in request
    if not asks or "Access-Control-Allow-Origin" not in allowed:
        return None
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": "600",
    }
