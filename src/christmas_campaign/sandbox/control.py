"""The control API under ``/_sandbox``: what arrived, what was asked, what is to go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.discord import Discord
from christmas_campaign.sandbox.faults import SERVICES
from christmas_campaign.sandbox.gate import Gate, Json, parse_json
from christmas_campaign.sandbox.notion.workspace import Workspace


class Control:
    """The endpoints; a wrong input is a 422 with a sentence in ``message``, and changes nothing."""

    def __init__(self, gate: Gate, workspace: Workspace, discord: Discord) -> None:
        """Take what is looked at and ordered about."""
        self._gate = gate
        self._workspace = workspace
        self._discord = discord

    def routes(self) -> list[Route]:
        """The routes, to be mounted under ``/_sandbox``."""
        table: list[tuple[str, str, Callable[[Request, Any], Any]]] = [
            ("GET", "/health", self._health),
            ("GET", "/mails", lambda _request, _body: self._gate.store.mails()),
            ("DELETE", "/mails", self._clear(self._gate.store.clear_mails)),
            ("GET", "/requests", self._requests),
            ("DELETE", "/requests", self._clear(self._gate.store.clear_requests)),
            ("GET", "/alerts", lambda _request, _body: self._gate.store.alerts()),
            ("DELETE", "/alerts", self._clear(self._gate.store.clear_alerts)),
            ("POST", "/faults", self._order),
            ("GET", "/faults", lambda _request, _body: [fault.as_json() for fault in self._gate.faults.listed()]),
            ("DELETE", "/faults", self._clear(self._gate.faults.clear)),
            ("GET", "/limits", lambda _request, _body: self._limits()),
            ("PUT", "/limits", self._set_limits),
            ("POST", "/discord-webhooks", self._webhook),
            ("POST", "/clock", self._advance),
            ("POST", "/reset", self._reset),
        ]
        return [Route(path, _endpoint(work), methods=[method]) for method, path, work in table]

    def _clear(self, work: Callable[[], None]) -> Callable[[Request, Any], Any]:
        def cleared(_request: Request, _body: Any) -> JsonObject:
            work()
            return {"cleared": True}

        return cleared

    def _health(self, _request: Request, _body: Any) -> JsonObject:
        return {
            "status": "ok",
            "now": self._gate.clock.iso(),
            "advanced_seconds": self._gate.clock.advanced,
            "mails": self._gate.store.count_mails(),
            "pages": len(self._workspace.pages),
        }

    def _requests(self, request: Request, _body: Any) -> list[JsonObject]:
        service = request.query_params.get("service")
        if service is not None and service not in SERVICES:
            raise ValueError(f"service must be one of {', '.join(SERVICES)}")
        return self._gate.store.requests(service)

    def _order(self, _request: Request, body: Any) -> JsonObject:
        return self._gate.faults.order(_fields(body)).as_json()

    def _limits(self) -> JsonObject:
        return {name: limit.as_json() for name, limit in self._gate.limits.items()}

    def _set_limits(self, _request: Request, body: Any) -> JsonObject:
        limits: dict[str, int | None] = {}
        for name, rate in _fields(body).items():
            if name not in SERVICES:
                raise ValueError(f"unknown service {name!r}; known are {', '.join(SERVICES)}")
            if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int) or rate < 1):
                raise ValueError(f"{name} must be a whole number of requests per second above 0, or null for no limit")
            limits[name] = rate
        for name, limit in limits.items():
            self._gate.limits[name].per_second = limit
        return self._limits()

    def _webhook(self, request: Request, body: Any) -> JsonObject:
        name = _fields(body).get("name", "Sandbox")
        if not isinstance(name, str) or not name:
            raise ValueError("name must be some text")
        return {"url": str(request.base_url).split("/_sandbox")[0].rstrip("/") + self._discord.make_webhook(name)}

    def _advance(self, _request: Request, body: Any) -> JsonObject:
        seconds = _fields(body).get("advance_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 10**9:
            raise ValueError("advance_seconds must be a number of seconds, not negative")
        self._gate.clock.advance(seconds)
        self._gate.store.set("clock_advanced", self._gate.clock.advanced)
        return {"now": self._gate.clock.iso(), "advanced_seconds": self._gate.clock.advanced}

    def _reset(self, _request: Request, body: Any) -> JsonObject:
        notion = _fields(body).get("notion", False)
        if not isinstance(notion, bool):
            raise ValueError("notion must be true or false")
        store = self._gate.store
        for clear in (store.clear_mails, store.clear_requests, store.clear_alerts, self._gate.faults.clear):
            clear()
        for limit in self._gate.limits.values():
            limit.reset()
        if notion:
            self._workspace.clear()
        return {"cleared": True}


def _fields(body: Any) -> JsonObject:
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")
    return body


def _endpoint(work: Callable[[Request, Any], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        try:
            try:
                body = parse_json(raw) if raw else None
            except (ValueError, RecursionError):
                raise ValueError("the body is not JSON") from None
            return Json(work(request, body))
        except ValueError as error:
            return Json({"message": str(error)}, status_code=422)

    return endpoint
