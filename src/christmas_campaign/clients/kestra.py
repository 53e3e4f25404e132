"""Kestra's REST API, as far as it is needed: the same for the embedded engine and for a real server."""

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

#: How many executions are asked for at a time.
_PAGE = 500

#: How long to wait, in seconds, each time before a value that somebody else is writing is read or written after all.
_WHILE_IT_IS_WRITTEN = (0.1, 0.2, 0.4, 0.8)


class Kestra(Calls):
    """A client for one server: its flows, its executions and its KV store."""

    def health(self, url: str | None = None) -> bool:
        """Whether the engine runs and its database answers; never raises.

        ``url`` is the address of the health endpoint, for a real server, which has it on its management port.
        """
        try:
            answer = self._http.get(url or f"{self.url}/health")
            return bool(answer.status_code == 200 and answer.json().get("status") == "UP")
        except (httpx.HTTPError, ValueError):
            return False

    def webhook_url(self, flow_id: str, key: str, namespace: str = "christmas") -> str:
        """The address of a flow's webhook with this key."""
        path = "/".join(quote(part, safe="") for part in (namespace, flow_id, key))
        return f"{self._api}/executions/webhook/{path}"

    # flows

    def validate_flows(self, flows: Path | str) -> list[Violation]:
        """What Kestra says of each flow in a file or a YAML text (several are separated by ``---``); nothing is stored."""
        source = flows.read_text(encoding="utf-8") if isinstance(flows, Path) else flows
        answer = self._call(
            "POST", "flows/validate", content=source.encode(), headers={"Content-Type": "application/x-yaml"}
        )
        return [
            Violation(
                found.get("namespace"),
                found.get("flow"),
                found.get("constraints"),
                tuple(found.get("deprecationPaths") or ()),
                tuple(found.get("warnings") or ()),
            )
            for found in answer.json()
        ]

    def import_flows(self, files: Iterable[Path]) -> None:
        """Create or update the flows of these YAML files, all that can be.

        Raises one ``KestraError`` that names every file that could not be imported, with the line and Kestra's reason.
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
        """Return why an import was refused. Kestra's refusal gives no reason; its validation does."""
        found: list[str] = []
        if refusal.status == 422:
            source = file.read_text(encoding="utf-8")
            for violation in self.validate_flows(source):
                for problem in problems(violation.constraints):
                    found.append(str(Fault(file, line_of(source, problem), problem)))
        return found or [f"{file}: {refusal}"]

    def flows(self, namespace: str = "christmas") -> list[Flow]:
        """All flows of a namespace."""
        return [models.flow(found) for found in self._call("GET", f"flows/{quote(namespace, safe='')}").json()]

    def flow(self, namespace: str, flow_id: str) -> Flow:
        """One flow with its source."""
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
        """Start a flow by hand, now or at an aware time, and return the execution's id without waiting for it."""
        # As form parts, which is what Kestra reads: text as it stands, the rest as JSON.
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
        """One execution, as it is now."""
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
        """All executions that match everything given, in the order of their start; ``parent`` is the id of the one that
        started them."""
        found = self.executions_json(
            namespace=namespace, flow_id=flow_id, states=states, labels=labels, parent=parent, size=_PAGE
        )
        return [models.execution(each) for each in found]

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
        """The same, each as Kestra has it with everything in it; ``size`` are asked for at a time."""
        params = {f"filters[labels][EQUALS][{name}]": value for name, value in (labels or {}).items()}
        for field, value in {"namespace": namespace, "flowId": flow_id, "triggerExecutionId": parent}.items():
            if value is not None:
                params[f"filters[{field}][EQUALS]"] = value
        if states:
            params["filters[state][IN]"] = ",".join(states)
        params |= {"size": str(size), "sort": "state.startDate:asc"}
        found = 0
        for page in itertools.count(1):
            answer = self._call("GET", "executions/search", params={**params, "page": str(page)}).json()
            yield from answer["results"]
            found += len(answer["results"])
            if not answer["results"] or found >= answer["total"]:
                return

    def last_ended(self, flow_id: str, namespace: str = "christmas") -> Execution | None:
        """The run of a flow that ended last, ``None`` when none has."""
        params = {
            "filters[namespace][EQUALS]": namespace,
            "filters[flowId][EQUALS]": flow_id,
            "filters[state][IN]": ",".join(models.TERMINAL),
            "size": "1",
            "sort": "state.endDate:desc",
        }
        found = self._call("GET", "executions/search", params=params).json()["results"]
        return models.execution(found[0]) if found else None

    def logs(self, execution_id: str) -> list[LogLine]:
        """What an execution has logged, in order."""
        lines = self._call("GET", f"logs/{quote(execution_id, safe='')}").json()
        read = [
            LogLine(models.instant(line["timestamp"]), line["level"], line.get("taskId"), line.get("message") or "")
            for line in lines
        ]
        return sorted(read, key=lambda line: line.at)

    def restart(self, execution_id: str) -> None:
        """Run the failed tasks of an execution again, and what follows them."""
        self._call("POST", f"executions/{quote(execution_id, safe='')}/restart")

    def replay(self, execution_id: str, task_run: str | None = None, revision: int | None = None) -> str:
        """Start a run like this one, with its inputs and what its trigger said; returns the id of the new one.

        It is a run of the same revision, or of this one; with the id of a task run it begins there.
        """
        params = {"taskRunId": task_run, "revision": revision}
        given = {name: str(value) for name, value in params.items() if value is not None}
        path = f"executions/{quote(execution_id, safe='')}/replay"
        return str(self._call("POST", path, params=given).json()["id"])

    def resume(self, execution_id: str) -> None:
        """Have a paused execution go on; status 409 when it is not paused."""
        self._form(f"executions/{quote(execution_id, safe='')}/resume", {})

    def unqueue(self, execution_id: str, state: str = "RUNNING") -> None:
        """Take an execution out of its queue, into this state; status 422 when it is not queued."""
        path = f"executions/{quote(execution_id, safe='')}/unqueue"
        self._call("POST", path, params={"state": state})

    def concurrency_limits(self) -> list[Lane]:
        """What Kestra counts as running, for each flow with a concurrency that has run."""
        found = self._call("GET", "concurrency-limit/search").json()["results"]
        return [Lane(each["namespace"], each["flowId"], int(each["running"])) for each in found]

    def set_concurrency(self, namespace: str, flow_id: str, running: int) -> None:
        """Have Kestra count this many runs of a flow as running."""
        path = f"concurrency-limit/{quote(namespace, safe='')}/{quote(flow_id, safe='')}"
        # Kestra takes the whole entry; the tenant is the one of the address.
        tenant = self._api.rpartition("/")[2]
        entry = {"tenantId": tenant, "namespace": namespace, "flowId": flow_id, "running": running}
        self._call("PUT", path, json=entry)

    def kill(self, execution_id: str) -> None:
        """Ask Kestra to end an execution, and none that it started; status 409 when it has ended already."""
        # With the cascade Kestra "kills" what has ended too, and then runs more of a limited flow at a time than its limit.
        path = f"executions/{quote(execution_id, safe='')}/kill"
        self._call("DELETE", path, params={"isOnKillCascade": "false"})

    def delete_execution(self, execution_id: str) -> None:
        """Delete an execution with its logs, its metrics and its files, whatever state it is in; status 404 when it is gone."""
        flags = {"deleteLogs": "true", "deleteMetrics": "true", "deleteStorage": "true"}
        self._call("DELETE", f"executions/{quote(execution_id, safe='')}", params=flags)

    def _form(self, path: str, parts: Mapping[str, tuple[None, bytes]], **request: Any) -> httpx.Response:
        """Post a form. One without a part is its end alone: Kestra refuses a part without a name."""
        if parts:
            return self._call("POST", path, files=parts, **request)
        headers = {"Content-Type": "multipart/form-data; boundary=empty"}
        return self._call("POST", path, content=b"--empty--\r\n", headers=headers, **request)

    # key and value

    def kv_list(self, namespace: str = "christmas") -> list[str]:
        """The keys of a namespace, those that have expired left out."""
        return [entry.key for entry in self.kv_entries(namespace)]

    def kv_entries(self, namespace: str = "christmas") -> list[KvEntry]:
        """The keys of a namespace with their dates, those that have expired left out."""
        found = self._call("GET", self._kv(namespace)).json()
        return [KvEntry(str(entry["key"]), models.instant(entry["updateDate"])) for entry in found]

    def kv_get(self, key: str, namespace: str = "christmas") -> Any:
        """The value of a key, or ``None`` when there is no such key or it has expired."""
        try:
            return self._kv_call("GET", namespace, key).json().get("value")
        except KestraError as error:
            # Kestra answers the first read of an expired entry with 410, and forgets the entry.
            if error.status in (404, 410):
                return None
            raise

    def kv_put(self, key: str, value: Any, namespace: str = "christmas", *, ttl: str | None = None) -> None:
        """Set a key to a JSON value; ``ttl`` is how long it is kept, an ISO 8601 duration such as ``P30D``."""
        # JSON too has to be called plain text here: Kestra takes nothing else.
        headers = {"Content-Type": "text/plain"} | ({"ttl": ttl} if ttl else {})
        self._kv_call("PUT", namespace, key, content=json.dumps(value).encode(), headers=headers)

    def kv_delete(self, key: str, namespace: str = "christmas") -> bool:
        """Delete a key; returns whether there was one."""
        return bool(self._call("DELETE", self._kv(namespace, key)).json())

    def _kv(self, namespace: str, key: str | None = None) -> str:
        path = f"namespaces/{quote(namespace, safe='')}/kv"
        return path if key is None else f"{path}/{quote(key, safe='')}"

    def _kv_call(self, method: str, namespace: str, key: str, **request: Any) -> httpx.Response:
        """Kestra 1.3.31 announces a value and then writes it in place: who reads in that moment meets an empty file, and who
        writes at the same time is refused, both as errors of the server. So it is asked again for a second or two."""
        for pause in _WHILE_IT_IS_WRITTEN:
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
            doing = "read" if method == "GET" else "written"
            raise KestraError(f"the value of the key {key} cannot be {doing}: {error}", 500) from error
