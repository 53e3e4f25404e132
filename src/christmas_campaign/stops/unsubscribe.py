"""What a contact asks for at the unsubscribe link, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from christmas_campaign.campaign.unsubscribe_link import Keys


class Wish(StrEnum):
    """What a contact asks for at her link."""

    STOP = "unsubscribe"
    GO_ON = "go_on"
    """The way back: she unsubscribed by mistake."""


class UnsubscribeCall(NamedTuple):
    """A valid call of the unsubscribe link: the opaque id of the contact, what the contact asks for, and when (aware)."""

    contact: str
    wish: Wish
    at: datetime


def answer(payload: object, keys: Keys, received_at: datetime) -> UnsubscribeCall | None:
    """Return what a call of the unsubscribe link asks for; ``None`` for a call that is refused.

    ``payload`` is any JSON value, right are ``token`` and ``wish`` (left out: to be unsubscribed); ``received_at`` (aware) is
    when the door got it.
    """
    said = payload if isinstance(payload, Mapping) else {}
    contact = keys.contact(said.get("token"))
    wish = said.get("wish", Wish.STOP)
    if contact is None or wish not in tuple(Wish):
        # Which of them is wrong is nobody's business.
        return None
    return UnsubscribeCall(contact, Wish(wish), received_at)
