"""One stack (sandbox and real engine) for all tests that need no other: starting it takes ten seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import SCALE

from christmas_campaign.cli.stack import Stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-expected`` writes the expected files of the journeys anew; look at what changed before you keep it."""
    parser.addoption("--update-expected", action="store_true", help="Write the expected files anew.")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack in which five days are half a minute. Tests share it: each has its own addresses."""
    with Stack(tmp_path_factory.mktemp("stack"), time_scale=SCALE) as running:
        yield running
