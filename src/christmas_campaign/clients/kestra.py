"""A client for the part of Kestra's REST API that the project uses. It works with the embedded engine and a real server."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from christmas_campaign.clients import kestra_models as models
from christmas_campaign.clients.flow_faults import Fault, line_of, problems
from christmas_campaign.clients.kestra_http import Calls, KestraError
from christmas_campaign.clients.kestra_models import Execution, Flow, KvEntry, Lane, LogLine, TaskRun, Violation
from christmas_campaign.json_types import JsonObject

__all__ = ["Execution", "Flow", "Kestra", "KestraError", "KvEntry", "Lane", "LogLine", "TaskRun", "Violation"]

#: Executions in one response of a search.
_PAGE = 500

#: Pauses, in seconds, between the attempts to read or write a KV value that Kestra is writing.
_KV_RETRY_PAUSES = (0.1, 0.2, 0.4, 0.8)


class Kestra(Calls):
    """A client for one Kestra server: its flows, its executions and its KV store."""

    def health(self, url: str | None = None) -> bool:
        """Return whether the engine runs and its database answers. Never raises.

        ``url`` is the address of the health endpoint. A real server has that on its management port, the embedded engine on
        the same port as the API.
        """
        try:
            response = self._http.get(url or f"{self.url}/health")
            return bool(response.status_code == 200 and response.json().get("status") == "UP")
        except (httpx.HTTPError, ValueError):
            return False

    def webhook_url(self, flow_id: str, key: str, namespace: str = "christmas") -> str:
        """Return the address of a flow's webhook with this key."""
        path = "/".join(quote(part, safe="") for part in (namespace, flow_id, key))
        return f"{self._api}/executions/webhook/{path}"

    # flows

    def validate_flows(self, flows: Path | str) -> list[Violation]:
        """Have Kestra validate every flow in a file or a YAML text, without storing it.

        A text may hold several flows, separated by ``---``. The list has one entry for each flow, valid ones too.
        """
        source = flows.read_text(encoding="utf-8") if isinstance(flows, Path) else flows
        response = self._call(
            "POST", "flows/validate", content=source.encode(), headers={"Content-Type": "application/x-yaml"}
        )
        return [
            Violation(
                violation.get("namespace"),
                violation.get("flow"),
                violation.get("constraints"),
                tuple(violation.get("deprecationPaths") or ()),
                tuple(violation.get("warnings") or ()),
            )
            for violation in response.json()
        ]

    def import_flows(self, files: Iterable[Path]) -> None:
        """Create or update the flows of these YAML files. A refused file does not stop the import of the others.

        Raises one ``KestraError`` that names every refused file, with the line and Kestra's reason.
        """
        failed: list[str] = []
        for file in files:
            upload = {"fileUpload": (file.name, file.read_bytes(), "application/x-yaml")}
            try:
                self._call("POST", "flows/import", params={"failOnError": "true"}, files=upload)
            except KestraError as error:
                failed += self._reasons(file, error)
        if failed:
            raise KestraError("flows were not imported:\n" + "\n".join(failed))

    def _reasons(self, file: Path, refusal: KestraError) -> list[str]:
        """Return why Kestra refused to import a file. The refusal gives no reason, but Kestra's validation does."""
        faults: list[str] = []
        if refusal.status == 422:
            source = file.read_text(encoding="utf-8")
            for violation in self.validate_flows(source):
                for problem in problems(violation.constraints):
                    faults.append(str(Fault(file, line_of(source, problem), problem)))
        return faults or [f"{file}: {refusal}"]

    def flows(self, namespace: str = "christmas") -> list[Flow]:
        """Return all flows of a namespace, without their sources."""
        flows_json = self._call("GET", f"flows/{quote(namespace, safe='')}").json()
        return [models.flow(flow_json) for flow_json in flows_json]

    def flow(self, namespace: str, flow_id: str) -> Flow:
        """Return one flow with its source."""
        path = f"flows/{quote(namespace, safe='')}/{quote(flow_id, safe='')}"
        return models.flow(self._call("GET", path, params={"source": "true"}).json())

    # executions

    def run(
        self,
        flow_id: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        namespace: str = "christmas",
        labels: Mapping[str, str] | None = None,
        scheduled: datetime | None = None,
    ) -> str:
        """Start an execution of a flow and return its id, without waiting for its end.

        ``scheduled`` is the time to start at (aware); without it the execution starts now.
        """
        # Kestra reads inputs from form parts: text without quotes, every other type as JSON.
        parts = {
            name: (None, (value if isinstance(value, str) else json.dumps(value)).encode())
            for name, value in (inputs or {}).items()
        }
        params: list[tuple[str, str]] = [("labels", f"{name}:{value}") for name, value in (labels or {}).items()]
        if scheduled is not None:
            params.append(("scheduleDate", scheduled.isoformat()))
        path = f"executions/{quote(namespace, safe='')}/{quote(flow_id, safe='')}"
        return str(self._form(path, parts, params=params).json()["id"])

    def execution(self, execution_id: str) -> Execution:
        """Return the current state of an execution."""
        return models.execution(self._call("GET", f"executions/{quote(execution_id, safe='')}").json())

    def executions(
        self,
        *,
        namespace: str | None = None,
        flow_id: str | None = None,
        states: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        parent: str | None = None,
    ) -> list[Execution]:
        """Return the executions that match all of these filters, ordered by their start.

        ``parent`` is the id of the execution that started them.
        """
        matches = self.executions_json(
            namespace=namespace, flow_id=flow_id, states=states, labels=labels, parent=parent, size=_PAGE
        )
        return [models.execution(execution_json) for execution_json in matches]

    def executions_json(
        self,
        *,
        namespace: str | None = None,
        flow_id: str | None = None,
        states: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        parent: str | None = None,
        size: int = 100,
    ) -> Iterator[JsonObject]:
        """Yield the same executions as ``executions``, as Kestra's own JSON; each request fetches ``size`` of them."""
        params = {f"filters[labels][EQUALS][{name}]": value for name, value in (labels or {}).items()}
        for field, value in {"namespace": namespace, "flowId": flow_id, "triggerExecutionId": parent}.items():
            if value is not None:
                params[f"filters[{field}][EQUALS]"] = value
        if states:
            params["filters[state][IN]"] = ",".join(states)
        params |= {"size": str(size), "sort": "state.startDate:asc"}
        fetched = 0
        for page_number in itertools.count(1):
            page = self._call("GET", "executions/search", params={**params, "page": str(page_number)}).json()
            yield from page["results"]
            fetched += len(page["results"])
            if not page["results"] or fetched >= page["total"]:
                return

    def last_ended(self, flow_id: str, namespace: str = "christmas") -> Execution | None:
        """Return the execution of a flow that ended last, or ``None`` if none has ended."""
        params = {
            "filters[namespace][EQUALS]": namespace,
            "filters[flowId][EQUALS]": flow_id,
            "filters[state][IN]": ",".join(models.TERMINAL),
            "size": "1",
            "sort": "state.endDate:desc",
        }
        matches = self._call("GET", "executions/search", params=params).json()["results"]
        return models.execution(matches[0]) if matches else None

    def logs(self, execution_id: str) -> list[LogLine]:
        """Return the log of an execution, ordered by time."""
        lines_json = self._call("GET", f"logs/{quote(execution_id, safe='')}").json()
        lines = [
            LogLine(models.instant(line["timestamp"]), line["level"], line.get("taskId"), line.get("message") or "")
            for line in lines_json
        ]
        return sorted(lines, key=lambda line: line.at)

    def restart(self, execution_id: str) -> None:
        """Run the failed tasks of an execution again, and the tasks after them."""
        self._call("POST", f"executions/{quote(execution_id, safe='')}/restart")

    def replay(self, execution_id: str, task_run: str | None = None, revision: int | None = None) -> str:
        """Start a new execution with the inputs and the trigger of this one; return the id of the new one.

        ``task_run`` is the id of the task run to begin at; without it the execution begins at its first task. ``revision`` is
        the revision of the flow to run; without it, that of the original.
        """
        options = {"taskRunId": task_run, "revision": revision}
        params = {name: str(value) for name, value in options.items() if value is not None}
        path = f"executions/{quote(execution_id, safe='')}/replay"
        return str(self._call("POST", path, params=params).json()["id"])

    def resume(self, execution_id: str) -> None:
        """Resume a paused execution. Kestra answers 409 if it is not paused."""
        self._form(f"executions/{quote(execution_id, safe='')}/resume", {})

    def unqueue(self, execution_id: str, state: str = "RUNNING") -> None:
        """Take an execution out of its queue and into ``state``. Kestra answers 422 if it is not queued."""
        path = f"executions/{quote(execution_id, safe='')}/unqueue"
        self._call("POST", path, params={"state": state})

    def concurrency_limits(self) -> list[Lane]:
        """Return Kestra's count of running executions for each flow that has a concurrency limit and has run before."""
        lanes_json = self._call("GET", "concurrency-limit/search").json()["results"]
        return [Lane(lane["namespace"], lane["flowId"], int(lane["running"])) for lane in lanes_json]

    def set_concurrency(self, namespace: str, flow_id: str, running: int) -> None:
        """Set Kestra's count of the running executions of a flow."""
        path = f"concurrency-limit/{quote(namespace, safe='')}/{quote(flow_id, safe='')}"
        # Kestra needs the whole entry. The tenant is the last part of the API's address.
        tenant = self._api.rpartition("/")[2]
        entry = {"tenantId": tenant, "namespace": namespace, "flowId": flow_id, "running": running}
        self._call("PUT", path, json=entry)

    def kill(self, execution_id: str) -> None:
        """Ask Kestra to kill an execution, but not those that it started. Kestra answers 409 if it has ended already."""
        # A cascade also "kills" executions that have ended. Kestra then runs more of a limited flow than its limit allows.
        path = f"executions/{quote(execution_id, safe='')}/kill"
        self._call("DELETE", path, params={"isOnKillCascade": "false"})

    def delete_execution(self, execution_id: str) -> None:
        """Delete an execution in any state, with its logs, metrics and files. Kestra answers 404 if there is none."""
        flags = {"deleteLogs": "true", "deleteMetrics": "true", "deleteStorage": "true"}
        self._call("DELETE", f"executions/{quote(execution_id, safe='')}", params=flags)

    def _form(self, path: str, parts: Mapping[str, tuple[None, bytes]], **request: Any) -> httpx.Response:
        """Post a multipart form; without parts it holds the closing boundary only, because Kestra refuses an unnamed part."""
        if parts:
            return self._call("POST", path, files=parts, **request)
        headers = {"Content-Type": "multipart/form-data; boundary=empty"}
        return self._call("POST", path, content=b"--empty--\r\n", headers=headers, **request)

    # key and value

    def kv_list(self, namespace: str = "christmas") -> list[str]:
        """Return the keys of a namespace, without those that have expired."""
        return [entry.key for entry in self.kv_entries(namespace)]

    def kv_entries(self, namespace: str = "christmas") -> list[KvEntry]:
        """Return the keys of a namespace and the times of their last updates, without those that have expired."""
        entries = self._call("GET", self._kv(namespace)).json()
        return [KvEntry(str(entry["key"]), models.instant(entry["updateDate"])) for entry in entries]

    def kv_get(self, key: str, namespace: str = "christmas") -> Any:
        """Return the value of a key, or ``None`` if there is no such key or it has expired."""
        try:
            return self._kv_call("GET", namespace, key).json().get("value")
        except KestraError as error:
            # Kestra answers the first read of an expired entry with 410 and deletes the entry; later reads get 404.
            if error.status in (404, 410):
                return None
            raise

    def kv_put(self, key: str, value: Any, namespace: str = "christmas", *, ttl: str | None = None) -> None:
        """Set a key to a JSON value. ``ttl`` is an ISO 8601 duration, such as ``P30D``, after which the entry expires."""
        # Kestra accepts no other content type, although the body is JSON.
        headers = {"Content-Type": "text/plain"} | ({"ttl": ttl} if ttl else {})
        self._kv_call("PUT", namespace, key, content=json.dumps(value).encode(), headers=headers)

    def kv_delete(self, key: str, namespace: str = "christmas") -> bool:
        """Delete a key; return whether it existed."""
        return bool(self._call("DELETE", self._kv(namespace, key)).json())

    def _kv(self, namespace: str, key: str | None = None) -> str:
        path = f"namespaces/{quote(namespace, safe='')}/kv"
        return path if key is None else f"{path}/{quote(key, safe='')}"

    def _kv_call(self, method: str, namespace: str, key: str, **request: Any) -> httpx.Response:
        """Read or write a KV value; repeat after a 500, for a second or two.

        Kestra 1.3.31 first announces a value and then writes it in place. During that moment it answers 500 to a read (the
        file is empty) and to another write.
        """
        for pause in _KV_RETRY_PAUSES:
            try:
                return self._call(method, self._kv(namespace, key), **request)
            except KestraError as error:
                if error.status != 500:
                    raise
            time.sleep(pause)
        try:
            return self._call(method, self._kv(namespace, key), **request)
        except KestraError as error:
            if error.status != 500:
                raise
            action = "read" if method == "GET" else "written"
            raise KestraError(f"the value of the key {key} cannot be {action}: {error}", 500) from error
