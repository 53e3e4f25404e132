"""The app: the services under their prefixes, the control API, and the inbox for people."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from christmas_campaign.sandbox.clock import Clock
from christmas_campaign.sandbox.control import Control
from christmas_campaign.sandbox.discord import Discord, hide_token
from christmas_campaign.sandbox.gate import Gate, Json
from christmas_campaign.sandbox.inbox import Inbox
from christmas_campaign.sandbox.notion.api import Notion
from christmas_campaign.sandbox.notion.workspace import Workspace
from christmas_campaign.sandbox.resend import Resend
from christmas_campaign.sandbox.store import Store

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def make_app(store: Store, *, notion_token: str, resend_key: str) -> Starlette:
    """The app on an open ``store``; callers of Notion and Resend must know the token and the key."""
    clock = Clock(advanced=store.setting("clock_advanced") or 0.0)
    gate = Gate(store, clock)
    workspace = Workspace(store, clock)
    discord = Discord(gate)
    notion = Notion(gate, workspace, notion_token)
    resend = Resend(gate, resend_key)
    return Starlette(
        routes=[
            # Every path under a prefix belongs to the service, which says itself what it does not know.
            Route("/notion{path:path}", gate.route(notion), methods=METHODS),
            Route("/resend{path:path}", gate.route(resend), methods=METHODS),
            Route("/discord{path:path}", gate.route(discord, hide_token), methods=METHODS),
            Mount("/_sandbox", routes=Control(gate, workspace, discord).routes()),
            *Inbox(store).routes(),
        ],
        exception_handlers={404: _nothing_here, 405: _nothing_here},
    )


async def _nothing_here(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return Json({"message": f"{request.method} {request.url.path} is not known here"}, status_code=status)
