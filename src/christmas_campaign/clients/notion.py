"""A client for the part of Notion's API that the command uses: databases, their properties and their pages."""

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

#: The first version of Notion's API in which a database has data sources.
VERSION = "2025-09-03"

#: The most attempts for a request that Notion answers with 429.
TRIES = 5

#: The longest wait between two attempts, in seconds. If Notion demands more, the request fails.
LONGEST_WAIT = 60.0


class NotionError(CommandError):
    """Notion refused a request or could not be reached. The message names the request and the reason.

    ``status`` is the HTTP status, ``None`` when there was no response. ``reason`` is Notion's own sentence.
    """

    def __init__(self, message: str, status: int | None = None, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def configuration(definition: Property, options: Iterable[JsonObject] | None = None) -> JsonObject:
    """Return the JSON that adds a property to a database.

    A select gets ``options`` (as Notion's JSON) if there are any, else those of its definition.
    """
    if definition.type != "select":
        return {definition.type: {}}
    select_options: Iterable[JsonObject] = options or ({"name": option} for option in definition.options)
    return {"select": {"options": [*select_options]}}


class Notion:
    """A client for the Notion API at ``url`` (Notion's own or the sandbox's), with the token of an integration.

    It is a context manager that closes its connections. Every method raises ``NotionError``. A request that Notion answers
    with 429 is repeated after the time that Notion demands.
    """

    def __init__(self, url: str, token: str) -> None:
        # Checked here, because the error message of the HTTP client would show the token.
        if not token.isascii() or not token.isprintable() or " " in token:
            raise NotionError(
                "the token for Notion has a character that cannot be part of a token: copy the whole token again"
            )
        try:
            self._http = httpx.Client(
                base_url=f"{url.rstrip('/')}/v1",
                headers={"Authorization": f"Bearer {token}", "Notion-Version": VERSION},
                timeout=30,
            )
        except httpx.InvalidURL as error:
            raise NotionError(f"ENV_NOTION_URL: {url} is not a valid address: {error}") from None
        #: When the last requests ended, in seconds of the monotonic clock; as many as ``pace`` allows in a second.
        self._ended: deque[float] = deque(maxlen=0)

    def __enter__(self) -> Notion:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def pace(self, per_second: int) -> None:
        """Send at most this many requests within any second from now on."""
        self._ended = deque(maxlen=per_second)

    def create_database(self, database: Database, parent_page: str) -> str:
        """Create a database with all its properties below a page; return its id."""
        properties = {definition.name: configuration(definition) for definition in database.properties}
        created = self._call(
            "POST",
            "/databases",
            {
                "parent": {"type": "page_id", "page_id": parent_page},
                "title": page_values.rich_text(database.title),
                "initial_data_source": {"properties": properties},
            },
        )
        return str(created["id"])

    def database(self, database_id: str) -> JsonObject:
        """Return a database as Notion's JSON: its title, and the ids and names of its data sources."""
        return self._call("GET", f"/databases/{quote(database_id, safe='')}")

    def data_source(self, database_id: str) -> str:
        """Return the id of a database's first data source."""
        sources = as_objects(self.database(database_id)["data_sources"])
        if not sources:
            raise NotionError("a database of the campaign has no data source: run christmas notion check to see which")
        return str(sources[0]["id"])

    def describe(self, data_source: str) -> JsonObject:
        """Return a data source as Notion's JSON, with its properties."""
        return self._call("GET", f"/data_sources/{quote(data_source, safe='')}")

    def change_properties(self, data_source: str, properties: Mapping[str, Any]) -> None:
        """Add properties to a data source, or change them. The options of a select are replaced by those in ``properties``."""
        self._call("PATCH", f"/data_sources/{data_source}", {"properties": dict(properties)})

    def databases_titled(self, title: str) -> list[str]:
        """Return the ids of the databases that have a data source with exactly this title.

        Notion searches only what is shared with the integration.
        """
        query = {"query": title, "filter": {"property": "object", "value": "data_source"}}
        ids = (
            as_text(as_object(source["parent"])["database_id"])
            for source in self._listed("/search", query)
            if not page_values.archived(source) and text(as_objects(source["title"])) == title
        )
        return list(dict.fromkeys(ids))

    def create_page(self, data_source: str, database: Database, values: Mapping[str, Any]) -> str:
        """Create a page; return its id. ``values`` are plain values by property name."""
        parent = {"type": "data_source_id", "data_source_id": data_source}
        body = {"parent": parent, "properties": page_values.properties(database, values)}
        return str(self._call("POST", "/pages", body)["id"])

    def update_page(self, page_id: str, database: Database, values: Mapping[str, Any]) -> None:
        """Change some properties of a page. ``values`` are plain values by property name."""
        self._call("PATCH", f"/pages/{page_id}", {"properties": page_values.properties(database, values)})

    def archive_page(self, page_id: str) -> None:
        """Move a page to the trash."""
        self._call("PATCH", f"/pages/{page_id}", {"in_trash": True})

    def page(self, page_id: str) -> JsonObject:
        """Return a page as Notion's JSON."""
        return self._call("GET", f"/pages/{quote(page_id, safe='')}")

    def pages(self, data_source: str, query: Mapping[str, Any] | None = None) -> Iterator[JsonObject]:
        """Yield all pages of a data source that match a query, as Notion's JSON; one request fetches up to 100."""
        return self._listed(f"/data_sources/{data_source}/query", query or {})

    def _listed(self, path: str, query: Mapping[str, Any]) -> Iterator[JsonObject]:
        body = dict(query)
        while True:
            page = self._call("POST", path, body)
            yield from as_objects(page["results"])
            # Notion cuts off a very long list and reports it here. An incomplete list must not pass for a complete one.
            status = page.get("request_status")
            if isinstance(status, dict) and status.get("type") == "incomplete":
                raise NotionError(f"Notion POST {path}: there are more pages than Notion returns for one query")
            if not page.get("has_more"):
                return
            body["start_cursor"] = page["next_cursor"]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> JsonObject:
        for tries_left in reversed(range(TRIES)):
            response = self._send(method, path, body)
            wait = _retry_after(response)
            if response.status_code != 429 or not tries_left or wait > LONGEST_WAIT:
                break
            time.sleep(wait)
        if response.status_code != 200:
            reason = _reason(response)
            message = f"Notion {method} {path}: HTTP {response.status_code}: {reason}"
            raise NotionError(message, response.status_code, reason)
        try:
            body_json: JsonObject = response.json()
        except ValueError:
            raise NotionError(f"Notion {method} {path}: the answer is not Notion's; is ENV_NOTION_URL right?") from None
        return body_json

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        if self._ended and len(self._ended) == self._ended.maxlen:
            # Counted from the end of a request: a slow one may have reached Notion only then.
            time.sleep(max(0.0, self._ended[0] + 1 - time.monotonic()))
        try:
            return self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise NotionError(f"Notion {method} {path}: {error}") from None
        finally:
            self._ended.append(time.monotonic())


def text(objects: Iterable[JsonObject]) -> str:
    """Return the plain text of Notion's rich-text objects."""
    return "".join(str(rich_text.get("plain_text") or "") for rich_text in objects)


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds of the header ``Retry-After``, 1 if there is none."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return 1.0


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return "no reason given"
