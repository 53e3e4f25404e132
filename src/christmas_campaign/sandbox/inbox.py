"""The inbox for people: the mails that arrived, as their readers would see them, and nothing of them ever run."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from christmas_campaign.sandbox import inbox_html
from christmas_campaign.sandbox.store import Store

REFRESH_SECONDS = 3
MOST_LISTED = 500
_COMMON = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
# The inbox itself has no script either, so none that slips in could run.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# For a mail that is opened outside its frame as well: no script, nothing loaded from anywhere, an origin of its own.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


class Inbox:
    """The pages."""

    def __init__(self, store: Store) -> None:
        """Take where the mails are kept."""
        self._store = store

    def routes(self) -> list[Route]:
        """The routes, to be mounted at the root."""
        return [
            Route("/", self._list),
            Route("/mail/{mail_id}", self._mail),
            Route("/mail/{mail_id}/html", self._html),
        ]

    async def _list(self, request: Request) -> Response:
        refresh = None if request.query_params.get("refresh") == "off" else REFRESH_SECONDS
        mails, count = self._store.latest_mails(MOST_LISTED), self._store.count_mails()
        return _html(inbox_html.listing(mails, count, refresh=refresh), PAGE_POLICY)

    async def _mail(self, request: Request) -> Response:
        mail = self._store.mail(request.path_params["mail_id"])
        if mail is None:
            return _html(inbox_html.missing(), PAGE_POLICY, status=404)
        return _html(inbox_html.message(mail), PAGE_POLICY)

    async def _html(self, request: Request) -> Response:
        mail = self._store.mail(request.path_params["mail_id"])
        if mail is None or not mail["html"]:
            return _html(inbox_html.missing(), PAGE_POLICY, status=404)
        return _html(str(mail["html"]), MAIL_POLICY)


def _html(content: str, policy: str, *, status: int = 200) -> Response:
    # Half an emoji cannot be said in UTF-8; it is shown as a question mark, not as an error.
    body = content.encode("utf-8", errors="replace")
    return HTMLResponse(body, status_code=status, headers={**_COMMON, "Content-Security-Policy": policy})
