"""The unsubscribe pages, and the forms that contacts and mail providers post there.

A GET changes nothing, because mail scanners follow links. Only a POST counts: from the mail provider (RFC 8058) or from the
button on the page. The pages have no scripts, load nothing from elsewhere and need no login: the link came in an e-mail.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from email.parser import BytesParser
from email.policy import HTTP
from enum import Enum
from html import escape
from urllib.parse import parse_qsl

from starlette.responses import Response

from christmas_campaign.door.http.responses import HEADERS, Refusal
from christmas_campaign.stops.unsubscribe import Wish

#: The most bytes of a form; a valid one has about a hundred.
MAX_FORM_BYTES = 16_384

#: The fields of the forms. RFC 8058 defines the first one, for mail providers.
STOP_FIELD, STOP_VALUE = "List-Unsubscribe", "One-Click"
GO_ON_FIELD, GO_ON_VALUE = "Go-On", "Yes"

_STYLE = (
    "body{margin:0;background:#faf7f5;color:#2a2330;font:18px/1.6 system-ui,sans-serif}"
    "main{max-width:34em;margin:0 auto;padding:3em 1.25em}h1{font-size:1.5em;line-height:1.25}"
    "button{font:inherit;padding:.7em 1.4em;border:2px solid #7a1f4b;border-radius:6px;background:#7a1f4b;color:#fff;"
    "cursor:pointer}button:focus-visible{outline:3px solid #1d4ed8;outline-offset:3px}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: The headers of every page, besides those of every answer.
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


class PageKind(Enum):
    """A page: its heading, its text (``{sender}`` is the sender of the e-mails), and the wish that its button sends."""

    ASK = ("Unsubscribe", "Press the button, and the e-mails of {sender} to you stop at once.", Wish.STOP)
    STOPPED = (
        "You are unsubscribed",
        "You get no more of these e-mails from {sender}. One that is being sent at this very moment may still arrive. "
        "If this was a mistake, you can take it back.",
        Wish.GO_ON,
    )
    GOES_ON = (
        "You are no longer unsubscribed",
        "The e-mails of {sender} that are still to come may reach you again. You can unsubscribe at any time.",
        Wish.STOP,
    )


_BUTTONS = {
    Wish.STOP: (STOP_FIELD, STOP_VALUE, "Unsubscribe"),
    Wish.GO_ON: (GO_ON_FIELD, GO_ON_VALUE, "Take it back: send me the e-mails"),
}


class Page(Response):
    """An HTML page."""

    media_type = "text/html"

    def __init__(
        self, status: int, title: str, paragraph: str, form: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """``paragraph`` is plain text, ``form`` HTML; ``headers`` are added to those of every page."""
        html = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
            f"<body><main><h1>{escape(title)}</h1>\n<p>{escape(paragraph)}</p>\n{form}</main></body></html>\n"
        )
        super().__init__(html, status_code=status, headers={**HEADERS, **PAGE_HEADERS, **(headers or {})})


def page(kind: PageKind, sender: str) -> Page:
    """Return a page with its button; ``sender`` is the name of the sender of the e-mails."""
    title, paragraph, wish = kind.value
    field, value, label = _BUTTONS[wish]
    # A form without an action is posted to the page's own address, so the page does not contain the token.
    form = f'<form method="post"><button type="submit" name="{field}" value="{value}">{escape(label)}</button></form>\n'
    return Page(200, title, paragraph.format(sender=sender), form)


def refusal_page(refusal: Refusal) -> Page:
    """Return the page that says why a request was refused."""
    if refusal.status == 404:
        # All invalid links get the same text, which reveals nothing about the valid ones.
        paragraph = "This link does not work. Please open it once more from the e-mail, whole; or reply to the e-mail."
        return Page(404, "There is nothing here", paragraph)
    paragraph = f"Nothing was changed: {refusal}. Please go back and try again in a minute, or reply to the e-mail."
    return Page(refusal.status, "That did not work", paragraph, headers=refusal.headers)


def read_wish(body: bytes, content_type: str) -> Wish:
    """Return the wish in a posted form. A form with both wishes unsubscribes. Raises ``Refusal``."""
    if len(body) > MAX_FORM_BYTES:
        raise Refusal(413, f"the form is larger than {MAX_FORM_BYTES} bytes")
    fields = _multipart(body, content_type) if "multipart/form-data" in content_type.lower() else _urlencoded(body)
    if (STOP_FIELD, STOP_VALUE) in fields:
        return Wish.STOP
    if (GO_ON_FIELD, GO_ON_VALUE) in fields:
        return Wish.GO_ON
    raise Refusal(422, "the form does not say what is wanted")


def payload(token: str, wish: Wish) -> bytes:
    """Return the body of the call to Kestra's unsubscribe handler."""
    return json.dumps({"token": token, "wish": wish}).encode()


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8", "replace").strip(), max_num_fields=20)
    except ValueError:
        return []


def _multipart(body: bytes, content_type: str) -> list[tuple[str, str]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields = []
    for part in message.iter_parts() if message.is_multipart() else ():
        value = part.get_payload(decode=True)
        if isinstance(value, bytes):
            name = part.get_param("name", "", "content-disposition")
            fields.append((str(name), value.decode("utf-8", "replace").strip()))
    return fields
