"""One engine with the small flows in ``flows``, shared by all tests that do not stop or damage it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kestrapy import Configuration, KestraClient

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine

FLOWS = sorted((Path(__file__).parent / "flows").glob("*.yml"))
SECRETS = {"TEST_KEY": "the key of the tests", "X": "never to be seen", "EMPTY": ""}


@pytest.fixture(scope="session")
def env() -> dict[str, str]:
    """The environment of the engines under test."""
    secrets = {f"SECRET_{name}": base64.b64encode(value.encode()).decode() for name, value in SECRETS.items()}
    # The engine does not find uv, even if this machine has it.
    return {**os.environ, **secrets, "ENV_TEST_SETTING": "Bảo Sang", "UV_PATH": "/bin/false"}


@pytest.fixture(scope="session")
def flows() -> list[Path]:
    """The files of the test flows."""
    return FLOWS


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> Iterator[Engine]:
    """The shared engine."""
    with Engine(tmp_path_factory.mktemp("engine"), env=env) as running:
        with Kestra(running.url) as kestra:
            kestra.import_flows(FLOWS)
        yield running


@pytest.fixture(scope="package")
def kestra(engine: Engine) -> Iterator[Kestra]:
    """The product's client for the shared engine."""
    with Kestra(engine.url) as client:
        yield client


@pytest.fixture(scope="package")
def official(engine: Engine) -> Any:
    """Kestra's official Python client for the shared engine."""
    return KestraClient(Configuration(host=engine.url, username="any", password="any"))
