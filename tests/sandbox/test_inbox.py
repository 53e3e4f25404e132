"""People see their mails; the mails see nobody."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from christmas_campaign.local.sandbox import Sandbox

HOSTILE = "\"><script>alert('s')</script><img src=x onerror=alert(1)>&amp;"
HOSTILE_HTML = (
    "<script>document.title='owned'</script><img src='https://example.com/p.gif' onerror='alert(1)'>"
    "<form action='https://example.com'><input></form><p style='color:red'>Hello Zoë</p>"
)


class Page(HTMLParser):
    """Every element of a page with its attributes, and the text in it."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split(";")
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in parts)}


@pytest.fixture
def hostile(mailer: httpx.Client) -> str:
    """The id of a mail that would run something wherever it is not escaped."""
    answer = mailer.post(
        "/emails",
        json={
            "from": "Sang Le <value@example.com>",
            "to": "zoe@example.com",
            "subject": HOSTILE,
            "html": HOSTILE_HTML,
            "text": "</pre><script>alert(2)</script>",
            "headers": {"X-Odd": "</dd><script>alert(3)</script>"},
        },
        headers={"Idempotency-Key": "<script>alert(4)</script>"},
    )
    return str(answer.json()["id"])


def test_the_list_shows_who_what_and_when_newest_first(
    sandbox: Sandbox, mailer: httpx.Client, letter: dict[str, Any]
) -> None:
    ids = [mailer.post("/emails", json={**letter, "subject": f"Mail {n}"}).json()["id"] for n in (1, 2)]
    page = Page(httpx.get(sandbox.url).text)
    links = [link["href"] for link in page.all("a") if (link["href"] or "").startswith("/mail/")]
    assert links == [f"/mail/{ids[1]}", f"/mail/{ids[0]}"]
    assert "Mail 1" in page.text
    assert "zoe@example.com" in page.text
    assert [time["datetime"] for time in page.all("time")] == [
        mail.received_at.isoformat(timespec="microseconds") for mail in reversed(sandbox.mails())
    ]
    assert "2 mails" in page.text


def test_the_list_looks_for_new_mail_by_itself_and_can_be_stopped(sandbox: Sandbox) -> None:
    page = Page(httpx.get(sandbox.url).text)
    assert [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "refresh"] == ["3"]
    assert "No mail yet" in page.text
    still = Page(httpx.get(f"{sandbox.url}/?refresh=off").text)
    assert [meta for meta in still.all("meta") if meta.get("http-equiv") == "refresh"] == []


def test_a_mail_is_shown_in_a_frame_as_text_with_headers_and_source(sandbox: Sandbox, hostile: str) -> None:
    page = Page(httpx.get(f"{sandbox.url}/mail/{hostile}").text)
    (frame,) = page.all("iframe")
    assert frame["src"] == f"/mail/{hostile}/html"
    assert frame["title"]
    assert "</pre><script>alert(2)</script>" in page.text
    assert HOSTILE_HTML in page.text
    assert "X-Odd" in page.text
    assert "value@example.com" in page.text
    assert httpx.get(f"{sandbox.url}{frame['src']}").text == HOSTILE_HTML


@pytest.mark.parametrize("path", ["/", "/mail/{id}"])
def test_nothing_of_a_hostile_mail_becomes_part_of_the_inbox(sandbox: Sandbox, hostile: str, path: str) -> None:
    answer = httpx.get(sandbox.url + path.format(id=hostile))
    page = Page(answer.text)
    assert HOSTILE in page.text
    assert page.all("script") == []
    assert page.all("img") == []
    assert page.all("form") == []
    assert [name for _, attributes in page.elements for name in attributes if name.startswith("on")] == []
    assert not re.search(r"<script", answer.text, re.IGNORECASE)
    # Were one to slip in, the browser would still not run it.
    rules = policy(answer)
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert rules["frame-src"] == "'self'"
    assert rules["base-uri"] == "'none'"


def test_the_frame_lets_a_mail_run_load_and_send_nothing(sandbox: Sandbox, hostile: str) -> None:
    (frame,) = Page(httpx.get(f"{sandbox.url}/mail/{hostile}").text).all("iframe")
    assert frame["sandbox"] == ""
    raw = httpx.get(f"{sandbox.url}/mail/{hostile}/html")
    rules = policy(raw)
    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert rules["img-src"] == "data:"
    assert rules["form-action"] == "'none'"
    assert rules["sandbox"] == ""
    assert raw.headers["content-type"] == "text/html; charset=utf-8"
    assert raw.headers["x-content-type-options"] == "nosniff"
    assert raw.headers["referrer-policy"] == "no-referrer"


def test_a_mail_without_html_has_no_frame(sandbox: Sandbox, mailer: httpx.Client, letter: dict[str, Any]) -> None:
    mail = mailer.post("/emails", json={**letter, "html": None}).json()["id"]
    assert Page(httpx.get(f"{sandbox.url}/mail/{mail}").text).all("iframe") == []
    assert httpx.get(f"{sandbox.url}/mail/{mail}/html").status_code == 404


def test_the_pages_can_be_read_by_everybody(sandbox: Sandbox, hostile: str) -> None:
    for path in ("/", f"/mail/{hostile}"):
        page = Page(httpx.get(sandbox.url + path).text)
        assert page.all("html")[0]["lang"] == "en"
        assert len(page.all("h1")) == 1
        assert len(page.all("main")) == 1
        assert page.all("title")
        assert [meta for meta in page.all("meta") if meta.get("name") == "viewport"]
        targets = {attributes.get("id") for _, attributes in page.elements}
        anchors = [(link["href"] or "")[1:] for link in page.all("a") if (link["href"] or "").startswith("#")]
        assert anchors
        assert set(anchors) <= targets


def test_text_that_is_no_unicode_is_shown_all_the_same(
    sandbox: Sandbox, mailer: httpx.Client, letter: dict[str, Any]
) -> None:
    import json

    body = json.dumps({**letter, "subject": "half \ud83c an emoji"}).encode()
    mail = mailer.post("/emails", content=body).json()["id"]
    assert "half ? an emoji" in httpx.get(f"{sandbox.url}/mail/{mail}").text
    assert sandbox.mails()[0].subject == "half \ud83c an emoji"


def test_a_mail_that_is_not_there(sandbox: Sandbox) -> None:
    answer = httpx.get(f"{sandbox.url}/mail/nope")
    assert answer.status_code == 404
    assert "No such mail" in answer.text
