"""The paths that there are; everything else is 404. They are matched on the raw bytes, as they came."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NamedTuple

from christmas_campaign.sequences import SEQUENCES

#: Where today's callers send their calls, by sequence.
TODAY: Mapping[str, str] = {
    "signup": "/webhook/christmas-signup",
    "noshow": "/webhook/calendly-noshow",
    "postcall": "/webhook/postcall-maybe",
    "onboarding": "/webhook/onboarding-start",
    "precall": "/webhook/booking",
}

#: Kestra's own addresses, before the key, by sequence.
NATIVE: Mapping[str, str] = {
    each.name: f"/api/v1/main/executions/webhook/christmas/{each.handler}/" for each in SEQUENCES
}

HEALTH = "/health"


class Place(NamedTuple):
    """What is at a path: the sequence that a call starts (``None``: the health), and the methods that it takes."""

    sequence: str | None
    methods: tuple[str, ...]


class Paths:
    """The paths of one installation."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Take the webhooks' keys, by sequence."""
        self._whole = {path.encode(): Place(name, ("POST",)) for name, path in TODAY.items()}
        self._whole[HEALTH.encode()] = Place(None, ("GET", "HEAD"))
        self._native = [(path.encode(), keys[name].encode(), Place(name, ("POST",))) for name, path in NATIVE.items()]

    def find(self, raw_path: bytes) -> Place | None:
        """Return what is at a path (without the query), or ``None``; how near a wrong key was cannot be told from the time."""
        found = self._whole.get(raw_path)
        for path, key, place in self._native:
            if raw_path.startswith(path) and hmac.compare_digest(raw_path.removeprefix(path), key):
                found = place
        return found
