"""The unsubscribe page: a GET changes nothing, a POST is stored and forwarded, and an invalid link is 404."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from browser import browser
from support import until

from christmas_campaign.campaign import times, unsubscribe_link
from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.events import opaque_ids
from door.process import KEYS, UNSUBSCRIBE_KEY, UNSUBSCRIBE_KEYS, DoorProcess, FakeKestra, base64_of

STOP = {"List-Unsubscribe": "One-Click"}
GO_ON = {"Go-On": "Yes"}
CONTACT = opaque_ids.contact_id("ana@example.com")
TOKEN = UNSUBSCRIBE_KEYS.token(CONTACT)
HANDLER_PATH = BY_NAME["unsubscribe"].kestra_path + KEYS["unsubscribe"]

#: Invalid tokens: of another key, altered, of another contact, and nonsense.
INVALID_TOKENS = [
    unsubscribe_link.keys(f"x{UNSUBSCRIBE_KEY}").token(CONTACT), TOKEN[:-1],
    f"{opaque_ids.contact_id('ben@example.com')}{TOKEN[24:]}", f"{TOKEN}%00", CONTACT, "%ff%fe", "",
]  # fmt: skip
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def link(door: DoorProcess) -> Iterator[str]:
    """A valid link. After the test, the log must not have any part of it."""
    yield f"{door.url}/unsubscribe/{TOKEN}"
    for text in (TOKEN, CONTACT, TOKEN[25:]):
        assert text not in door.log


def checked(response: httpx.Response, status: int) -> str:
    """Check the status and the headers that every page has; return the HTML."""
    assert response.status_code == status, response.text
    headers = response.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    policy = headers["content-security-policy"].split("; ")
    assert policy[0] == "default-src 'none'"
    assert {"form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} < set(policy)
    assert "unsafe" not in headers["content-security-policy"]
    for text in ("http", "//", "src=", "<script", "@import", "url(", TOKEN, CONTACT):
        assert text not in response.text
    return response.text


def forwarded(kestra: FakeKestra, before: int, count: int) -> list[dict[str, str]]:
    """Wait for ``count`` calls to the handler after the first ``before`` calls, and return their bodies."""

    def bodies() -> list[dict[str, str]] | None:
        wishes = [json.loads(call.body) for call in kestra.calls[before:] if call.path == HANDLER_PATH]
        return wishes if len(wishes) >= count else None

    return until(bodies, "the forwarded calls", 20)


def assert_nothing_forwarded(kestra: FakeKestra, before: int) -> None:
    time.sleep(0.1)
    assert kestra.calls[before:] == []


def test_get_and_head_change_nothing(door: DoorProcess, shared_kestra: FakeKestra, link: str) -> None:
    before = len(shared_kestra.calls)
    html = checked(httpx.get(f"{link}?utm_source=mail"), 200)
    assert "<h1>Unsubscribe</h1>" in html
    assert "the e-mails of Sang Le - BusOS to you stop" in html
    head = httpx.head(link)
    assert (checked(head, 200), int(head.headers["content-length"])) == ("", len(html.encode()))
    assert_nothing_forwarded(shared_kestra, before)
    assert list_entries(door.inbox) == []


@pytest.mark.parametrize(
    ("request_body", "wish", "heading"),
    [
        ({"data": STOP}, "unsubscribe", "You are unsubscribed"),
        ({"files": {"List-Unsubscribe": (None, "One-Click")}}, "unsubscribe", "You are unsubscribed"),
        ({"content": b"List-Unsubscribe=One-Click\r\n"}, "unsubscribe", "You are unsubscribed"),
        ({"data": {**GO_ON, **STOP}}, "unsubscribe", "You are unsubscribed"),
        ({"data": GO_ON}, "go_on", "You are no longer unsubscribed"),
        ({"files": {"Go-On": (None, "Yes")}}, "go_on", "You are no longer unsubscribed"),
    ],
    ids=["form", "multipart", "without_content_type", "both", "go_on", "go_on_multipart"],
)
def test_post_is_forwarded_at_once(
    shared_kestra: FakeKestra, link: str, request_body: dict[str, object], wish: str, heading: str
) -> None:
    before, started = len(shared_kestra.calls), datetime.now(UTC)
    assert f"<h1>{heading}</h1>" in checked(httpx.post(link, **request_body), 200)  # type: ignore[arg-type]
    assert forwarded(shared_kestra, before, 1) == [{"token": TOKEN, "wish": wish}]
    received = times.parse(shared_kestra.calls[-1].headers["x-received-at"])
    assert -1 < (received - started).total_seconds() < 10


@pytest.mark.parametrize("token", INVALID_TOKENS)
def test_all_invalid_links_get_the_same_page(door: DoorProcess, shared_kestra: FakeKestra, token: str) -> None:
    before = len(shared_kestra.calls)
    url = f"{door.url}/unsubscribe/{token}"
    pages = {checked(httpx.post(url, data=form), 404) for form in (STOP, {"x": "y"})}
    assert pages | {checked(httpx.get(url), 404)} == {checked(httpx.get(f"{door.url}/unsubscribe/x"), 404)}
    assert_nothing_forwarded(shared_kestra, before)
    assert "refused unsubscribe 127.0.0.0/24 404 no link of ours" in door.log


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        *(
            (body, FORM)
            for body in (b"", b"List-Unsubscribe=No", b"Go-On", b"a=1&" * 1000 + b"Go-On=Yes", b"\xff\x00\xfe")
        ),
        (b"no boundary", "multipart/form-data"),
        (b"--x\r\n\r\n--y", "multipart/form-data; boundary=y"),
        (b"List-Unsubscribe=One-Click", "multipart/form-data; boundary=x"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
    ],
)
def test_form_without_a_wish_changes_nothing(
    shared_kestra: FakeKestra, link: str, body: bytes, content_type: str
) -> None:
    before = len(shared_kestra.calls)
    html = checked(httpx.post(link, content=body, headers={"Content-Type": content_type}), 422)
    assert "Nothing was changed" in html
    assert_nothing_forwarded(shared_kestra, before)


def test_too_large_form_and_other_methods_are_refused(link: str) -> None:
    checked(httpx.post(link, content=b"List-Unsubscribe=One-Click&x=" + b"y" * 20_000), 413)
    checked(httpx.post(link, content=b"x" * 1_048_577), 413)
    for method in ("PUT", "DELETE", "OPTIONS"):
        answer = httpx.request(method, link)
        checked(answer, 405)
        assert answer.headers["allow"] == "GET, HEAD, POST"


def test_wish_survives_a_kill_while_kestra_is_away(tmp_path: Path, kestra: FakeKestra) -> None:
    """The link has the old one of two keys, and the sender's name contains HTML."""
    kestra.stop()
    keys = base64_of(f"a-new-key-of-the-links-0123456789,{UNSUBSCRIBE_KEY}")
    settings = {"SECRET_UNSUBSCRIBE_KEY": keys, "SENDER_NAME": "<b>Sang & Söhne"}
    path = f"/unsubscribe/{TOKEN}"
    with DoorProcess(tmp_path, kestra, **settings) as door:
        assert "of &lt;b&gt;Sang &amp; Söhne to you" in checked(httpx.get(door.url + path), 200)
        checked(httpx.post(door.url + path, data=STOP), 200)
        assert [entry.handler for entry in list_entries(door.inbox)] == ["unsubscribe"]
        door.child.kill()
        door.start()
        kestra.start()
        assert forwarded(kestra, 0, 1)[0]["token"] == TOKEN


def test_refusals_by_limits_are_pages_too(tmp_path: Path, kestra: FakeKestra) -> None:
    kestra.stop()
    with DoorProcess(tmp_path, kestra, DOOR_RATE="4", DOOR_INBOX_MOST="1") as door:
        link = f"{door.url}/unsubscribe/{TOKEN}"
        checked(httpx.post(link, data=STOP), 200)
        full = httpx.post(link, data=GO_ON)
        assert "there is no room to keep the call" in checked(full, 503)
        assert full.headers["retry-after"] == "60"
        # Requests for invalid links count too.
        checked(httpx.get(f"{link}x"), 404)
        checked(httpx.get(link), 200)
        too_often = httpx.get(link)
        checked(too_often, 429)
        assert int(too_often.headers["retry-after"]) >= 1


def test_buttons_work_in_a_browser(shared_kestra: FakeKestra, link: str, tmp_path: Path) -> None:
    before = len(shared_kestra.calls)
    with browser(tmp_path) as page:
        page.open(link)
        page.wait_for("Unsubscribe")
        assert (page.says("button", "computedrole"), page.says("button", "computedlabel")) == ("button", "Unsubscribe")
        # The page's policy allows its own style.
        assert page.style("button", "background-color") == "rgba(122, 31, 75, 1)"
        assert shared_kestra.calls[before:] == []
        page.press("button")
        page.wait_for("You are unsubscribed")
        assert "You get no more of these e-mails" in page.texts("p")[0]
        assert page.texts("button") == ["Take it back: send me the e-mails"]
        page.press("button")
        page.wait_for("You are no longer unsubscribed")
        assert [body["wish"] for body in forwarded(shared_kestra, before, 2)] == ["unsubscribe", "go_on"]
        assert page.texts("button") == ["Unsubscribe"]
        assert page.url == link
