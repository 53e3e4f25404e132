"""The requests of a journey to Notion, Resend and Discord, as a text that people can read and tests can compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import yaml

from christmas_campaign.campaign import times
from christmas_campaign.local.sandbox import LoggedCall

_TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

_WEBHOOK = re.compile(r"/webhooks/\d+/")


def of(calls: Iterable[LoggedCall], names: Mapping[str, str], arrived: datetime, ended: datetime) -> str:
    """Write the calls in their order as YAML.

    Each id that is a key of ``names`` is written as its name, the webhook's arrival as ``<arrival>``, and every other time
    up to ``ended`` as ``<now>``. The bodies of e-mails are left out: they are compared as files of their own.
    """

    def named(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: named(item) for key, item in value.items()}
        if isinstance(value, list):
            return [named(item) for item in value]
        if not isinstance(value, str):
            return value
        for token, name in names.items():
            value = value.replace(token, name)
        return _TIME.sub(lambda match: _moment(match.group(), arrived, ended), value)

    entries = []
    for call in calls:
        request = call.request
        if call.service == "resend" and isinstance(request, Mapping):
            request = {key: value for key, value in request.items() if key not in ("html", "text")}
        path = _WEBHOOK.sub("/webhooks/<id>/", named(call.path))
        entry = {"call": f"{call.service} {call.method} {path}", "status": call.status}
        if request is not None:
            entry["body"] = named(request)
        entries.append(yaml.safe_dump([entry], sort_keys=False, allow_unicode=True, width=120, default_flow_style=None))
    return "\n".join(entries)


def _moment(text: str, arrived: datetime, ended: datetime) -> str:
    moment = times.parse(text)
    if moment == arrived:
        return "<arrival>"
    return "<now>" if arrived < moment <= ended else text


def concerns(call: LoggedCall, tokens: Iterable[str]) -> bool:
    """Return whether one of these texts occurs in a call's path or body."""
    text = call.path + json.dumps(call.request, ensure_ascii=False)
    return any(token in text for token in tokens)
