"""The paths that there are; everything else is 404. They are matched on the raw bytes, as they came."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NamedTuple

from christmas_campaign.campaign.unsubscribe_link import PATH
from christmas_campaign.door.handlers import HANDLERS, UNSUBSCRIBE
from christmas_campaign.sequences.registry import SEQUENCES

_STARTING = {each.name for each in SEQUENCES}

#: Where today's callers send their calls, by sequence.
TODAY: Mapping[str, str] = {each.name: each.path for each in HANDLERS if each.name in _STARTING and each.path}

#: The old system's paths that differ from those, by sequence.
OLD: Mapping[str, str] = {each.name: each.old_path for each in HANDLERS if each.old_path}

#: Kestra's own addresses, before the key, by sequence: those of the other handlers are for the door alone.
NATIVE: Mapping[str, str] = {each.name: each.native for each in HANDLERS if each.name in _STARTING}

HEALTH = "/health"

_PAGE = PATH.encode()


class Place(NamedTuple):
    """What is at a path: the handler that a call goes to (``None``: the health), and the methods that it takes. ``token`` is
    what stands where the token of a link does, whatever it is (``None``: this is no page)."""

    handler: str | None
    methods: tuple[str, ...]
    token: str | None = None


class Paths:
    """The paths of one installation."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Take the webhooks' keys, by handler."""
        self._whole = {
            path.encode(): Place(each.name, ("POST",))
            for each in HANDLERS
            for path in (each.path, each.old_path)
            if path
        }
        self._whole[HEALTH.encode()] = Place(None, ("GET", "HEAD"))
        self._native = [(path.encode(), keys[name].encode(), Place(name, ("POST",))) for name, path in NATIVE.items()]

    def find(self, raw_path: bytes) -> Place | None:
        """Return what is at a path (without the query), or ``None``; how near a wrong key was cannot be told from the time."""
        if raw_path.startswith(_PAGE):
            return Place(UNSUBSCRIBE, ("GET", "HEAD", "POST"), raw_path.removeprefix(_PAGE).decode("latin-1"))
        found = self._whole.get(raw_path)
        for path, key, place in self._native:
            if raw_path.startswith(path) and hmac.compare_digest(raw_path.removeprefix(path), key):
                found = place
        return found
