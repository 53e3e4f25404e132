"""A Discord webhook: takes a message, and keeps it as an alert."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.faults import Fault, Limit, whole_seconds
from christmas_campaign.sandbox.gate import Answer, Call, Gate, parse_json

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_TEXT = 6000
_EMBED_LIMITS = {"title": 256, "description": 4096}
_PATH = re.compile(r"/discord/api(?:/v\d+)?/webhooks/([^/]+)/([^/]+)")


def hide_token(path: str) -> str:
    """The path of a webhook without its token, which is a secret."""
    return re.sub(r"(/webhooks/[^/]+)/[^/]+", r"\1/***", path)


class Discord:
    """The service."""

    name = "discord"

    def __init__(self, gate: Gate) -> None:
        """Take what it works on."""
        self._gate = gate

    def make_webhook(self, name: str) -> str:
        """Make a webhook; its path, token included, from the root of the sandbox."""
        # A snowflake is a number of 17 to 19 digits that does not start with 0.
        webhook_id = str(10**17 + secrets.randbelow(10**17))
        token = secrets.token_urlsafe(51)
        self._gate.store.add_webhook(webhook_id, token, name)
        return f"/discord/api/webhooks/{webhook_id}/{token}"

    async def answer(self, call: Call) -> Answer:
        """The answer to a call."""
        await call.pause("before")
        match = _PATH.fullmatch(call.request.url.path)
        if match is None:
            return Answer(404, {"message": "404: Not Found", "code": 0})
        found = self._gate.store.webhook(match[1])
        if found is None:
            return Answer(404, {"message": "Unknown Webhook", "code": 10015})
        token, name = found
        if not hmac.compare_digest(token.encode(), match[2].encode()):
            return Answer(401, {"message": "Invalid Webhook Token", "code": 50027})
        if call.request.method != "POST":
            return Answer(405, {"message": "405: Method Not Allowed", "code": 0})
        try:
            message = parse_json(call.raw)
        except (ValueError, RecursionError):
            return Answer(400, {"message": "The request body contains invalid JSON.", "code": 50109})
        problems = _problems(message)
        if problems:
            return Answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": problems})
        if not (message.get("content") or "").strip() and not message.get("embeds"):
            return Answer(400, {"message": "Cannot send an empty message", "code": 50006})
        alert = {
            "id": str(10**17 + secrets.randbelow(10**17)),
            "received_at": self._gate.clock.iso(),
            "webhook_id": match[1],
            "webhook": name,
            "content": message.get("content") or "",
            "embeds": message.get("embeds") or [],
            "username": message.get("username"),
        }
        self._gate.store.add_alert(alert)
        if call.request.query_params.get("wait", "").lower() not in ("true", "1"):
            return Answer(204, None)
        shown = {key: alert[key] for key in ("id", "content", "embeds", "webhook_id")}
        author = {"id": match[1], "username": alert["username"] or name, "bot": True}
        return Answer(200, {**shown, "type": 0, "timestamp": alert["received_at"], "author": author})

    def too_many(self, wait: float, limit: Limit) -> Answer:
        """A 429: the exact seconds in the body, whole ones in the header."""
        headers = {
            "Retry-After": str(whole_seconds(wait)),
            "X-RateLimit-Limit": str(limit.per_second),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": f"{wait:.3f}",
        }
        body = {"message": "You are being rate limited.", "retry_after": round(wait, 3), "global": False}
        return Answer(429, body, headers)

    def failure(self, fault: Fault) -> Answer:
        """The status that was ordered."""
        headers = {"Retry-After": str(fault.retry_after)} if fault.status in (429, 503) else {}
        if fault.body is not None:
            return Answer(fault.status, fault.body, headers)
        if fault.status == 429:
            retry_after = float(fault.retry_after)
            body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
            return Answer(429, body, headers)
        return Answer(fault.status, {"message": f"{fault.status}: the sandbox was asked to fail", "code": 0}, headers)


def _problems(message: Any) -> JsonObject:
    if not isinstance(message, dict):
        return _error("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    problems: JsonObject = {}
    for name, limit in (("content", MAX_CONTENT), ("username", 80)):
        text = message.get(name)
        if text is not None and not isinstance(text, str):
            problems[name] = _error("STRING_TYPE_CONVERT", "Could not interpret this as a string.")
        elif text is not None and len(text) > limit:
            problems[name] = _too_long(limit)
    embeds = message.get("embeds")
    if embeds is None:
        return problems
    if not isinstance(embeds, list) or not all(isinstance(embed, dict) for embed in embeds):
        problems["embeds"] = _error("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType.")
    elif len(embeds) > MAX_EMBEDS:
        problems["embeds"] = _too_long(MAX_EMBEDS)
    else:
        wrong: JsonObject = {
            str(index): found for index, embed in enumerate(embeds) if (found := _embed_problems(embed))
        }
        if wrong:
            problems["embeds"] = wrong
        elif sum(_size(embed) for embed in embeds) > MAX_EMBED_TEXT:
            problems["embeds"] = _error("MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
    return problems


def _embed_problems(embed: dict[str, Any]) -> JsonObject:
    problems: JsonObject = {}
    for name, limit in _EMBED_LIMITS.items():
        if isinstance(embed.get(name), str) and len(embed[name]) > limit:
            problems[name] = _too_long(limit)
    fields = embed.get("fields") or []
    if not isinstance(fields, list):
        return {**problems, "fields": _error("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType.")}
    if not isinstance(embed.get("footer") or {}, dict):
        problems["footer"] = _error("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
    if len(fields) > 25:
        problems["fields"] = _too_long(25)
    for index, field in enumerate(fields):
        for name, limit in (("name", 256), ("value", 1024)):
            text = field.get(name) if isinstance(field, dict) else None
            if not isinstance(text, str) or not text:
                problems[f"fields.{index}.{name}"] = _error("BASE_TYPE_REQUIRED", "This field is required")
            elif len(text) > limit:
                problems[f"fields.{index}.{name}"] = _too_long(limit)
    return problems


def _size(embed: dict[str, Any]) -> int:
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    for field in embed.get("fields") or []:
        texts += [field["name"], field["value"]]
    return sum(len(text) for text in texts if isinstance(text, str))


def _too_long(limit: int) -> JsonObject:
    return _error("BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def _error(code: str, message: str) -> JsonObject:
    return {"_errors": [{"code": code, "message": message}]}
