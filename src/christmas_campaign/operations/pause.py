"""Holding all e-mails and letting them go on: a KV entry that the flow `send-email` looks for before it does anything."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.repair.decide import OF_AN_EMAIL, SEND_EMAIL

NAMESPACE = "christmas"

#: While it is there no e-mail goes out; its value says since when.
PAUSED_KEY = "paused"

#: When e-mails were let go on last: what was overdue by then is no later than that.
RESUMED_KEY = "resumed"


class Held(NamedTuple):
    """Since when all e-mails are held (UTC), and how many are due and wait for it."""

    since: datetime
    already: bool
    due: int


def pause(kestra: Kestra) -> Held:
    """Hold all e-mails from now on; does nothing when they are held. Raises ``KestraError``."""
    since = _since(kestra)
    if since is None:
        now = datetime.now(UTC)
        kestra.kv_put(PAUSED_KEY, {"since": times.text(now)}, NAMESPACE)
        return Held(now, False, len(_held(kestra)))
    return Held(since, True, len(_held(kestra)))


def resume(kestra: Kestra) -> tuple[datetime | None, int]:
    """Let all e-mails go on; returns since when they were held (``None``: they were not), and how many go on at once.

    It may be called again and again: one that was held a moment ago, for it had looked before, goes on too. Raises
    ``KestraError``.
    """
    since = _since(kestra)
    held = _held(kestra)
    if since is not None or held:
        kestra.kv_put(RESUMED_KEY, {"at": times.text(datetime.now(UTC))}, NAMESPACE)
    # First: what is let go next is to find nothing that holds it.
    kestra.kv_delete(PAUSED_KEY, NAMESPACE)
    # And again a moment later: one that had just looked was not held yet. What is held later still, the repair lets go.
    for pause in (0.0, 0.5, 1.0) if since is not None or held else (0.0,):
        time.sleep(pause)
        for execution_id in _paused(kestra):
            _let_go(kestra, execution_id)
    return since, len(held)


def _let_go(kestra: Kestra, execution_id: str) -> None:
    try:
        kestra.resume(execution_id)
    except KestraError as error:
        # Somebody else has let it go meanwhile.
        if error.status not in (404, 409):
            raise


def _since(kestra: Kestra) -> datetime | None:
    kept = kestra.kv_get(PAUSED_KEY, NAMESPACE)
    if kept is None:
        return None
    # Whatever it says, it holds: the flow only looks whether it is there.
    said = kept.get("since") if isinstance(kept, dict) else None
    return times.parse(said) if isinstance(said, str) else datetime.now(UTC)


def _paused(kestra: Kestra) -> list[str]:
    """The executions that wait for the end of the pause: in `email-follow-up`, or in an older revision of `send-email`."""
    return [
        each.id
        for flow in OF_AN_EMAIL
        for each in kestra.executions(namespace=NAMESPACE, flow_id=flow, states=["PAUSED"])
    ]


def _held(kestra: Kestra) -> list[str]:
    """The e-mails that are due and wait, those that keep the lane among them."""
    queued = kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, states=["QUEUED"])
    return [*_paused(kestra), *(each.id for each in queued)]
