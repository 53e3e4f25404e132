"""Reads a call of the unsubscribe link: the contact and their wish."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from christmas_campaign.campaign.unsubscribe_link import Keys


class Wish(StrEnum):
    """The wishes that a contact can express with their unsubscribe link."""

    STOP = "unsubscribe"
    GO_ON = "go_on"
    """Take back an unsubscribing, for example one made by mistake."""


class UnsubscribeCall(NamedTuple):
    """A valid call of the unsubscribe link: the contact's opaque id, their wish, and when the door received it (aware)."""

    contact: str
    wish: Wish
    at: datetime


def read_call(payload: object, keys: Keys, received_at: datetime) -> UnsubscribeCall | None:
    """Return a call of the unsubscribe link, ``None`` if it is invalid.

    ``payload`` is any JSON value. A valid one is an object with ``token`` and, optionally, ``wish`` (default: unsubscribe).
    ``received_at`` (aware) is when the door received the call.
    """
    fields = payload if isinstance(payload, Mapping) else {}
    contact = keys.contact(fields.get("token"))
    wish = fields.get("wish", Wish.STOP)
    if contact is None or wish not in tuple(Wish):
        # The caller does not learn which of the two is wrong.
        return None
    return UnsubscribeCall(contact, Wish(wish), received_at)
