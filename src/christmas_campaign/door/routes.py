"""The paths that the door serves; every other path is 404. They are compared with the raw bytes of the request."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NamedTuple

from christmas_campaign.campaign.unsubscribe_link import PATH
from christmas_campaign.door.handlers import HANDLERS, UNSUBSCRIBE
from christmas_campaign.sequences.registry import SEQUENCES

_SEQUENCE_NAMES = {sequence.name for sequence in SEQUENCES}

#: The public paths by sequence name.
PUBLIC_PATHS: Mapping[str, str] = {
    handler.name: handler.path for handler in HANDLERS if handler.name in _SEQUENCE_NAMES and handler.path
}

#: The paths of the old system, where they differ from the public ones, by sequence name.
OLD_PATHS: Mapping[str, str] = {handler.name: handler.old_path for handler in HANDLERS if handler.old_path}

#: Kestra's own webhook paths without the key, by sequence name. The door does not serve those of the other handlers.
KESTRA_PATHS: Mapping[str, str] = {
    handler.name: handler.kestra_path for handler in HANDLERS if handler.name in _SEQUENCE_NAMES
}

HEALTH = "/health"

_PAGE = PATH.encode()


class Route(NamedTuple):
    """The meaning of a path: the name of the handler (``None``: ``/health``) and the allowed methods.

    ``token`` is the last part of the path of an unsubscribe page, not yet checked (``None``: the path is not such a page).
    """

    handler: str | None
    methods: tuple[str, ...]
    token: str | None = None


class Routes:
    """The routes of one installation."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        """``keys`` has the webhook keys by handler name."""
        self._exact = {
            path.encode(): Route(handler.name, ("POST",))
            for handler in HANDLERS
            for path in (handler.path, handler.old_path)
            if path
        }
        self._exact[HEALTH.encode()] = Route(None, ("GET", "HEAD"))
        self._with_key = [
            (path.encode(), keys[name].encode(), Route(name, ("POST",))) for name, path in KESTRA_PATHS.items()
        ]

    def match(self, raw_path: bytes) -> Route | None:
        """Return the route of a path without its query, or ``None``. The time taken does not reveal a webhook key."""
        if raw_path.startswith(_PAGE):
            return Route(UNSUBSCRIBE, ("GET", "HEAD", "POST"), raw_path.removeprefix(_PAGE).decode("latin-1"))
        match = self._exact.get(raw_path)
        for path, key, route in self._with_key:
            if raw_path.startswith(path) and hmac.compare_digest(raw_path.removeprefix(path), key):
                match = route
        return match
