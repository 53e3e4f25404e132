"""The stand-in for Discord: a webhook takes a message and stores it as an alert."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.faults import Fault, RateLimit, whole_seconds
from christmas_campaign.sandbox.pipeline import Pipeline, ServiceCall, ServiceResponse, parse_json

MAX_CONTENT = 2000
MAX_EMBEDS = 10
MAX_EMBED_TEXT = 6000
_EMBED_LIMITS = {"title": 256, "description": 4096}
_PATH = re.compile(r"/discord/api(?:/v\d+)?/webhooks/([^/]+)/([^/]+)")


def hide_token(path: str) -> str:
    """Return a webhook's path with its token, which is a secret, replaced by ``***``."""
    return re.sub(r"(/webhooks/[^/]+)/[^/]+", r"\1/***", path)


class DiscordService:
    """The service behind the ``/discord`` prefix."""

    name = "discord"

    def __init__(self, pipeline: Pipeline) -> None:
        """Take the pipeline, which holds the store and the clock."""
        self._pipeline = pipeline

    def make_webhook(self, name: str) -> str:
        """Create a webhook and return its path from the root of the sandbox, token included."""
        # Discord's ids ("snowflakes") have 17 to 19 digits and do not start with 0.
        webhook_id = str(10**17 + secrets.randbelow(10**17))
        token = secrets.token_urlsafe(51)
        self._pipeline.store.add_webhook(webhook_id, token, name)
        return f"/discord/api/webhooks/{webhook_id}/{token}"

    async def answer(self, call: ServiceCall) -> ServiceResponse:
        """Return Discord's answer to a call."""
        await call.pause("before")
        match = _PATH.fullmatch(call.request.url.path)
        if match is None:
            return ServiceResponse(404, {"message": "404: Not Found", "code": 0})
        webhook = self._pipeline.store.webhook(match[1])
        if webhook is None:
            return ServiceResponse(404, {"message": "Unknown Webhook", "code": 10015})
        token, name = webhook
        if not hmac.compare_digest(token.encode(), match[2].encode()):
            return ServiceResponse(401, {"message": "Invalid Webhook Token", "code": 50027})
        if call.request.method != "POST":
            return ServiceResponse(405, {"message": "405: Method Not Allowed", "code": 0})
        try:
            message = parse_json(call.raw)
        except (ValueError, RecursionError):
            return ServiceResponse(400, {"message": "The request body contains invalid JSON.", "code": 50109})
        problems = _message_problems(message)
        if problems:
            return ServiceResponse(400, {"message": "Invalid Form Body", "code": 50035, "errors": problems})
        if not (message.get("content") or "").strip() and not message.get("embeds"):
            return ServiceResponse(400, {"message": "Cannot send an empty message", "code": 50006})
        alert = {
            "id": str(10**17 + secrets.randbelow(10**17)),
            "received_at": self._pipeline.clock.iso(),
            "webhook_id": match[1],
            "webhook": name,
            "content": message.get("content") or "",
            "embeds": message.get("embeds") or [],
            "username": message.get("username"),
        }
        self._pipeline.store.add_alert(alert)
        if call.request.query_params.get("wait", "").lower() not in ("true", "1"):
            return ServiceResponse(204, None)
        message_fields = {key: alert[key] for key in ("id", "content", "embeds", "webhook_id")}
        author = {"id": match[1], "username": alert["username"] or name, "bot": True}
        return ServiceResponse(200, {**message_fields, "type": 0, "timestamp": alert["received_at"], "author": author})

    def too_many(self, wait: float, limit: RateLimit) -> ServiceResponse:
        """Return a 429 with the exact seconds to wait in the body and the whole seconds in the header."""
        headers = {
            "Retry-After": str(whole_seconds(wait)),
            "X-RateLimit-Limit": str(limit.per_second),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset-After": f"{wait:.3f}",
        }
        body = {"message": "You are being rate limited.", "retry_after": round(wait, 3), "global": False}
        return ServiceResponse(429, body, headers)

    def failure(self, fault: Fault) -> ServiceResponse:
        """Return the answer of a ``status`` fault."""
        headers = {"Retry-After": str(fault.retry_after)} if fault.status in (429, 503) else {}
        if fault.body is not None:
            return ServiceResponse(fault.status, fault.body, headers)
        if fault.status == 429:
            retry_after = float(fault.retry_after)
            body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
            return ServiceResponse(429, body, headers)
        message = f"{fault.status}: a fault in the sandbox made this call fail"
        return ServiceResponse(fault.status, {"message": message, "code": 0}, headers)


def _message_problems(message: Any) -> JsonObject:
    """Return Discord's error objects by field name; empty for a valid message."""
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
        problems_by_index: JsonObject = {
            str(index): embed_problems
            for index, embed in enumerate(embeds)
            if (embed_problems := _embed_problems(embed))
        }
        if problems_by_index:
            problems["embeds"] = problems_by_index
        elif sum(_text_length(embed) for embed in embeds) > MAX_EMBED_TEXT:
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


def _text_length(embed: dict[str, Any]) -> int:
    """Return how many characters count towards Discord's limit of 6,000 for all embeds together."""
    texts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    for field in embed.get("fields") or []:
        texts += [field["name"], field["value"]]
    return sum(len(text) for text in texts if isinstance(text, str))


def _too_long(limit: int) -> JsonObject:
    return _error("BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")


def _error(code: str, message: str) -> JsonObject:
    return {"_errors": [{"code": code, "message": message}]}
