"""The inbox pages: people see the received e-mails as their readers would. Nothing in an e-mail is ever run."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from christmas_campaign.sandbox import inbox_html
from christmas_campaign.sandbox.store import Store

REFRESH_SECONDS = 3
MOST_LISTED = 500
_COMMON = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
# The inbox pages have no script of their own, so a script that got in could not run.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# This policy also protects an e-mail that is opened outside its frame: no scripts, nothing loaded, an origin of its own.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


class InboxPages:
    """The list of e-mails, one page for each e-mail, and its HTML for the frame."""

    def __init__(self, store: Store) -> None:
        """Take the store that holds the e-mails."""
        self._store = store

    def routes(self) -> list[Route]:
        """Return the routes to mount at the root."""
        return [
            Route("/", self._list),
            Route("/mail/{mail_id}", self._mail),
            Route("/mail/{mail_id}/html", self._html),
        ]

    async def _list(self, request: Request) -> Response:
        refresh = None if request.query_params.get("refresh") == "off" else REFRESH_SECONDS
        mails, count = self._store.latest_mails(MOST_LISTED), self._store.count_mails()
        return _html(inbox_html.list_page(mails, count, refresh=refresh), PAGE_POLICY)

    async def _mail(self, request: Request) -> Response:
        mail = self._store.mail(request.path_params["mail_id"])
        if mail is None:
            return _html(inbox_html.not_found_page(), PAGE_POLICY, status=404)
        return _html(inbox_html.mail_page(mail), PAGE_POLICY)

    async def _html(self, request: Request) -> Response:
        mail = self._store.mail(request.path_params["mail_id"])
        if mail is None or not mail["html"]:
            return _html(inbox_html.not_found_page(), PAGE_POLICY, status=404)
        return _html(str(mail["html"]), MAIL_POLICY)


def _html(content: str, policy: str, *, status: int = 200) -> Response:
    # UTF-8 cannot encode half an emoji (a lone surrogate). The page shows a question mark instead.
    body = content.encode("utf-8", errors="replace")
    return HTMLResponse(body, status_code=status, headers={**_COMMON, "Content-Security-Policy": policy})
