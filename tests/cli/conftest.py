"""A sandbox process for the tests of ``christmas notion``, emptied before each of them. No test uses a running `make up`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from christmas_campaign.clients.notion import Notion
from christmas_campaign.local import running_stack
from christmas_campaign.local.sandbox import Sandbox
from cli.notion_world import TOKEN, World


@pytest.fixture(autouse=True)
def stack_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which commands look for the stack of ``christmas up``, in place of the checkout's own."""
    folder = tmp_path / "data" / "up"
    monkeypatch.setattr(running_stack, "FOLDER", folder)
    return folder


@pytest.fixture(scope="session")
def notion_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    file = tmp_path_factory.mktemp("notion") / "sandbox.sqlite"
    sandbox = Sandbox(file, notion_token=TOKEN, resend_key="re_for_tests")
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def world(notion_process: Sandbox, tmp_path: Path) -> Iterator[World]:
    """An installation with an empty Notion; its settings are Notion's address and the token."""
    notion_process.reset(notion=True)
    with Notion(notion_process.notion_url, TOKEN) as client:
        yield World(notion_process, client, tmp_path)


@pytest.fixture
def notion(world: World) -> World:
    """An installation whose Notion has all databases, complete."""
    world.create_all()
    return world
