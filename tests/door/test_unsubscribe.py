"""The page to unsubscribe: to look at it changes nothing, a POST is kept and handed on, and a wrong link is nothing at all."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from browser import browser
from support import until

from christmas_campaign.campaign import times, unsubscribe_link
from christmas_campaign.door.inbox.store import list_entries
from christmas_campaign.events import opaque_ids
from door.process import KEYS, UNSUBSCRIBE_KEY, UNSUBSCRIBE_KEYS, DoorProcess, Upstream, base64_of

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BACK = {"Go-On": "Yes"}
CONTACT = opaque_ids.contact_id("ana@example.com")
TOKEN = UNSUBSCRIBE_KEYS.token(CONTACT)
HANDLER = f"/api/v1/main/executions/webhook/christmas/unsubscribe-handler/{KEYS['unsubscribe']}"

#: Whatever is no link of ours: another key's, cut, for somebody else, and nonsense.
WRONG = [
    unsubscribe_link.keys(f"x{UNSUBSCRIBE_KEY}").token(CONTACT),
    TOKEN[:-1],
    TOKEN[1:],
    f"{opaque_ids.contact_id('ben@example.com')}{TOKEN[24:]}",
    f"{TOKEN}/",
    f"{TOKEN}%00",
    TOKEN.upper(),
    CONTACT,
    "%ff%fe",
    "",
]


@pytest.fixture
def link(door: DoorProcess) -> Iterator[str]:
    yield f"{door.url}/unsubscribe/{TOKEN}"
    # Whatever was asked for, the log has nothing of a link.
    for word in (TOKEN, CONTACT, TOKEN[25:]):
        assert word not in door.log


def checked(response: httpx.Response, status: int) -> str:
    """The text of a page with this status and the headers that every page has."""
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
    for word in ("http", "//", "src=", "<script", "@import", "url(", TOKEN, CONTACT):
        assert word not in response.text
    return response.text


def handed_on(upstream: Upstream, before: int, count: int) -> list[dict[str, str]]:
    """What was handed on to the handler since there were ``before`` calls, once there are so many."""

    def since() -> list[dict[str, str]] | None:
        found = [json.loads(each.body) for each in upstream.arrived[before:] if each.path == HANDLER]
        return found if len(found) >= count else None

    return until(since, "what is handed on", 20)


def test_to_look_changes_nothing(door: DoorProcess, shared_upstream: Upstream, link: str) -> None:
    before = len(shared_upstream.arrived)
    for _ in range(3):
        text = checked(httpx.get(link), 200)
        assert "<h1>Unsubscribe</h1>" in text
        assert "the e-mails of Sang Le - BusOS to you stop" in text
        head = httpx.head(link)
        assert (checked(head, 200), int(head.headers["content-length"])) == ("", len(text.encode()))
    checked(httpx.get(f"{link}?utm_source=mail"), 200)
    time.sleep(0.3)
    assert list_entries(door.inbox) == []
    assert shared_upstream.arrived[before:] == []


@pytest.mark.parametrize(
    ("how", "wish", "heading"),
    [
        ({"data": ONE_CLICK}, "unsubscribe", "You are unsubscribed"),
        ({"files": {"List-Unsubscribe": (None, "One-Click")}}, "unsubscribe", "You are unsubscribed"),
        ({"content": b"List-Unsubscribe=One-Click"}, "unsubscribe", "You are unsubscribed"),
        ({"content": b"List-Unsubscribe=One-Click\r\n"}, "unsubscribe", "You are unsubscribed"),
        ({"data": {**BACK, **ONE_CLICK}}, "unsubscribe", "You are unsubscribed"),
        ({"data": BACK}, "go_on", "You are no longer unsubscribed"),
        ({"files": {"Go-On": (None, "Yes")}}, "go_on", "You are no longer unsubscribed"),
    ],
    ids=["form", "multipart", "bare", "bare_line", "both", "back", "back_multipart"],
)
def test_a_post_is_done_at_once(
    shared_upstream: Upstream, link: str, how: dict[str, object], wish: str, heading: str
) -> None:
    before, began = len(shared_upstream.arrived), datetime.now(UTC)
    text = checked(httpx.post(link, **how), 200)  # type: ignore[arg-type]
    assert f"<h1>{heading}</h1>" in text
    assert handed_on(shared_upstream, before, 1) == [{"token": TOKEN, "wish": wish}]
    received = times.parse(shared_upstream.arrived[-1].headers["x-received-at"])
    assert -1 < (received - began).total_seconds() < 10


def test_each_of_them_is_handed_on_in_the_order_in_which_they_came(shared_upstream: Upstream, link: str) -> None:
    before = len(shared_upstream.arrived)
    for form in (ONE_CLICK, ONE_CLICK, BACK, ONE_CLICK):
        checked(httpx.post(link, data=form), 200)
    wishes = [each["wish"] for each in handed_on(shared_upstream, before, 4)]
    assert wishes == ["unsubscribe", "unsubscribe", "go_on", "unsubscribe"]


@pytest.mark.parametrize("token", WRONG)
def test_a_link_that_is_none_of_ours_is_nothing(door: DoorProcess, shared_upstream: Upstream, token: str) -> None:
    before = len(shared_upstream.arrived)
    url = f"{door.url}/unsubscribe/{token}"
    texts = {checked(httpx.post(url, data=form), 404) for form in (ONE_CLICK, BACK, {"x": "y"})}
    texts.add(checked(httpx.get(url), 404))
    # One text for all of them.
    assert texts == {checked(httpx.get(f"{door.url}/unsubscribe/x"), 404)}
    time.sleep(0.1)
    assert shared_upstream.arrived[before:] == []
    assert list_entries(door.inbox) == []
    assert "refused unsubscribe 127.0.0.0/24 404 no link of ours" in door.log


def test_nobody_can_tell_from_the_time_how_near_a_link_is(door: DoorProcess) -> None:
    """A wrong signature of a contact whom there is, of one whom there is not, and nonsense: none takes twice as long."""
    tokens = [f"{TOKEN[:-3]}AAA", f"{'0' * 24}.{'A' * 43}", f"{TOKEN[:25]}{'A' * 43}"]
    took: dict[str, list[float]] = {token: [] for token in tokens}
    with httpx.Client(base_url=door.url) as client:
        for _ in range(60):
            for token in tokens:
                began = time.perf_counter()
                client.get(f"/unsubscribe/{token}")
                took[token].append(time.perf_counter() - began)
    middle = [statistics.median(each) for each in took.values()]
    assert max(middle) < 2 * min(middle)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=No", "application/x-www-form-urlencoded"),
        (b"Go-On", "application/x-www-form-urlencoded"),
        (b"a=1&" * 1000 + b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b"\xff\x00\xfe", "application/x-www-form-urlencoded"),
        (b"no boundary", "multipart/form-data"),
        (b"--x\r\n\r\n--y", "multipart/form-data; boundary=y"),
        (b"List-Unsubscribe=One-Click", "multipart/form-data; boundary=x"),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
    ],
)
def test_a_form_that_asks_for_nothing_changes_nothing(
    shared_upstream: Upstream, link: str, body: bytes, content_type: str
) -> None:
    before = len(shared_upstream.arrived)
    text = checked(httpx.post(link, content=body, headers={"Content-Type": content_type}), 422)
    assert "Nothing was changed" in text
    time.sleep(0.1)
    assert shared_upstream.arrived[before:] == []


def test_a_form_that_is_too_large_is_refused(link: str) -> None:
    checked(httpx.post(link, content=b"List-Unsubscribe=One-Click&x=" + b"y" * 20_000), 413)
    checked(httpx.post(link, content=b"x" * 1_048_577), 413)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused(link: str, method: str) -> None:
    answer = httpx.request(method, link)
    checked(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_what_was_answered_is_kept_while_kestra_is_away(tmp_path: Path, upstream: Upstream) -> None:
    """Over a kill -9 too; and old links work after a rotation, with the name of who sends the e-mails."""
    upstream.stop()
    rotated = base64_of(f"a-new-key-of-the-links-0123456789,{UNSUBSCRIBE_KEY}")
    settings = {"SECRET_UNSUBSCRIBE_KEY": rotated, "SENDER_NAME": "<b>Sang & Söhne"}
    with DoorProcess(tmp_path, upstream, **settings) as door:
        path = f"/unsubscribe/{TOKEN}"
        text = checked(httpx.get(door.url + path), 200)
        assert "of &lt;b&gt;Sang &amp; Söhne to you" in text
        checked(httpx.post(door.url + path, data=ONE_CLICK), 200)
        assert [each.handler for each in list_entries(door.inbox)] == ["unsubscribe"]
        door.child.kill()
        door.start()
        upstream.start()
        assert handed_on(upstream, 0, 1)[0]["token"] == TOKEN
        for word in (TOKEN, CONTACT, UNSUBSCRIBE_KEY):
            assert word not in door.log


def test_the_limits_hold_and_are_pages_too(tmp_path: Path, upstream: Upstream) -> None:
    upstream.stop()
    with DoorProcess(tmp_path, upstream, DOOR_RATE="4", DOOR_INBOX_MOST="1") as door:
        link = f"{door.url}/unsubscribe/{TOKEN}"
        checked(httpx.post(link, data=ONE_CLICK), 200)
        full = httpx.post(link, data=BACK)
        assert "there is no room to keep the call" in checked(full, 503)
        assert full.headers["retry-after"] == "60"
        # A wrong link counts as well.
        checked(httpx.get(f"{link}x"), 404)
        checked(httpx.get(link), 200)
        often = httpx.get(link)
        checked(often, 429)
        assert int(often.headers["retry-after"]) >= 1


def test_by_a_browser(shared_upstream: Upstream, link: str, tmp_path: Path) -> None:
    before = len(shared_upstream.arrived)
    with browser(tmp_path) as page:
        page.open(link)
        page.wait_for("Unsubscribe")
        assert (page.says("button", "computedrole"), page.says("button", "computedlabel")) == ("button", "Unsubscribe")
        # The style is the page's own, and its policy lets it through.
        assert page.style("button", "background-color") == "rgba(122, 31, 75, 1)"
        assert shared_upstream.arrived[before:] == []
        page.press("button")
        page.wait_for("You are unsubscribed")
        assert "You get no more of these e-mails" in page.texts("p")[0]
        assert [each["wish"] for each in handed_on(shared_upstream, before, 1)] == ["unsubscribe"]
        assert page.texts("button") == ["Take it back: send me the e-mails"]
        page.press("button")
        page.wait_for("You are no longer unsubscribed")
        assert [each["wish"] for each in handed_on(shared_upstream, before, 2)] == ["unsubscribe", "go_on"]
        assert page.texts("button") == ["Unsubscribe"]
        assert page.url == link
