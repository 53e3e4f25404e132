"""Outputs: a decision as the JSON that a flow reads.

The decisions return values with types. Here, and nowhere below the steps, they become labels, alerts and texts of JSON.

A flow passes some texts of JSON on untouched: a request's body, an entry of the KV store. Such a text is ready-made, with the
percent sign escaped, because Kestra strips ``{% raw %}`` from whatever an expression yields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, Protocol, TypedDict

from christmas_campaign.campaign import settings, times
from christmas_campaign.campaign.outcomes import Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email.retry import PutOff, Retry
from christmas_campaign.enrolment.alerts import Pages, TeamAlert, failure
from christmas_campaign.events import arrival
from christmas_campaign.events.intake import Event


class Result(Protocol):
    """What a decision came to: how it ended, why, and a sentence for the person who looks."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def reason(self) -> Reason | None: ...
    @property
    def detail(self) -> str: ...


class RetryOutputs(TypedDict):
    """What became of something that may be tried again: ``date`` of the next try (UTC) and ``tries``, its count, if there is
    one."""

    outcome: Outcome
    reason: Reason
    detail: str
    date: NotRequired[str]
    tries: NotRequired[int]


def read_settings(context: Mapping[str, Any]) -> Settings:
    """Return the settings in a step's context: ``settings``, the engine's environment, with ``testing_mode`` and
    ``unsubscribe_key``, which are secrets. Raises ``InvalidSetting``."""
    secrets = {name: context[name] for name in ("testing_mode", "unsubscribe_key") if name in context}
    return settings.read({**context["settings"], **secrets})


def arrived(context: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a call arrived (UTC), from the ``headers`` in a step's context, or from ``received_at`` in that of a run of a
    revision up to 0.4; ``now`` if they do not say."""
    if "headers" in context:
        return arrival.arrival(arrival.received_at(context["headers"]), now)
    return arrival.arrival(context.get("received_at"), now)


def ready_made(value: object) -> str:
    """Return ``value`` as JSON that passes through Kestra's expressions unchanged."""
    # A percent sign can only stand inside a text there, so the escape is JSON of the same meaning.
    return json.dumps(value).replace("%", "\\u0025")


def label_text(result: Result, **more: str) -> str:
    """Return the labels for an execution, ready-made: ``outcome`` and ``reason`` if there is one, and ``more``."""
    return ready_made({"outcome": result.outcome, **({"reason": result.reason} if result.reason else {}), **more})


def labelled(outputs: Mapping[str, Any], **more: str) -> dict[str, Any]:
    """Return ``outputs`` with ``labels`` for the execution, ready-made: ``outcome``, ``reason`` if there is one, ``more``."""
    labels = {name: outputs[name] for name in ("outcome", "reason") if outputs.get(name)} | more
    return {**outputs, "labels": ready_made(labels)}


def failure_alert(
    result: Result, event: Event | None, enrolment: str, number: int | None, pages: Pages | None = None
) -> TeamAlert | None:
    """Return the inputs of the flow `tell` for a failure, and ``None`` for any other outcome.

    ``event`` and ``enrolment`` say what the alert is about (``event`` is ``None`` when it is not kept any more), ``number`` is
    the e-mail (``None``: the enrolment), ``pages`` are the contact's pages in Notion.
    """
    if result.outcome is not Outcome.FAILED or result.reason is None:
        return None
    return failure(event, enrolment, number, result.reason, result.detail, pages)


def with_alert(
    outputs: Mapping[str, Any], event: Event | None, enrolment: str, number: int | None, pages: Pages | None = None
) -> dict[str, Any]:
    """Return ``outputs`` with ``alert``, the inputs of the flow `tell` for a failure (``None`` for any other outcome).

    The parameters are those of ``failure_alert``.
    """
    alert = None
    if outputs["outcome"] is Outcome.FAILED:
        alert = failure(event, enrolment, number, outputs["reason"], outputs["detail"], pages)
    return {**outputs, "alert": alert}


def retry_outputs(retry: Retry) -> RetryOutputs:
    """Return what ``retry.put_off`` decided."""
    outputs: RetryOutputs = {"outcome": retry.outcome, "reason": retry.reason, "detail": retry.detail}
    if isinstance(retry, PutOff):
        outputs["date"] = times.text(retry.date)
        outputs["tries"] = retry.tries
    return outputs
