"""A server in Kestra's place for each test, and a shared door for tests that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from door.hostile import SIGNING
from door.process import DoorProcess, FakeKestra


@pytest.fixture
def kestra() -> Iterator[FakeKestra]:
    """A Kestra that accepts every call."""
    running = FakeKestra()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shared_kestra() -> Iterator[FakeKestra]:
    """The Kestra behind the shared door."""
    running = FakeKestra()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory, shared_kestra: FakeKestra) -> Iterator[DoorProcess]:
    """A door without signing secrets."""
    with DoorProcess(tmp_path_factory.mktemp("door"), shared_kestra) as running:
        yield running


@pytest.fixture(scope="session")
def signed_door(tmp_path_factory: pytest.TempPathFactory, shared_kestra: FakeKestra) -> Iterator[DoorProcess]:
    """A door with signing secrets for three of the five sequences."""
    with DoorProcess(tmp_path_factory.mktemp("signed"), shared_kestra, **SIGNING) as running:
        yield running
