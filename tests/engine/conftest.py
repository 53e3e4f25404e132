"""One engine with small flows of its own, shared by the tests that do it no harm."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine

FLOWS = sorted((Path(__file__).parent / "flows").glob("*.yml"))
SECRETS = {"TEST_KEY": "the key of the tests", "X": "never to be seen", "EMPTY": ""}


def environment() -> dict[str, str]:
    """The environment of an engine under test."""
    secrets = {f"SECRET_{name}": base64.b64encode(value.encode()).decode() for name, value in SECRETS.items()}
    # These engines find no uv, whatever this machine has.
    return {**os.environ, **secrets, "ENV_TEST_SETTING": "Bảo Sang", "UV_PATH": "/bin/false"}


@pytest.fixture(scope="session")
def env() -> dict[str, str]:
    return environment()


@pytest.fixture(scope="session")
def flows() -> list[Path]:
    return FLOWS


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine"), env=env) as running:
        with Kestra(running.url) as kestra:
            kestra.import_flows(FLOWS)
        yield running


@pytest.fixture(scope="package")
def kestra(engine: Engine) -> Iterator[Kestra]:
    with Kestra(engine.url) as client:
        yield client
