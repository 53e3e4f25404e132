"""Notion's HTTP API: checks the headers, reads the body and calls the endpoint for the path."""

from __future__ import annotations

import hmac
import re
import uuid
from typing import Any

from starlette.requests import Request

from christmas_campaign.json_types import JsonObject
from christmas_campaign.sandbox.faults import Fault, RateLimit, whole_seconds
from christmas_campaign.sandbox.notion.endpoints import Endpoints
from christmas_campaign.sandbox.notion.errors import CODES, NotionError, invalid, malformed
from christmas_campaign.sandbox.notion.workspace import Workspace
from christmas_campaign.sandbox.pipeline import Pipeline, ServiceCall, ServiceResponse, parse_json

VERSION = "2025-09-03"
LARGEST_BODY = 500 * 1024
_ID = r"([^/]+)"


class NotionService:
    """The service behind the ``/notion`` prefix. Each call is handled without ``await``, so no other call sees it half done."""

    name = "notion"

    def __init__(self, pipeline: Pipeline, workspace: Workspace, token: str) -> None:
        """Take the pipeline, the workspace, and the token that callers must send."""
        self._token = token
        endpoints = Endpoints(workspace, pipeline.clock)
        self._routes: list[tuple[str, re.Pattern[str], str, Any]] = [
            (method, re.compile(f"/v1/{path}"), kind, handler)
            for method, path, kind, handler in (
                ("POST", "databases", "", endpoints.create_database),
                ("GET", f"databases/{_ID}", "database_id", endpoints.retrieve_database),
                ("POST", "data_sources", "", endpoints.create_source),
                ("GET", f"data_sources/{_ID}", "data_source_id", endpoints.retrieve_source),
                ("PATCH", f"data_sources/{_ID}", "data_source_id", endpoints.update_source),
                ("POST", f"data_sources/{_ID}/query", "data_source_id", endpoints.query),
                ("POST", "pages", "", endpoints.create_page),
                ("GET", f"pages/{_ID}", "page_id", endpoints.retrieve_page),
                ("PATCH", f"pages/{_ID}", "page_id", endpoints.update_page),
                ("POST", "search", "", endpoints.search),
                ("GET", "users/me", "", endpoints.me),
            )
        ]

    async def answer(self, call: ServiceCall) -> ServiceResponse:
        """Return Notion's answer to a call."""
        await call.pause("before")
        try:
            body = self._handle(call)
        except NotionError as error:
            return error.answer()
        return ServiceResponse(200, {**body, "request_id": str(uuid.uuid4())})

    def too_many(self, wait: float, limit: RateLimit) -> ServiceResponse:  # noqa: ARG002  (Notion's answer does not contain the limit)
        """Return a 429 with the whole seconds to wait."""
        error = NotionError(429, "rate_limited", "You have been rate limited. Please try again in a few seconds.")
        return error.answer({"Retry-After": str(whole_seconds(wait))})

    def failure(self, fault: Fault) -> ServiceResponse:
        """Return the answer of a ``status`` fault, with Notion's error code for the status."""
        headers = {"Retry-After": str(fault.retry_after)} if fault.status in (429, 503) else {}
        if fault.body is not None:
            return ServiceResponse(fault.status, fault.body, headers)
        code = CODES.get(fault.status, "internal_server_error")
        return NotionError(fault.status, code, f"A fault in the sandbox made this call fail ({code}).").answer(headers)

    def _handle(self, call: ServiceCall) -> JsonObject:
        request = call.request
        self._check_headers(request)
        path = request.url.path.removeprefix("/notion")
        for method, pattern, kind, handler in self._routes:
            match = pattern.fullmatch(path)
            if method != request.method or match is None:
                continue
            arguments: list[Any] = [_uuid(match[1], kind)] if kind else []
            if method != "GET":
                arguments.append(_body(call.raw))
            if (method == "GET" and kind == "page_id") or path.endswith("/query"):
                arguments.append(request.query_params.getlist("filter_properties"))
            result: dict[str, Any] = handler(*arguments)
            return result
        raise NotionError(400, "invalid_request_url", "Invalid request URL.")

    def _check_headers(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            raise NotionError(401, "unauthorized", "API token is invalid.")
        version = request.headers.get("notion-version")
        failed = "Notion-Version header failed validation: Notion-Version header should be"
        if version is None:
            raise NotionError(400, "missing_version", f"{failed} defined, instead was `undefined`.")
        if version != VERSION:
            # The real API also accepts other versions; their answers have another shape.
            raise invalid(f'{failed} `"{VERSION}"` here, instead was `"{version}"`.')


def _uuid(value: str, kind: str) -> str:
    try:
        if re.fullmatch(r"[0-9a-fA-F-]{32,36}", value):
            return str(uuid.UUID(value))
    except ValueError:
        pass
    raise invalid(f'path failed validation: path.{kind} should be a valid uuid, instead was `"{value}"`.')


def _body(raw: bytes) -> JsonObject:
    if len(raw) > LARGEST_BODY:
        raise invalid(f"The request body is {len(raw)} bytes; the limit is {LARGEST_BODY} bytes.")
    try:
        body = parse_json(raw) if raw else {}
    except (ValueError, RecursionError):
        raise NotionError(400, "invalid_json", "Error parsing JSON body.") from None
    if not isinstance(body, dict):
        raise malformed("body", "should be an object", body)
    return body
