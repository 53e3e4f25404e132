"""The inbox pages show every e-mail and run nothing of it."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

import httpx
import pytest

from christmas_campaign.local.sandbox import Sandbox

HOSTILE = "\"><script>alert('s')</script><img src=x onerror=alert(1)>&amp;"
HOSTILE_HTML = "<script>document.title='owned'</script><form action='https://example.com'></form><p>Hello Zoë</p>"


def policy(page: httpx.Response) -> dict[str, str]:
    """Return the Content-Security-Policy of a page by directive."""
    parts = (part.strip().partition(" ") for part in page.headers["content-security-policy"].split(";"))
    return {name: sources for name, _, sources in parts}


@pytest.fixture
def hostile(emails: Any, sandbox: Sandbox, letter: dict[str, Any]) -> str:
    """The address of the page of an e-mail with markup in every field."""
    mail = {**letter, "subject": HOSTILE, "html": HOSTILE_HTML, "text": HOSTILE, "headers": {"X-Odd": HOSTILE}}
    return f"{sandbox.url}/mail/{emails.send(mail, {'idempotency_key': '<script>alert(4)</script>'})['id']}"


def test_list_reloads_and_shows_the_newest_mail_first(sandbox: Sandbox, emails: Any, letter: dict[str, Any]) -> None:
    assert "No mail yet" in httpx.get(sandbox.url).text
    for path, refresh in (("/", ["3"]), ("/?refresh=off", [])):
        assert re.findall(r'http-equiv="refresh" content="(\d+)"', httpx.get(sandbox.url + path).text) == refresh
    first, second = (emails.send({**letter, "subject": f"Mail {number}"})["id"] for number in (1, 2))
    page = httpx.get(sandbox.url).text
    assert re.findall(r'href="/mail/([^"]+)"', page) == [second, first]
    times = [mail.received_at.isoformat(timespec="microseconds") for mail in reversed(sandbox.mails())]
    assert re.findall(r'datetime="([^"]+)"', page) == times
    assert all(text in page for text in ("Mail 1", "zoe@example.com", "2 mails"))


def test_mail_page_has_headers_source_and_a_locked_frame(sandbox: Sandbox, hostile: str) -> None:
    page = httpx.get(hostile).text
    assert all(text in page for text in (escape(HOSTILE_HTML), "X-Odd", "value@example.com"))
    (address,) = re.findall(r'<iframe sandbox="" src="([^"]+)" title="[^"]+">', page)
    frame = httpx.get(sandbox.url + address)
    assert frame.text == HOSTILE_HTML
    rules = policy(frame)
    assert (rules["default-src"], rules["img-src"], rules["form-action"]) == ("'none'", "data:", "'none'")
    assert ("script-src" in rules, rules["sandbox"]) == (False, "")
    assert frame.headers["content-type"] == "text/html; charset=utf-8"
    assert (frame.headers["x-content-type-options"], frame.headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_pages_are_accessible_and_escape_the_markup_of_an_email(sandbox: Sandbox, hostile: str) -> None:
    for page in (httpx.get(sandbox.url), httpx.get(hostile)):
        assert escape(HOSTILE) in page.text
        assert re.findall(r"<(?:script|img|form)\b", page.text, re.IGNORECASE) == []
        # A script that got in would not run.
        rules = policy(page)
        assert (rules["default-src"], rules["frame-src"], rules["base-uri"]) == ("'none'", "'self'", "'none'")
        assert "script-src" not in rules
        assert '<html lang="en">' in page.text
        assert [page.text.count(tag) for tag in ("<h1", "<main", "<title>")] == [1, 1, 1]
        assert set(re.findall(r'href="#(\w+)"', page.text)) <= set(re.findall(r' id="(\w+)"', page.text))


def test_mail_without_html_has_no_frame_and_unknown_mail_is_404(
    sandbox: Sandbox, emails: Any, letter: dict[str, Any]
) -> None:
    mail = f"{sandbox.url}/mail/{emails.send({**letter, 'html': None})['id']}"
    assert "<iframe" not in httpx.get(mail).text
    for url in (f"{mail}/html", f"{sandbox.url}/mail/nope"):
        page = httpx.get(url)
        assert (page.status_code, "No such mail" in page.text) == (404, True)


def test_lone_surrogate_is_stored_and_shown_as_a_question_mark(
    sandbox: Sandbox, resend_http: httpx.Client, letter: dict[str, Any]
) -> None:
    body = json.dumps({**letter, "subject": "half \ud83c an emoji"}).encode()
    mail = resend_http.post("/emails", content=body).json()["id"]
    assert "half ? an emoji" in httpx.get(f"{sandbox.url}/mail/{mail}").text
    assert sandbox.mails()[0].subject == "half \ud83c an emoji"
