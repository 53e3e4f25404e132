"""Notion's API, as far as the command needs it: making databases and pages, and reading them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from christmas_campaign import notion_pages
from christmas_campaign.notion_schema import Database

#: The version of Notion's API whose databases have data sources.
VERSION = "2025-09-03"


class NotionError(Exception):
    """Notion refused a call or could not be reached; the message says which call and why."""


class Notion:
    """Notion's API at ``url`` (the real one or the sandbox's), with an integration's token. Close it after use."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/v1",
            headers={"Authorization": f"Bearer {token}", "Notion-Version": VERSION},
            timeout=30,
        )

    def __enter__(self) -> Notion:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def create_database(self, database: Database, parent_page: str) -> str:
        """Make a database with all its properties below a page; returns its id."""
        properties: dict[str, Any] = {}
        for found in database.properties:
            options = {"options": [{"name": option} for option in found.options]} if found.type == "select" else {}
            properties[found.name] = {found.type: options}
        made = self._call(
            "POST",
            "/databases",
            {
                "parent": {"type": "page_id", "page_id": parent_page},
                "title": notion_pages.rich_text(database.title),
                "initial_data_source": {"properties": properties},
            },
        )
        return str(made["id"])

    def data_source(self, database_id: str) -> str:
        """Return the id of a database's first data source."""
        return str(self._call("GET", f"/databases/{database_id}")["data_sources"][0]["id"])

    def create_page(self, data_source: str, database: Database, values: Mapping[str, Any]) -> str:
        """Make a page with these plain values; returns its id."""
        parent = {"type": "data_source_id", "data_source_id": data_source}
        body = {"parent": parent, "properties": notion_pages.properties(database, values)}
        return str(self._call("POST", "/pages", body)["id"])

    def update_page(self, page_id: str, database: Database, values: Mapping[str, Any]) -> None:
        """Set these plain values of a page."""
        self._call("PATCH", f"/pages/{page_id}", {"properties": notion_pages.properties(database, values)})

    def archive_page(self, page_id: str) -> None:
        """Put a page into the trash."""
        self._call("PATCH", f"/pages/{page_id}", {"in_trash": True})

    def page(self, page_id: str) -> dict[str, Any]:
        """Return a page as Notion gives it."""
        return self._call("GET", f"/pages/{page_id}")

    def pages(self, data_source: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Return the pages that a query finds, beyond the first hundred too."""
        body = dict(query or {})
        while True:
            found = self._call("POST", f"/data_sources/{data_source}/query", body)
            yield from found["results"]
            if not found.get("has_more"):
                return
            body["start_cursor"] = found["next_cursor"]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise NotionError(f"Notion {method} {path}: {error}") from None
        if response.status_code != 200:
            raise NotionError(f"Notion {method} {path}: HTTP {response.status_code}: {_said(response)}")
        found: dict[str, Any] = response.json()
        return found


def _said(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
