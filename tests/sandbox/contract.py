"""Shared by the contract tests: secrets, a schema with every type of property, and helpers around the SDKs."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from notion_client import APIResponseError
from resend.exceptions import ResendError

NOTION_TOKEN = "ntn_for_tests"
RESEND_KEY = "re_for_tests"
PARENT = {"type": "page_id", "page_id": "b55c9c91384d452b81dbd1ef79372b75"}

#: Clients share an empty TLS context: the sandbox has no TLS, and reading the certificates takes longer than most tests.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

#: A property of each type, as the SDK creates it.
PROPERTIES: dict[str, Any] = {
    "Name": {"title": {}}, "Notes": {"rich_text": {}}, "Email": {"email": {}}, "Score": {"number": {}},
    "Done": {"checkbox": {}}, "When": {"date": {}}, "Labels": {"multi_select": {}}, "Site": {"url": {}},
    "Phase": {"select": {"options": [{"name": "One", "color": "red"}, {"name": "Two"}]}},
    "Phone": {"phone_number": {}}, "State": {"status": {}},
}  # fmt: skip

#: The settings of a property test that sends requests. The sandbox keeps its data between the examples.
REQUESTS = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def properties(**values: Any) -> dict[str, Any]:
    """Return plain values as Notion's API takes them: ``properties(Name="x", Score=3)``."""
    return {name: {kind: _as_written(kind, value)} for name, value in values.items() for kind in PROPERTIES[name]}


def _as_written(kind: str, value: Any) -> Any:
    if kind in ("title", "rich_text"):
        return [{"text": {"content": part}} for part in ([value] if isinstance(value, str) else value)]
    if kind in ("select", "status"):
        return {"name": value}
    if kind == "multi_select":
        return [{"name": name} for name in value]
    return {"start": value} if kind == "date" else value


def plain_values(page: dict[str, Any]) -> dict[str, Any]:
    """Return the plain values of a page: the opposite of ``properties``. A property without a value is ``None`` or ``[]``."""
    return {name: _as_read(prop["type"], prop[prop["type"]]) for name, prop in page["properties"].items()}


def _as_read(kind: str, value: Any) -> Any:
    if kind in ("title", "rich_text"):
        return "".join(part["plain_text"] for part in value) or value
    if kind == "multi_select":
        return [option["name"] for option in value]
    key = {"select": "name", "status": "name", "date": "start"}.get(kind)
    return value[key] if key and value is not None else value


def notion_refusal(call: Callable[[], object]) -> APIResponseError:
    """Return the error that the SDK raises for this call to Notion."""
    with pytest.raises(APIResponseError) as refused:
        call()
    return refused.value


def resend_refusal(call: Callable[[], object]) -> ResendError:
    """Return the error that the SDK raises for this call to Resend."""
    with pytest.raises(ResendError) as refused:
        call()
    return refused.value


def json_values(*words: str) -> st.SearchStrategy[Any]:
    """Return a strategy for JSON values whose keys and strings are mostly these words."""
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    scalars = st.none() | st.booleans() | numbers | st.sampled_from(words) | st.text(max_size=3)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words), inner, max_size=3),
        max_leaves=10,
    )
