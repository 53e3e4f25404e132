"""A door in front of the shared engine, and a sandbox without the faults of the test before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from door.process import DoorProcess, base64_of

from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.local.stack import Stack

#: The website signs with the first secret, or still with the second.
WEBSITE_SECRETS = [f"whsec_{base64_of(text)}" for text in ("a new secret of the website", "the one before it")]


@pytest.fixture(scope="session")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    """A door with all keys of the shared stack. Only the website's calls must be signed."""
    keys = {
        f"SECRET_{handler.webhook_key}": base64_of(stack.webhook(handler.flow).rpartition("/")[2])
        for handler in HANDLERS
    }
    keys["SECRET_UNSUBSCRIBE_KEY"] = base64_of(stack.unsubscribe_keys.secrets[0].decode())
    signing = {"SIGNING_WEBSITE": ",".join(WEBSITE_SECRETS)}
    with DoorProcess(tmp_path_factory.mktemp("door"), stack.engine, **signing, **keys) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_faults_left(request: pytest.FixtureRequest) -> None:
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").sandbox.clear_faults()
