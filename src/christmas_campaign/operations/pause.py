"""Pauses and resumes all e-mails, by a KV entry that the flow `send-email` checks before it does anything else."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import NamedTuple

from christmas_campaign.campaign import times
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.repair.decide import EMAIL_FLOWS, SEND_EMAIL

NAMESPACE = "christmas"

#: While this KV entry exists no e-mail goes out; its value has the time since when.
PAUSED_KEY = "paused"

#: The KV entry with the time when e-mails were last resumed. E-mails that were overdue then count as late only from that time.
RESUMED_KEY = "resumed"


class Pause(NamedTuple):
    """A pause: since when (UTC), whether it existed before, and how many due e-mails wait for its end."""

    since: datetime
    already: bool
    due: int


def pause(kestra: Kestra) -> Pause:
    """Pause all e-mails; a pause that exists stays as it is. Raises ``KestraError``."""
    since = _since(kestra)
    if since is None:
        now = datetime.now(UTC)
        kestra.kv_put(PAUSED_KEY, {"since": times.text(now)}, NAMESPACE)
        return Pause(now, False, len(_waiting(kestra)))
    return Pause(since, True, len(_waiting(kestra)))


def resume(kestra: Kestra) -> tuple[datetime | None, int]:
    """Resume all e-mails; return since when they were paused (``None``: they were not), and how many waited.

    It is safe to repeat, and a repetition resumes e-mails that were paused only just before. Raises ``KestraError``.
    """
    since = _since(kestra)
    waiting = _waiting(kestra)
    if since is not None or waiting:
        kestra.kv_put(RESUMED_KEY, {"at": times.text(datetime.now(UTC))}, NAMESPACE)
    # Before any e-mail is resumed, so that none finds the pause again.
    kestra.kv_delete(PAUSED_KEY, NAMESPACE)
    # Repeated a moment later, for e-mails that had just found the entry but were not paused yet. The repair resumes later ones.
    for delay in (0.0, 0.5, 1.0) if since is not None or waiting else (0.0,):
        time.sleep(delay)
        for execution_id in _paused(kestra):
            _resume_execution(kestra, execution_id)
    return since, len(waiting)


def _resume_execution(kestra: Kestra, execution_id: str) -> None:
    try:
        kestra.resume(execution_id)
    except KestraError as error:
        # 404 and 409: somebody else has resumed it.
        if error.status not in (404, 409):
            raise


def _since(kestra: Kestra) -> datetime | None:
    entry = kestra.kv_get(PAUSED_KEY, NAMESPACE)
    if entry is None:
        return None
    # An entry without a readable time pauses too: the flow only checks whether it exists.
    since = entry.get("since") if isinstance(entry, dict) else None
    return times.parse(since) if isinstance(since, str) else datetime.now(UTC)


def _paused(kestra: Kestra) -> list[str]:
    """Return the executions that wait for the end of the pause, in `email-follow-up` or an older revision of `send-email`."""
    return [
        execution.id
        for flow in EMAIL_FLOWS
        for execution in kestra.executions(namespace=NAMESPACE, flow_id=flow, states=["PAUSED"])
    ]


def _waiting(kestra: Kestra) -> list[str]:
    """Return the executions of due e-mails that wait: paused ones, and those queued in the lane."""
    queued = kestra.executions(namespace=NAMESPACE, flow_id=SEND_EMAIL, states=["QUEUED"])
    return [*_paused(kestra), *(execution.id for execution in queued)]
