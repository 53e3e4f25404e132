"""Something in Kestra's place for each test, and one door for the tests that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from door.process import DoorProcess, Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A Kestra that takes everything."""
    running = Upstream()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[Upstream]:
    running = Upstream()
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory, shared_upstream: Upstream) -> Iterator[DoorProcess]:
    """A door that takes unsigned calls, in front of a Kestra that takes everything."""
    with DoorProcess(tmp_path_factory.mktemp("door"), shared_upstream) as running:
        yield running
