"""The ASGI app: the three services, the control API and the inbox pages, each under its own path."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from christmas_campaign.sandbox.clock import Clock
from christmas_campaign.sandbox.control import ControlApi
from christmas_campaign.sandbox.discord import DiscordService, hide_token
from christmas_campaign.sandbox.inbox import InboxPages
from christmas_campaign.sandbox.notion.api import NotionService
from christmas_campaign.sandbox.notion.workspace import Workspace
from christmas_campaign.sandbox.pipeline import AsciiJsonResponse, Pipeline
from christmas_campaign.sandbox.resend import ResendService
from christmas_campaign.sandbox.store import Store

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def make_app(store: Store, *, notion_token: str, resend_key: str) -> Starlette:
    """Return the app on an open ``store``. Calls to Notion must carry ``notion_token``, calls to Resend ``resend_key``."""
    clock = Clock(advanced=store.setting("clock_advanced") or 0.0)
    pipeline = Pipeline(store, clock)
    workspace = Workspace(store, clock)
    discord = DiscordService(pipeline)
    notion = NotionService(pipeline, workspace, notion_token)
    resend = ResendService(pipeline, resend_key)
    return Starlette(
        routes=[
            # A service receives every path under its prefix and answers unknown paths in its own error format.
            Route("/notion{path:path}", pipeline.route(notion), methods=METHODS),
            Route("/resend{path:path}", pipeline.route(resend), methods=METHODS),
            Route("/discord{path:path}", pipeline.route(discord, hide_token), methods=METHODS),
            Mount("/_sandbox", routes=ControlApi(pipeline, workspace, discord).routes()),
            *InboxPages(store).routes(),
        ],
        exception_handlers={404: _unknown_path, 405: _unknown_path},
    )


async def _unknown_path(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return AsciiJsonResponse({"message": f"{request.method} {request.url.path} is not known here"}, status_code=status)
