"""The control API under ``/_sandbox``: tests read received data here, order faults, set rate limits and move the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.discord import DiscordService
from christmas_campaign.sandbox.faults import SERVICES
from christmas_campaign.sandbox.notion.workspace import Workspace
from christmas_campaign.sandbox.pipeline import AsciiJsonResponse, Pipeline, parse_json

# Takes the request and its JSON body (``None`` without a body), and returns the JSON answer.
Handler = Callable[[Request, Any], Any]


class ControlApi:
    """The endpoints. Invalid input is answered with 422 and a ``message``, and changes nothing."""

    def __init__(self, pipeline: Pipeline, workspace: Workspace, discord: DiscordService) -> None:
        """Take the objects that the endpoints read and change."""
        self._pipeline = pipeline
        self._workspace = workspace
        self._discord = discord

    def routes(self) -> list[Route]:
        """Return the routes to mount under ``/_sandbox``."""
        handlers: list[tuple[str, str, Handler]] = [
            ("GET", "/health", self._health),
            ("GET", "/mails", lambda _request, _body: self._pipeline.store.mails()),
            ("DELETE", "/mails", self._clear(self._pipeline.store.clear_mails)),
            ("GET", "/requests", self._requests),
            ("DELETE", "/requests", self._clear(self._pipeline.store.clear_requests)),
            ("GET", "/alerts", lambda _request, _body: self._pipeline.store.alerts()),
            ("DELETE", "/alerts", self._clear(self._pipeline.store.clear_alerts)),
            ("POST", "/faults", self._add_fault),
            ("GET", "/faults", lambda _request, _body: [fault.as_json() for fault in self._pipeline.faults.all()]),
            ("DELETE", "/faults", self._clear(self._pipeline.faults.clear)),
            ("GET", "/limits", lambda _request, _body: self._limits()),
            ("PUT", "/limits", self._set_limits),
            ("PUT", "/notion", self._set_notion),
            ("POST", "/discord-webhooks", self._make_webhook),
            ("POST", "/clock", self._advance_clock),
            ("POST", "/reset", self._reset),
        ]
        return [Route(path, _endpoint(handler), methods=[method]) for method, path, handler in handlers]

    def _clear(self, clear: Callable[[], None]) -> Handler:
        def handler(_request: Request, _body: Any) -> JsonObject:
            clear()
            return {"cleared": True}

        return handler

    def _health(self, _request: Request, _body: Any) -> JsonObject:
        return {
            "status": "ok",
            "now": self._pipeline.clock.iso(),
            "advanced_seconds": self._pipeline.clock.advanced,
            "mails": self._pipeline.store.count_mails(),
            "pages": len(self._workspace.pages),
        }

    def _requests(self, request: Request, _body: Any) -> list[JsonObject]:
        service = request.query_params.get("service")
        if service is not None and service not in SERVICES:
            raise ValueError(f"service must be one of {', '.join(SERVICES)}")
        return self._pipeline.store.requests(service)

    def _add_fault(self, _request: Request, body: Any) -> JsonObject:
        return self._pipeline.faults.add(_fields(body)).as_json()

    def _limits(self) -> JsonObject:
        return {name: limit.as_json() for name, limit in self._pipeline.limits.items()}

    def _set_limits(self, _request: Request, body: Any) -> JsonObject:
        limits: dict[str, int | None] = {}
        for name, rate in _fields(body).items():
            if name not in SERVICES:
                raise ValueError(f"unknown service {name!r}; use {', '.join(SERVICES)}")
            if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int) or rate < 1):
                raise ValueError(f"{name} must be a whole number of requests per second above 0, or null for no limit")
            limits[name] = rate
        for name, limit in limits.items():
            self._pipeline.limits[name].per_second = limit
        return self._limits()

    def _set_notion(self, _request: Request, body: Any) -> JsonObject:
        case_sensitive = _fields(body).get("case_sensitive")
        if not isinstance(case_sensitive, bool):
            raise ValueError("case_sensitive must be true or false")
        self._workspace.case_sensitive = case_sensitive
        return {"case_sensitive": case_sensitive}

    def _make_webhook(self, request: Request, body: Any) -> JsonObject:
        name = _fields(body).get("name", "Sandbox")
        if not isinstance(name, str) or not name:
            raise ValueError("name must be a non-empty string")
        return {"url": str(request.base_url).split("/_sandbox")[0].rstrip("/") + self._discord.make_webhook(name)}

    def _advance_clock(self, _request: Request, body: Any) -> JsonObject:
        seconds = _fields(body).get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 10**9:
            raise ValueError("advance_seconds must be a number of seconds from 0 to 1000000000")
        self._pipeline.clock.advance(seconds)
        self._pipeline.store.set("clock_advanced", self._pipeline.clock.advanced)
        return {"now": self._pipeline.clock.iso(), "advanced_seconds": self._pipeline.clock.advanced}

    def _reset(self, _request: Request, body: Any) -> JsonObject:
        notion = _fields(body).get("notion", False)
        if not isinstance(notion, bool):
            raise ValueError("notion must be true or false")
        store = self._pipeline.store
        for clear in (store.clear_mails, store.clear_requests, store.clear_alerts, self._pipeline.faults.clear):
            clear()
        for limit in self._pipeline.limits.values():
            limit.reset()
        self._workspace.case_sensitive = True
        if notion:
            self._workspace.clear()
        return {"cleared": True}


def _fields(body: Any) -> JsonObject:
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


def _endpoint(handler: Handler) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            try:
                body = parse_json(raw) if raw else None
            except (ValueError, RecursionError):
                raise ValueError("the body is not JSON") from None
            return AsciiJsonResponse(handler(request, body))
        except ValueError as error:
            return AsciiJsonResponse({"message": str(error)}, status_code=422)

    return endpoint
