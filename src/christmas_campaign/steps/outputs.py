"""Outputs: turns a decision into the JSON that a flow reads.

The decisions return typed values. Only the steps turn them into labels, alerts and JSON texts.

A flow passes some JSON texts on unchanged, such as a request's body or an entry of the KV store. In such a text the percent
sign is escaped, because Kestra removes ``{% raw %}`` from the result of an expression.
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
    """The result of a decision: the outcome, the reason, and a sentence for a person."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def reason(self) -> Reason | None: ...
    @property
    def detail(self) -> str: ...


class RetryOutputs(TypedDict):
    """The outcome of work that may be rescheduled. If it is: ``date`` of the next try (UTC) and ``tries``, the number of
    tries.
    """

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


def call_time(context: Mapping[str, Any], now: datetime) -> datetime:
    """Return when the door received a call (UTC).

    It is in the ``headers`` of a step's context; executions of revisions up to 0.4 have ``received_at``. The default is
    ``now``.
    """
    if "headers" in context:
        return arrival.arrival(arrival.received_at(context["headers"]), now)
    return arrival.arrival(context.get("received_at"), now)


def json_text(value: object) -> str:
    """Return ``value`` as a JSON text that Kestra's expressions do not change."""
    # In JSON a percent sign occurs only inside strings, where the escape means the same.
    return json.dumps(value).replace("%", "\\u0025")


def labels_text(result: Result, **more: str) -> str:
    """Return an execution's labels as JSON text: ``outcome``, ``reason`` if there is one, and ``more``."""
    return json_text({"outcome": result.outcome, **({"reason": result.reason} if result.reason else {}), **more})


def with_labels(outputs: Mapping[str, Any], **more: str) -> dict[str, Any]:
    """Return ``outputs`` with ``labels``: the ``labels_text`` of their outcome and reason, and ``more``."""
    labels = {name: outputs[name] for name in ("outcome", "reason") if outputs.get(name)} | more
    return {**outputs, "labels": json_text(labels)}


def failure_alert(
    result: Result, event: Event | None, enrolment: str, number: int | None, pages: Pages | None = None
) -> TeamAlert | None:
    """Return the inputs of the flow `tell` for a failure, and ``None`` for any other outcome.

    ``event`` and ``enrolment`` say what the alert is about (``event`` is ``None`` when it has expired), ``number`` is
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
    """Return the outputs for a decision of ``retry.put_off``."""
    outputs: RetryOutputs = {"outcome": retry.outcome, "reason": retry.reason, "detail": retry.detail}
    if isinstance(retry, PutOff):
        outputs["date"] = times.text(retry.date)
        outputs["tries"] = retry.tries
    return outputs
