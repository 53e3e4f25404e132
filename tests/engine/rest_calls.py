"""Every REST call of the product, with Kestra's answer in each case that the product handles.

The table in docs/decisions/0004-pinned-engine.md is generated from ``CALLS``. A test checks that the embedded engine gives each
of these answers. Source: Kestra's own controllers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, WEBHOOK_KEY, in_state

FORM, JSON, TEXT, YAML = "multipart/form-data", "application/json", "text/plain", "application/x-yaml"

_FLOW = "id: {id}\nnamespace: engine.calls\ntasks:\n  - id: only\n    type: {type}\n"
GOOD = _FLOW.format(id="good", type="io.kestra.plugin.core.debug.Return")
BAD = _FLOW.format(id="bad", type="io.kestra.Nothing")

#: A form without parts.
EMPTY_FORM: dict[str, Any] = {
    "content": b"--empty--\r\n",
    "headers": {"Content-Type": "multipart/form-data; boundary=empty"},
}


class World(NamedTuple):
    """An engine, and the client that brings it into the state that a case starts from."""

    engine: Engine
    kestra: Kestra

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request to a path below ``/api/v1/main/``.

        ``{ended}``, ``{paused}``, ``{queued}`` or ``{failed}`` in the path becomes the id of a new run in that state, and
        ``{expired}`` the key of a KV entry that has expired.
        """
        for state in ("ended", "paused", "queued", "failed", "expired"):
            if f"{{{state}}}" in path:
                path = path.replace(f"{{{state}}}", getattr(self, state)())
        return httpx.request(method, f"{self.engine.url}/api/v1/main/{path}", timeout=30, **request)

    def put(self, key: str, value: str, **headers: str) -> httpx.Response:
        """Write an entry of the KV store."""
        headers = {"Content-Type": TEXT, **headers}
        return self.ask("PUT", f"namespaces/{NAMESPACE}/kv/{key}", content=value, headers=headers)

    def expired(self) -> str:
        """Return the key of a KV entry that has expired and was not read since."""
        self.put("expired", "1", ttl="PT0.2S")
        time.sleep(0.5)
        return "expired"

    def half_written(self) -> httpx.Response:
        """Read a KV entry while Kestra writes its value, which it does in place: its file is still empty."""
        self.put("half", "1")
        (file,) = (self.engine.data / "storage").rglob("half*.ion")
        content = file.read_bytes()
        file.write_bytes(b"")
        answer = self.ask("GET", f"namespaces/{NAMESPACE}/kv/half")
        file.write_bytes(content)
        return answer

    def run(self, flow: str, state: str, **inputs: Any) -> str:
        """Start a flow, wait until its run is in this state, and return the run's id."""
        return in_state(self.kestra, self.kestra.run(flow, inputs, namespace=NAMESPACE), state).id

    def ended(self) -> str:
        """Return the id of a successful run."""
        return self.run("child", "SUCCESS", date="now")

    def paused(self) -> str:
        """Return the id of a paused run."""
        return self.run("waits", "PAUSED")

    def queued(self) -> str:
        """Return the id of a run that waits behind another one in the queue of its flow."""
        self.run("lane", "PAUSED", name="first")
        return self.run("lane", "QUEUED", name="second")

    def failed(self) -> str:
        """Return the id of a failed run."""
        body = {"say": "badly", "fail": True}
        httpx.post(self.kestra.webhook_url("ends", "ends-key", NAMESPACE), json=body, timeout=30)
        return self.kestra.executions(flow_id="ends", states=["FAILED"])[-1].id


Check = Callable[[httpx.Response], Any]


class Answer(NamedTuple):
    """Kestra's answer in one case: ``is_right`` checks its body."""

    when: str
    status: int
    ask: Callable[[World], httpx.Response]
    is_right: Check


class Call(NamedTuple):
    """A call, by its method and its path below ``/api/v1/main/``.

    ``takes`` are the content types that Kestra accepts for a ``body``; the product sends the first. The door, not the client
    ``Kestra``, makes the calls with ``door``.
    """

    method: str
    path: str
    answers: tuple[Answer, ...]
    takes: tuple[str, ...] = ()
    body: bool = False
    door: bool = False


def sends(method: str, path: str, **request: Any) -> Callable[[World], httpx.Response]:
    """Return a function that sends this request: see ``World.ask``."""
    return lambda world: world.ask(method, path, **request)


def says(words: str) -> Check:
    """Return a check that an error's message contains these words."""
    return lambda answer: words in answer.json()["message"]


def is_empty(answer: httpx.Response) -> bool:
    """Return whether an answer has no body."""
    return answer.content == b""


def is_state(state: str) -> Check:
    """Return a check that an answer is an execution in this state."""
    return lambda answer: answer.json()["state"]["current"] == state


def _lane(running: int, flow: str = "lane") -> dict[str, Any]:
    return {"tenantId": "main", "namespace": NAMESPACE, "flowId": flow, "running": running}


def _upload(source: str) -> dict[str, Any]:
    return {"files": {"fileUpload": ("Some.yml", source.encode(), YAML)}, "params": {"failOnError": "true"}}


def _source(source: str) -> dict[str, Any]:
    return {"content": source, "headers": {"Content-Type": YAML}}


NOT_FOUND = says("Not Found")
KV = f"namespaces/{NAMESPACE}/kv"
SEARCH = f"executions/search?filters[namespace][EQUALS]={NAMESPACE}&filters[flowId][EQUALS]=child"
SCHEDULED = {"scheduleDate": "2099-01-01T00:00:00+00:00", "labels": "a:b"}
WEBHOOK = f"executions/webhook/{NAMESPACE}/echo"
REFUSED_IMPORT = "Illegal argument: Following invalid flows were not imported: some.yml(flow number: 0)"

CALLS = (
    Call("POST", "flows/validate", takes=(YAML, FORM), body=True, answers=(
        Answer("the flow is valid", 200, sends("POST", "flows/validate", **_source(GOOD)),
               lambda answer: [flow.get("constraints") for flow in answer.json()] == [None]),
        Answer("the flow is invalid; the answer gives the reason", 200, sends("POST", "flows/validate", **_source(BAD)),
               lambda answer: "io.kestra.Nothing" in answer.json()[0]["constraints"]),
    )),
    Call("POST", "flows/import", takes=(FORM,), body=True, answers=(
        Answer("all flows are imported", 200, sends("POST", "flows/import", **_upload(GOOD)),
               lambda answer: answer.json() == []),
        Answer("with `failOnError=true`, a flow is invalid: the answer gives its file and number, but no reason", 422,
               sends("POST", "flows/import", **_upload(BAD)), lambda answer: answer.json()["message"] == REFUSED_IMPORT),
    )),
    Call("GET", "flows/{namespace}", (
        Answer("the flows", 200, sends("GET", f"flows/{NAMESPACE}"),
               lambda answer: {"echo", "lane"} <= {flow["id"] for flow in answer.json()}),
        Answer("the namespace has no flow", 200, sends("GET", "flows/nothing.here"), lambda answer: answer.json() == []),
    )),
    Call("GET", "flows/{namespace}/{flow}", (
        Answer("the flow, with its YAML if `source=true`", 200, sends("GET", f"flows/{NAMESPACE}/lane?source=true"),
               lambda answer: answer.json()["source"].startswith("id: lane")),
        Answer("no such flow", 404, sends("GET", f"flows/{NAMESPACE}/nothing?source=true"), NOT_FOUND),
    )),
    Call("POST", "executions/{namespace}/{flow}", takes=(FORM,), body=True, answers=(
        Answer("the execution is created", 200,
               sends("POST", f"executions/{NAMESPACE}/child", files={"date": (None, b"now")}), is_state("CREATED")),
        Answer("with `scheduleDate`, the execution waits for that time", 200,
               sends("POST", f"executions/{NAMESPACE}/child", files={"date": (None, b"then")}, params=SCHEDULED),
               lambda answer: answer.json()["scheduleDate"].startswith("2099-01-01T00:00:00")),
        Answer("no such flow", 404, sends("POST", f"executions/{NAMESPACE}/nothing", **EMPTY_FORM), NOT_FOUND),
        Answer("the flow is disabled", 409, sends("POST", f"executions/{NAMESPACE}/disabled", **EMPTY_FORM),
               says("disabled")),
    )),
    Call("GET", "executions/search", (
        Answer("the matching executions", 200,
               lambda world: (world.ended(), world.ask("GET", f"{SEARCH}&filters[state][IN]=SUCCESS,FAILED"))[1],
               lambda answer: answer.json()["total"] >= 1),
        Answer("a page after the last one", 200, sends("GET", f"{SEARCH}&page=9999"),
               lambda answer: answer.json()["results"] == []),
    )),
    Call("GET", "executions/{execution}", (
        Answer("the execution", 200, sends("GET", "executions/{ended}"), is_state("SUCCESS")),
        Answer("no such execution", 404, sends("GET", "executions/none"), NOT_FOUND),
    )),
    Call("GET", "logs/{execution}", (
        Answer("the lines of its log", 200, sends("GET", "logs/{failed}"),
               lambda answer: "ERROR" in {line["level"] for line in answer.json()}),
        Answer("no such execution", 200, sends("GET", "logs/none"), lambda answer: answer.json() == []),
    )),
    Call("POST", "executions/{execution}/restart", (
        Answer("the execution continues at the failed task", 200, sends("POST", "executions/{failed}/restart"),
               is_state("RESTARTED")),
        Answer("no such execution", 404, sends("POST", "executions/none/restart"), NOT_FOUND),
    )),
    Call("POST", "executions/{execution}/replay", (
        Answer("a new execution with the same inputs", 200, sends("POST", "executions/{ended}/replay"),
               lambda answer: answer.json()["id"] != answer.json()["originalId"]),
        Answer("no such execution", 404, sends("POST", "executions/none/replay"), NOT_FOUND),
    )),
    Call("POST", "executions/{execution}/resume", takes=(FORM,), body=True, answers=(
        Answer("the execution was paused and continues", 204,
               sends("POST", "executions/{paused}/resume", **EMPTY_FORM), is_empty),
        Answer("the execution is not paused", 409, sends("POST", "executions/{ended}/resume", **EMPTY_FORM),
               says("is not paused, can't resume it")),
        Answer("no such execution", 404, sends("POST", "executions/none/resume", **EMPTY_FORM), NOT_FOUND),
    )),
    Call("POST", "executions/{execution}/unqueue", (
        Answer("the execution was queued and now runs", 200, sends("POST", "executions/{queued}/unqueue?state=RUNNING"),
               is_state("RUNNING")),
        Answer("the execution is not queued", 422, sends("POST", "executions/{ended}/unqueue?state=RUNNING"),
               says("Only QUEUED execution can be unqueued")),
    )),
    Call("GET", "concurrency-limit/search", (
        Answer("the counts of all flows with a concurrency limit that have run", 200,
               lambda world: (world.queued(), world.ask("GET", "concurrency-limit/search"))[1],
               lambda answer: _lane(1) in answer.json()["results"]),
    )),
    Call("PUT", "concurrency-limit/{namespace}/{flow}", takes=(JSON,), body=True, answers=(
        Answer("the count is set", 200,
               lambda world: (world.queued(), world.ask("PUT", f"concurrency-limit/{NAMESPACE}/lane", json=_lane(1)))[1],
               lambda answer: answer.json()["running"] == 1),
        Answer("Kestra has no count for the flow", 404,
               sends("PUT", f"concurrency-limit/{NAMESPACE}/child", json=_lane(1, "child")), NOT_FOUND),
    )),
    Call("DELETE", "executions/{execution}/kill", (
        Answer("with `isOnKillCascade=false`, the execution has not ended: it is killed, but not its subflows", 202,
               sends("DELETE", "executions/{paused}/kill?isOnKillCascade=false"), is_empty),
        Answer("with `isOnKillCascade=false`, the execution has ended", 409,
               sends("DELETE", "executions/{ended}/kill?isOnKillCascade=false"),
               says("Execution is already finished, can't kill it")),
        Answer("without `isOnKillCascade`, the execution has ended: Kestra kills it again, which falsifies the count of a "
               "flow with a concurrency limit", 202, sends("DELETE", "executions/{ended}/kill"), is_empty),
        Answer("no such execution", 404, sends("DELETE", "executions/none/kill?isOnKillCascade=false"), NOT_FOUND),
    )),
    Call("DELETE", "executions/{execution}", (
        Answer("the execution is deleted, in any state", 204, sends("DELETE", "executions/{ended}?deleteLogs=true"),
               is_empty),
        Answer("no such execution", 404, sends("DELETE", "executions/none"), NOT_FOUND),
    )),
    Call("GET", "namespaces/{namespace}/kv", (
        Answer("the entries that have not expired", 200,
               lambda world: (world.put("listed", "1"), world.expired(), world.ask("GET", KV))[-1],
               lambda answer: {"listed", "expired"} & {entry["key"] for entry in answer.json()} == {"listed"}),
    )),
    Call("GET", "namespaces/{namespace}/kv/{key}", (
        Answer("the value", 200, lambda world: (world.put("there", '{"a": ["Lệ", 1]}'), world.ask("GET", f"{KV}/there"))[1],
               lambda answer: answer.json() == {"type": "JSON", "value": {"a": ["Lệ", 1]}}),
        Answer("the entry has expired: first read", 410, sends("GET", f"{KV}/{{expired}}"),
               says("The requested value has expired")),
        Answer("the entry has expired: every later read; or no such entry", 404,
               lambda world: (world.ask("GET", f"{KV}/{{expired}}"), world.ask("GET", f"{KV}/expired"))[1],
               says("No value found for key 'expired' in namespace")),
        Answer("Kestra is writing the value", 500, World.half_written, says("Internal Server Error")),
    )),
    Call("PUT", "namespaces/{namespace}/kv/{key}", takes=(TEXT,), body=True, answers=(
        Answer("the value is written; the body is JSON", 200, lambda world: world.put("written", '{"a": 1}'), is_empty),
        Answer("with the header `ttl`, the entry expires after that time", 200,
               lambda world: world.put("written", "1", ttl="P1D"), is_empty),
    )),
    Call("DELETE", "namespaces/{namespace}/kv/{key}", (
        Answer("the entry is deleted", 200, lambda world: (world.put("old", "1"), world.ask("DELETE", f"{KV}/old"))[1],
               lambda answer: answer.json() is True),
        Answer("no such entry", 200, sends("DELETE", f"{KV}/none"), lambda answer: answer.json() is False),
    )),
    Call("POST", "executions/webhook/{namespace}/{flow}/{key}", door=True, answers=(
        Answer("the flow's own answer, with the status that the flow chooses (here 422)", 422,
               sends("POST", f"{WEBHOOK}/{WEBHOOK_KEY}", json={"code": 422, "first_name": "Lệ"}),
               lambda answer: answer.json()["context"]["body"] == {"code": 422, "first_name": "Lệ"}),
        Answer("another key, or no such flow", 404, sends("POST", f"{WEBHOOK}/wrong", json={}), NOT_FOUND),
    )),
)  # fmt: skip


def table() -> str:
    """Return the calls as a table in Markdown."""
    lines = ["| call | content type | Kestra's answer |", "|---|---|---|"]
    for call in CALLS:
        content_type = call.takes[0] if call.body else JSON if call.door else "no body"
        answers = "<br>".join(f"{answer.status}: {answer.when}" for answer in call.answers)
        lines.append(f"| `{call.method} {call.path}` | {content_type} | {answers} |")
    return "\n".join(lines)
