"""One real sandbox process for all these tests, emptied before each of them; everything goes over HTTP.

Clients share an empty TLS context: there is no TLS here, and reading the certificates takes longer than most tests.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import notion_client
import pytest
import resend

from christmas_campaign.local.sandbox import Sandbox

NOTION_TOKEN = "ntn_for_tests"
RESEND_KEY = "re_for_tests"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PARENT = {"type": "page_id", "page_id": "b55c9c91384d452b81dbd1ef79372b75"}

PROPERTIES: dict[str, Any] = {
    "Name": {"title": {}},
    "Notes": {"rich_text": {}},
    "Email": {"email": {}},
    "Score": {"number": {}},
    "Done": {"checkbox": {}},
    "When": {"date": {}},
    "Phase": {"select": {"options": [{"name": "One", "color": "red"}, {"name": "Two"}]}},
    "Labels": {"multi_select": {}},
    "Site": {"url": {}},
    "Phone": {"phone_number": {}},
    "State": {"status": {}},
}


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(
        tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite", notion_token=NOTION_TOKEN, resend_key=RESEND_KEY
    )
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(process: Sandbox) -> Sandbox:
    """The process, without anything that another test left in it."""
    process.reset(notion=True)
    return process


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of this test's own, not yet started."""
    sandbox = Sandbox(tmp_path / "own.sqlite", notion_token=NOTION_TOKEN, resend_key=RESEND_KEY)
    yield sandbox
    sandbox.kill()


@pytest.fixture
def notion(sandbox: Sandbox) -> Iterator[Any]:
    """The official SDK; it asks once, so that a test counts its own calls."""
    client = notion_client.Client(
        auth=NOTION_TOKEN,
        base_url=sandbox.notion_url,
        notion_version="2025-09-03",
        retry=False,
        client=httpx.Client(verify=NO_TLS),
    )
    yield client
    client.close()


@pytest.fixture
def raw(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Plain HTTP to Notion, with the right headers."""
    headers = {"Authorization": f"Bearer {NOTION_TOKEN}", "Notion-Version": "2025-09-03"}
    with httpx.Client(base_url=sandbox.notion_url, headers=headers, timeout=10.0, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def mailer(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Plain HTTP to Resend, with the right key."""
    headers = {"Authorization": f"Bearer {RESEND_KEY}"}
    with httpx.Client(base_url=sandbox.resend_url, headers=headers, timeout=10.0, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def plain() -> Iterator[httpx.Client]:
    """Plain HTTP to anywhere in the sandbox."""
    with httpx.Client(timeout=10.0, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def sdk(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The official Resend SDK, told to talk to the sandbox."""
    monkeypatch.setattr(resend, "api_key", RESEND_KEY)
    monkeypatch.setattr(resend, "api_url", sandbox.resend_url)
    return resend


@pytest.fixture
def source(notion: Any) -> str:
    """The id of a data source with a property of each type."""
    database = notion.databases.create(
        parent=PARENT,
        title=[{"text": {"content": "Everything"}}],
        initial_data_source={"properties": PROPERTIES},
    )
    return str(database["data_sources"][0]["id"])


@pytest.fixture
def add(notion: Any, source: str) -> Callable[..., dict[str, Any]]:
    """Make a page in ``source`` from plain values: ``add(Name="x", Score=3)``."""

    def make(**values: Any) -> dict[str, Any]:
        page: dict[str, Any] = notion.pages.create(
            parent={"type": "data_source_id", "data_source_id": source},
            properties={name: {kind(name): wrap(name, value)} for name, value in values.items()},
        )
        return page

    def kind(name: str) -> str:
        return str(next(iter(PROPERTIES[name])))

    def wrap(name: str, value: Any) -> Any:
        if kind(name) in ("title", "rich_text"):
            return [{"text": {"content": value}}]
        if kind(name) in ("select", "status"):
            return {"name": value}
        if kind(name) == "multi_select":
            return [{"name": item} for item in value]
        return {"start": value} if kind(name) == "date" else value

    return make


@pytest.fixture
def letter() -> dict[str, Any]:
    """An e-mail that Resend takes."""
    return {
        "from": "Sang Le - BusOS <value@example.com>",
        "to": ["zoe@example.com"],
        "subject": "Your assessment, Zoë",
        "html": "<p>Hello <b>Zoë</b></p>",
        "text": "Hello Zoë",
    }
