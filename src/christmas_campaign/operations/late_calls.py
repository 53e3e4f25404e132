"""Ask the door whether calls wait in its inbox for too long."""

from __future__ import annotations

from datetime import datetime

import httpx

from christmas_campaign.campaign import times
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.errors import CommandError

#: How long the door may take to answer, in seconds.
TIMEOUT_SECONDS = 10.0


class DoorError(CommandError):
    """The door did not answer as a door does; the message says how."""


def calls_wait_since(environment: Environment) -> datetime | None:
    """Return when the oldest waiting call arrived (UTC) if it waits for more than ten minutes, else ``None``.

    Without ``ENV_DOOR_URL`` there is no door, and the result is ``None``. Raises ``DoorError``.
    """
    url = environment.values.get("ENV_DOOR_URL", "").strip()
    if not url:
        return None
    try:
        # The door answers 503 if calls wait or if Kestra's health check fails.
        since = httpx.get(f"{url.rstrip('/')}/health", timeout=TIMEOUT_SECONDS, trust_env=False).json()[
            "calls_wait_since"
        ]
        return None if since is None else times.parse(since)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DoorError(f"The door at {url} does not answer ({type(error).__name__}).") from None
    except (ValueError, TypeError, KeyError):
        raise DoorError(f"The door at {url} does not say whether calls wait.") from None
