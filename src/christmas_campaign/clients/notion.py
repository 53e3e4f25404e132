"""Notion's API, as far as the command needs it: databases, their properties and their pages, made, read and changed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import JsonObject, as_object, as_objects, as_text
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import Database, Property

#: The version of Notion's API whose databases have data sources.
VERSION = "2025-09-03"

#: How often a call is made that Notion answers with 429 each time.
TRIES = 5

#: No more seconds are waited between two tries, whatever Notion asks for.
LONGEST_WAIT = 60.0


class NotionError(CommandError):
    """Notion refused a call or could not be reached; the message says which call and why.

    ``status`` is the HTTP status, ``None`` where there was no answer; ``said`` is Notion's own sentence.
    """

    def __init__(self, message: str, status: int | None = None, said: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.said = said


def configuration(wanted: Property, options: Iterable[JsonObject] | None = None) -> JsonObject:
    """Return a property as Notion takes it when it is added, or a select with exactly these ``options``."""
    if wanted.type != "select":
        return {wanted.type: {}}
    chosen: Iterable[JsonObject] = options or ({"name": option} for option in wanted.options)
    return {"select": {"options": [*chosen]}}


class Notion:
    """Notion's API at ``url`` (the real one or the sandbox's), with an integration's token. Close it after use.

    Every method raises ``NotionError``. A call that Notion answers with 429 is made again, after as long as it asks for.
    """

    def __init__(self, url: str, token: str) -> None:
        # Checked here: the HTTP client's own message would show the token.
        if not token.isascii() or not token.isprintable() or " " in token:
            raise NotionError("the token for Notion has a character that no token has: copy it again, whole and alone")
        try:
            self._http = httpx.Client(
                base_url=f"{url.rstrip('/')}/v1",
                headers={"Authorization": f"Bearer {token}", "Notion-Version": VERSION},
                timeout=30,
            )
        except httpx.InvalidURL as error:
            raise NotionError(f"{url} is no address where Notion could be: {error}") from None
        self._ended: deque[float] = deque(maxlen=0)

    def __enter__(self) -> Notion:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def pace(self, per_second: int) -> None:
        """From now on make no more calls within any one second than this."""
        self._ended = deque(maxlen=per_second)

    def create_database(self, database: Database, parent_page: str) -> str:
        """Make a database with all its properties below a page; returns its id."""
        properties = {each.name: configuration(each) for each in database.properties}
        made = self._call(
            "POST",
            "/databases",
            {
                "parent": {"type": "page_id", "page_id": parent_page},
                "title": page_values.rich_text(database.title),
                "initial_data_source": {"properties": properties},
            },
        )
        return str(made["id"])

    def database(self, database_id: str) -> JsonObject:
        """Return a database as Notion gives it: its title, and the ids and names of its data sources."""
        return self._call("GET", f"/databases/{quote(database_id, safe='')}")

    def data_source(self, database_id: str) -> str:
        """Return the id of a database's first data source."""
        sources = as_objects(self.database(database_id)["data_sources"])
        if not sources:
            raise NotionError("a database of the campaign has no data source: christmas notion check says which")
        return str(sources[0]["id"])

    def describe(self, data_source: str) -> JsonObject:
        """Return a data source as Notion gives it, with its properties."""
        return self._call("GET", f"/data_sources/{quote(data_source, safe='')}")

    def change_properties(self, data_source: str, properties: Mapping[str, Any]) -> None:
        """Give a data source these properties besides those it has; a select keeps only the options that are given."""
        self._call("PATCH", f"/data_sources/{data_source}", {"properties": dict(properties)})

    def databases_titled(self, title: str) -> list[str]:
        """Return the ids of the databases with a data source of exactly this title that the integration may see."""
        wanted = {"query": title, "filter": {"property": "object", "value": "data_source"}}
        ids = (
            as_text(as_object(found["parent"])["database_id"])
            for found in self._listed("/search", wanted)
            if not page_values.archived(found) and text(as_objects(found["title"])) == title
        )
        return list(dict.fromkeys(ids))

    def create_page(self, data_source: str, database: Database, values: Mapping[str, Any]) -> str:
        """Make a page with these plain values; returns its id."""
        parent = {"type": "data_source_id", "data_source_id": data_source}
        body = {"parent": parent, "properties": page_values.properties(database, values)}
        return str(self._call("POST", "/pages", body)["id"])

    def update_page(self, page_id: str, database: Database, values: Mapping[str, Any]) -> None:
        """Set these plain values of a page."""
        self._call("PATCH", f"/pages/{page_id}", {"properties": page_values.properties(database, values)})

    def archive_page(self, page_id: str) -> None:
        """Put a page into the trash."""
        self._call("PATCH", f"/pages/{page_id}", {"in_trash": True})

    def page(self, page_id: str) -> JsonObject:
        """Return a page as Notion gives it."""
        return self._call("GET", f"/pages/{quote(page_id, safe='')}")

    def pages(self, data_source: str, query: Mapping[str, Any] | None = None) -> Iterator[JsonObject]:
        """Return the pages that a query finds, beyond the first hundred too."""
        return self._listed(f"/data_sources/{data_source}/query", query or {})

    def _listed(self, path: str, query: Mapping[str, Any]) -> Iterator[JsonObject]:
        body = dict(query)
        while True:
            found = self._call("POST", path, body)
            yield from as_objects(found["results"])
            # Notion ends a very long list early and says so here: the rest is not there, and nobody should think that it is.
            status = found.get("request_status")
            if isinstance(status, dict) and status.get("type") == "incomplete":
                raise NotionError(f"Notion POST {path}: it has more pages than Notion gives out in one list")
            if not found.get("has_more"):
                return
            body["start_cursor"] = found["next_cursor"]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> JsonObject:
        for tries_left in reversed(range(TRIES)):
            response = self._send(method, path, body)
            wait = _retry_after(response)
            if response.status_code != 429 or not tries_left or wait > LONGEST_WAIT:
                break
            time.sleep(wait)
        if response.status_code != 200:
            said = _said(response)
            message = f"Notion {method} {path}: HTTP {response.status_code}: {said}"
            raise NotionError(message, response.status_code, said)
        try:
            answer: JsonObject = response.json()
        except ValueError:
            raise NotionError(f"Notion {method} {path}: the answer is not Notion's; is ENV_NOTION_URL right?") from None
        return answer

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        if self._ended and len(self._ended) == self._ended.maxlen:
            # From their ends: a call that was long under way may have reached Notion only then.
            time.sleep(max(0.0, self._ended[0] + 1 - time.monotonic()))
        try:
            return self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise NotionError(f"Notion {method} {path}: {error}") from None
        finally:
            self._ended.append(time.monotonic())


def text(objects: Iterable[JsonObject]) -> str:
    """Return what Notion's text objects say."""
    return "".join(str(each.get("plain_text") or "") for each in objects)


def _retry_after(response: httpx.Response) -> float:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return 1.0


def _said(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
