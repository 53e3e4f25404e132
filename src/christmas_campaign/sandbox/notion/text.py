"""Rich text: lists of text objects, as clients write them and as Notion returns them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.notion.errors import invalid, malformed

MAX_CHARACTERS = 2000
MAX_ITEMS = 100
COLORS = {
    name + suffix
    for name in ("default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")
    for suffix in ("", "_background")
}
_STYLES = ("bold", "italic", "strikethrough", "underline", "code")


def length(text: str) -> int:
    """Return a text's length in UTF-16 units, as Notion counts it: most emoji count twice."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def check_length(text: str, limit: int, where: str) -> None:
    """Raise ``NotionError`` if a text has more than ``limit`` UTF-16 units."""
    if length(text) > limit:
        raise invalid(f"body failed validation: {where}.length should be ≤ `{limit}`, instead was `{length(text)}`.")


def plain(items: Iterable[JsonObject]) -> str:
    """Return the plain text of all text objects, joined."""
    return "".join(str(item["plain_text"]) for item in items)


def parse(value: Any, where: str) -> list[JsonObject]:
    """Return the text objects as Notion returns them. Raises ``NotionError`` for objects that Notion would refuse."""
    if not isinstance(value, list):
        raise malformed(where, "should be an array", value)
    if len(value) > MAX_ITEMS:
        raise invalid(f"body failed validation: {where}.length should be ≤ `{MAX_ITEMS}`, instead was `{len(value)}`.")
    items = [_item(item, f"{where}[{index}]") for index, item in enumerate(value)]
    # Notion drops text objects without text, so a property written as "" reads as empty.
    return [item for item in items if item["plain_text"]]


def _item(item: Any, where: str) -> JsonObject:
    if not isinstance(item, dict):
        raise malformed(where, "should be an object", item)
    unknown = set(item) - {"type", "text", "equation", "annotations", "plain_text", "href"}
    if unknown:
        name = sorted(unknown)[0]
        raise malformed(f"{where}.{name}", "should be not present", item[name])
    kind = item.get("type", "equation" if "equation" in item else "text")
    if kind not in ("text", "equation"):
        raise malformed(f"{where}.type", 'should be `"text"` or `"equation"`', kind)
    inner = item.get(kind)
    if not isinstance(inner, dict):
        raise malformed(f"{where}.{kind}", "should be defined", inner)
    rendered = _equation(inner, f"{where}.equation") if kind == "equation" else _text(inner, f"{where}.text")
    rendered["annotations"] = _annotations(item.get("annotations"), f"{where}.annotations")
    return {key: rendered[key] for key in ("type", kind, "annotations", "plain_text", "href")}


def _text(inner: dict[str, Any], where: str) -> JsonObject:
    unknown = set(inner) - {"content", "link"}
    if unknown:
        name = sorted(unknown)[0]
        raise malformed(f"{where}.{name}", "should be not present", inner[name])
    content, link = inner.get("content"), inner.get("link")
    if not isinstance(content, str):
        raise malformed(f"{where}.content", "should be a string", content)
    check_length(content, MAX_CHARACTERS, f"{where}.content")
    href = None
    if link is not None:
        href = link.get("url") if isinstance(link, dict) else None
        if not isinstance(href, str) or not href:
            raise malformed(f"{where}.link", "should be an object with a url, or `null`", link)
        check_length(href, MAX_CHARACTERS, f"{where}.link.url")
    text: JsonObject = {"content": content, "link": {"url": href} if href else None}
    return {"type": "text", "text": text, "plain_text": content, "href": href}


def _equation(inner: dict[str, Any], where: str) -> JsonObject:
    expression = inner.get("expression")
    if not isinstance(expression, str):
        raise malformed(f"{where}.expression", "should be a string", expression)
    check_length(expression, 1000, f"{where}.expression")
    return {"type": "equation", "equation": {"expression": expression}, "plain_text": expression, "href": None}


def _annotations(value: Any, where: str) -> JsonObject:
    annotations: JsonObject = {**dict.fromkeys(_STYLES, False), "color": "default"}
    if value is None:
        return annotations
    if not isinstance(value, dict):
        raise malformed(where, "should be an object", value)
    for name, setting in value.items():
        if name == "color":
            if not isinstance(setting, str) or setting not in COLORS:
                raise malformed(f"{where}.color", "should be a color", setting)
        elif name not in _STYLES:
            raise malformed(f"{where}.{name}", "should be not present", setting)
        elif not isinstance(setting, bool):
            raise malformed(f"{where}.{name}", "should be a boolean", setting)
        annotations[name] = setting
    return annotations
