"""One sandbox process for all these tests, emptied before each of them. The tests reach it by HTTP only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import notion_client
import pytest
import resend

from christmas_campaign.local.sandbox import Sandbox
from sandbox.contract import NO_TLS, NOTION_TOKEN, PARENT, PROPERTIES, RESEND_KEY, properties


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The shared process."""
    data = tmp_path_factory.mktemp("sandbox") / "sandbox.sqlite"
    sandbox = Sandbox(data, notion_token=NOTION_TOKEN, resend_key=RESEND_KEY)
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def sandbox(process: Sandbox) -> Sandbox:
    """The shared process, without the data of other tests."""
    process.reset(notion=True)
    return process


@pytest.fixture
def notion(sandbox: Sandbox) -> Iterator[Any]:
    """The official Notion SDK. It does not retry, so that a test can count its calls."""
    http = httpx.Client(verify=NO_TLS)
    with notion_client.Client(auth=NOTION_TOKEN, base_url=sandbox.notion_url, retry=False, client=http) as client:
        yield client


@pytest.fixture
def emails(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The e-mail API of the official Resend SDK."""
    monkeypatch.setattr(resend, "api_key", RESEND_KEY)
    monkeypatch.setattr(resend, "api_url", sandbox.resend_url)
    return resend.Emails


@pytest.fixture
def notion_http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Plain HTTP to Notion with the right headers, for requests that the SDK cannot make."""
    headers = {"Authorization": f"Bearer {NOTION_TOKEN}", "Notion-Version": "2025-09-03"}
    with httpx.Client(base_url=sandbox.notion_url, headers=headers, timeout=10.0, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def resend_http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Plain HTTP to Resend with the right key, for requests that the SDK cannot make."""
    headers = {"Authorization": f"Bearer {RESEND_KEY}"}
    with httpx.Client(base_url=sandbox.resend_url, headers=headers, timeout=10.0, verify=NO_TLS) as client:
        yield client


@pytest.fixture
def source(notion: Any) -> str:
    """The id of a data source with a property of each type."""
    title = [{"text": {"content": "Everything"}}]
    database = notion.databases.create(parent=PARENT, title=title, initial_data_source={"properties": PROPERTIES})
    return str(database["data_sources"][0]["id"])


@pytest.fixture
def add(notion: Any, source: str) -> Callable[..., dict[str, Any]]:
    """Create a page in ``source`` from plain values and return it: ``add(Name="x", Score=3)``."""
    parent = {"type": "data_source_id", "data_source_id": source}
    return lambda **values: notion.pages.create(parent=parent, properties=properties(**values))


@pytest.fixture
def letter() -> dict[str, Any]:
    """An e-mail that Resend accepts."""
    return {
        "from": "Sang Le - BusOS <value@example.com>",
        "to": ["zoe@example.com"],
        "subject": "Your assessment, Zoë",
        "html": "<p>Hello <b>Zoë</b></p>",
        "text": "Hello Zoë",
    }
