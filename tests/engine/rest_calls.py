"""Every REST call of this project: its request, and Kestra's answer in each case that the project handles.

The table in docs/decisions/0004-pinned-engine.md is generated from this list. A test compares the embedded engine
with each answer. The source is Kestra's own controllers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
from support import until

from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.engine import Engine

NAMESPACE = "engine.test"
WEBHOOK_KEY = "the key of the tests"

FORM, JSON, TEXT, YAML = "multipart/form-data", "application/json", "text/plain", "application/x-yaml"

_FLOW = "id: {id}\nnamespace: engine.calls\ntasks:\n  - id: only\n    type: {type}\n"
GOOD = _FLOW.format(id="good", type="io.kestra.plugin.core.debug.Return")
BAD = _FLOW.format(id="bad", type="io.kestra.Nothing")

#: A form without a part.
EMPTY_FORM: dict[str, Any] = {
    "content": b"--empty--\r\n",
    "headers": {"Content-Type": "multipart/form-data; boundary=empty"},
}


class World(NamedTuple):
    """What a case starts from: an engine, and a client that brings it into a state."""

    engine: Engine
    kestra: Kestra

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request to an address below the tenant's."""
        return httpx.request(method, f"{self.engine.url}/api/v1/main/{path}", timeout=30, **request)

    def put(self, key: str, value: str, **headers: str) -> httpx.Response:
        """Write an entry of the KV store."""
        content_type = {"Content-Type": TEXT}
        return self.ask("PUT", f"namespaces/{NAMESPACE}/kv/{key}", content=value, headers=content_type | headers)

    def get(self, key: str) -> httpx.Response:
        """Read an entry of the KV store."""
        return self.ask("GET", f"namespaces/{NAMESPACE}/kv/{key}")

    def expired(self) -> str:
        """Return the key of an entry that has expired and was not read since."""
        self.put("expired", "1", ttl="PT0.2S")
        time.sleep(0.5)
        return "expired"

    def half_written(self) -> httpx.Response:
        """Read an entry whose value is on its way to the disk: Kestra writes it in place."""
        self.put("half", "1")
        (file,) = (self.engine.data / "storage").rglob("half*.ion")
        written = file.read_bytes()
        file.write_bytes(b"")
        answer = self.get("half")
        file.write_bytes(written)
        return answer

    def run(self, flow: str, state: str, **inputs: Any) -> str:
        """Return the id of a new run of a flow, once it is in this state."""
        run_id = self.kestra.run(flow, inputs, namespace=NAMESPACE)

        def seen() -> Execution | None:
            found = self.kestra.execution(run_id)
            return found if found.state == state else None

        until(seen, state, 30)
        return run_id

    def ended(self) -> str:
        """Return the id of a run that ended well."""
        return self.run("child", "SUCCESS", date="now")

    def paused(self) -> str:
        """Return the id of a run that waits for a person."""
        return self.run("waits", "PAUSED")

    def queued(self) -> str:
        """Return the id of a run that waits for its turn behind another one."""
        self.run("lane", "PAUSED", name="first")
        return self.run("lane", "QUEUED", name="second")

    def failed(self) -> str:
        """Return the id of a run that failed."""
        body = {"say": "badly", "fail": True}
        httpx.post(self.kestra.webhook_url("ends", "ends-key", NAMESPACE), json=body, timeout=30)
        return self.kestra.executions(flow_id="ends", states=["FAILED"])[-1].id

    def webhook(self, key: str) -> httpx.Response:
        """Call a webhook that waits for its flow and has the flow say the status."""
        path = f"executions/webhook/{NAMESPACE}/echo/{quote(key)}"
        return self.ask("POST", path, json={"code": 422, "first_name": "Lệ"})


class Answer(NamedTuple):
    """What Kestra answers in one case: ``holds`` says whether a body is the one that is expected."""

    when: str
    status: int
    ask: Callable[[World], httpx.Response]
    holds: Callable[[httpx.Response], Any]


class Call(NamedTuple):
    """A call, by its method and its address below the tenant's.

    ``takes`` are the content types that Kestra takes for a ``body``; the product sends the first. The calls of the ``door`` are
    not made by ``Kestra``, the client.
    """

    method: str
    path: str
    takes: tuple[str, ...]
    answers: tuple[Answer, ...]
    body: bool = False
    door: bool = False


def says(words: str) -> Callable[[httpx.Response], bool]:
    """Return whether an error is Kestra's message with these words in it."""
    return lambda answer: words in answer.json()["message"]


def empty(answer: httpx.Response) -> bool:
    """Return whether an answer has no body."""
    return answer.content == b""


def _lane(running: int, flow: str = "lane") -> dict[str, Any]:
    return {"tenantId": "main", "namespace": NAMESPACE, "flowId": flow, "running": running}


def _upload(source: str) -> dict[str, Any]:
    return {"files": {"fileUpload": ("Some.yml", source.encode(), YAML)}, "params": {"failOnError": "true"}}


def _search(world: World, **params: str) -> httpx.Response:
    world.ended()
    filters = {"filters[namespace][EQUALS]": NAMESPACE, "filters[flowId][EQUALS]": "child"}
    filters["filters[state][IN]"] = "SUCCESS,FAILED"
    return world.ask("GET", "executions/search", params=filters | params)


CALLS = (
    Call(
        "POST",
        "flows/validate",
        (YAML, FORM),
        (
            Answer(
                "a flow is right",
                200,
                lambda world: world.ask("POST", "flows/validate", content=GOOD, headers={"Content-Type": YAML}),
                lambda answer: [each.get("constraints") for each in answer.json()] == [None],
            ),
            Answer(
                "a flow is wrong, with the reason",
                200,
                lambda world: world.ask("POST", "flows/validate", content=BAD, headers={"Content-Type": YAML}),
                lambda answer: "io.kestra.Nothing" in answer.json()[0]["constraints"],
            ),
        ),
        body=True,
    ),
    Call(
        "POST",
        "flows/import",
        (FORM,),
        (
            Answer(
                "all are taken",
                200,
                lambda world: world.ask("POST", "flows/import", **_upload(GOOD)),
                lambda answer: answer.json() == [],
            ),
            Answer(
                "with `failOnError=true`, one is refused: its file and place, and no reason",
                422,
                lambda world: world.ask("POST", "flows/import", **_upload(BAD)),
                lambda answer: (
                    answer.json()["message"]
                    == "Illegal argument: Following invalid flows were not imported: some.yml(flow number: 0)"
                ),
            ),
        ),
        body=True,
    ),
    Call(
        "GET",
        "flows/{namespace}",
        (),
        (
            Answer(
                "the flows",
                200,
                lambda world: world.ask("GET", f"flows/{NAMESPACE}"),
                lambda answer: {"echo", "lane"} <= {each["id"] for each in answer.json()},
            ),
            Answer(
                "no flow is there",
                200,
                lambda world: world.ask("GET", "flows/nothing.here"),
                lambda answer: answer.json() == [],
            ),
        ),
    ),
    Call(
        "GET",
        "flows/{namespace}/{flow}",
        (),
        (
            Answer(
                "the flow, with `source=true` its YAML",
                200,
                lambda world: world.ask("GET", f"flows/{NAMESPACE}/lane?source=true"),
                lambda answer: answer.json()["source"].startswith("id: lane"),
            ),
            Answer(
                "there is none",
                404,
                lambda world: world.ask("GET", f"flows/{NAMESPACE}/nothing?source=true"),
                says("Not Found"),
            ),
        ),
    ),
    Call(
        "POST",
        "executions/{namespace}/{flow}",
        (FORM,),
        (
            Answer(
                "it is started",
                200,
                lambda world: world.ask("POST", f"executions/{NAMESPACE}/child", files={"date": (None, b"now")}),
                lambda answer: (answer.json()["id"], answer.json()["state"]["current"])[1] == "CREATED",
            ),
            Answer(
                "with `scheduleDate` it waits for that time",
                200,
                lambda world: world.ask(
                    "POST",
                    f"executions/{NAMESPACE}/child",
                    files={"date": (None, b"then")},
                    params={"scheduleDate": "2099-01-01T00:00:00+00:00", "labels": "a:b"},
                ),
                lambda answer: answer.json()["scheduleDate"].startswith("2099-01-01T00:00:00"),
            ),
            Answer(
                "there is no such flow",
                404,
                lambda world: world.ask("POST", f"executions/{NAMESPACE}/nothing", **EMPTY_FORM),
                says("Not Found"),
            ),
            Answer(
                "the flow is disabled",
                409,
                lambda world: world.ask("POST", f"executions/{NAMESPACE}/disabled", **EMPTY_FORM),
                says("disabled"),
            ),
        ),
        body=True,
    ),
    Call(
        "GET",
        "executions/search",
        (),
        (
            Answer("what matches", 200, _search, lambda answer: answer.json()["total"] >= 1),
            Answer(
                "a page behind the last one",
                200,
                lambda world: _search(world, page="9999"),
                lambda answer: answer.json()["results"] == [],
            ),
        ),
    ),
    Call(
        "GET",
        "executions/{execution}",
        (),
        (
            Answer(
                "the execution",
                200,
                lambda world: world.ask("GET", f"executions/{world.ended()}"),
                lambda answer: answer.json()["state"]["current"] == "SUCCESS",
            ),
            Answer("there is none", 404, lambda world: world.ask("GET", "executions/none"), says("Not Found")),
        ),
    ),
    Call(
        "GET",
        "logs/{execution}",
        (),
        (
            Answer(
                "its lines",
                200,
                lambda world: world.ask("GET", f"logs/{world.failed()}"),
                lambda answer: "ERROR" in {line["level"] for line in answer.json()},
            ),
            Answer(
                "there is none", 200, lambda world: world.ask("GET", "logs/none"), lambda answer: answer.json() == []
            ),
        ),
    ),
    Call(
        "POST",
        "executions/{execution}/restart",
        (),
        (
            Answer(
                "it continues where it failed",
                200,
                lambda world: world.ask("POST", f"executions/{world.failed()}/restart"),
                lambda answer: answer.json()["state"]["current"] == "RESTARTED",
            ),
            Answer("there is none", 404, lambda world: world.ask("POST", "executions/none/restart"), says("Not Found")),
        ),
    ),
    Call(
        "POST",
        "executions/{execution}/replay",
        (),
        (
            Answer(
                "another execution like it",
                200,
                lambda world: world.ask("POST", f"executions/{world.ended()}/replay"),
                lambda answer: answer.json()["id"] != answer.json()["originalId"],
            ),
            Answer("there is none", 404, lambda world: world.ask("POST", "executions/none/replay"), says("Not Found")),
        ),
    ),
    Call(
        "POST",
        "executions/{execution}/resume",
        (FORM,),
        (
            Answer(
                "it was paused and continues",
                204,
                lambda world: world.ask("POST", f"executions/{world.paused()}/resume", **EMPTY_FORM),
                empty,
            ),
            Answer(
                "it is not paused",
                409,
                lambda world: world.ask("POST", f"executions/{world.ended()}/resume", **EMPTY_FORM),
                says("is not paused, can't resume it"),
            ),
            Answer(
                "there is none",
                404,
                lambda world: world.ask("POST", "executions/none/resume", **EMPTY_FORM),
                says("Not Found"),
            ),
        ),
        body=True,
    ),
    Call(
        "POST",
        "executions/{execution}/unqueue",
        (),
        (
            Answer(
                "it was queued and runs",
                200,
                lambda world: world.ask("POST", f"executions/{world.queued()}/unqueue?state=RUNNING"),
                lambda answer: answer.json()["state"]["current"] == "RUNNING",
            ),
            Answer(
                "it is not queued",
                422,
                lambda world: world.ask("POST", f"executions/{world.ended()}/unqueue?state=RUNNING"),
                says("Only QUEUED execution can be unqueued"),
            ),
        ),
    ),
    Call(
        "GET",
        "concurrency-limit/search",
        (),
        (
            Answer(
                "the counts of all limited flows that have run",
                200,
                lambda world: (world.queued(), world.ask("GET", "concurrency-limit/search"))[1],
                lambda answer: _lane(1) in answer.json()["results"],
            ),
        ),
    ),
    Call(
        "PUT",
        "concurrency-limit/{namespace}/{flow}",
        (JSON,),
        (
            Answer(
                "the count is set",
                200,
                lambda world: (
                    world.queued(),
                    world.ask("PUT", f"concurrency-limit/{NAMESPACE}/lane", json=_lane(1)),
                )[1],
                lambda answer: answer.json()["running"] == 1,
            ),
            Answer(
                "Kestra has no count for this flow",
                404,
                lambda world: world.ask("PUT", f"concurrency-limit/{NAMESPACE}/child", json=_lane(1, "child")),
                says("Not Found"),
            ),
        ),
        body=True,
    ),
    Call(
        "DELETE",
        "executions/{execution}/kill",
        (),
        (
            Answer(
                "with `isOnKillCascade=false`, it has not ended: it is killed, and nothing that it started is",
                202,
                lambda world: world.ask("DELETE", f"executions/{world.paused()}/kill?isOnKillCascade=false"),
                empty,
            ),
            Answer(
                "with `isOnKillCascade=false`, it has ended",
                409,
                lambda world: world.ask("DELETE", f"executions/{world.ended()}/kill?isOnKillCascade=false"),
                says("Execution is already finished, can't kill it"),
            ),
            Answer(
                "without that parameter, it has ended: the kill is sent all the same, and makes a limited flow's count wrong",
                202,
                lambda world: world.ask("DELETE", f"executions/{world.ended()}/kill"),
                empty,
            ),
            Answer(
                "there is none",
                404,
                lambda world: world.ask("DELETE", "executions/none/kill?isOnKillCascade=false"),
                says("Not Found"),
            ),
        ),
    ),
    Call(
        "DELETE",
        "executions/{execution}",
        (),
        (
            Answer(
                "it is deleted, in every state",
                204,
                lambda world: world.ask("DELETE", f"executions/{world.ended()}?deleteLogs=true"),
                empty,
            ),
            Answer("there is none", 404, lambda world: world.ask("DELETE", "executions/none"), says("Not Found")),
        ),
    ),
    Call(
        "GET",
        "namespaces/{namespace}/kv",
        (),
        (
            Answer(
                "the entries that have not expired",
                200,
                lambda world: (
                    world.put("listed", "1"),
                    world.expired(),
                    world.ask("GET", f"namespaces/{NAMESPACE}/kv"),
                )[-1],
                lambda answer: {"listed", "expired"} & {each["key"] for each in answer.json()} == {"listed"},
            ),
        ),
    ),
    Call(
        "GET",
        "namespaces/{namespace}/kv/{key}",
        (),
        (
            Answer(
                "the value",
                200,
                lambda world: (world.put("there", '{"a": ["Lệ", 1]}'), world.get("there"))[1],
                lambda answer: answer.json() == {"type": "JSON", "value": {"a": ["Lệ", 1]}},
            ),
            Answer(
                "it has expired, at the first read",
                410,
                lambda world: world.get(world.expired()),
                says("The requested value has expired"),
            ),
            Answer(
                "it has expired, at any later read, or there is none",
                404,
                lambda world: (world.get(world.expired()), world.get("expired"))[1],
                says("No value found for key 'expired' in namespace"),
            ),
            Answer("it is being written", 500, World.half_written, says("Internal Server Error")),
        ),
    ),
    Call(
        "PUT",
        "namespaces/{namespace}/kv/{key}",
        (TEXT,),
        (
            Answer("it is written; the body is JSON", 200, lambda world: world.put("written", '{"a": 1}'), empty),
            Answer(
                "the header `ttl` says how long it is kept",
                200,
                lambda world: world.put("written", "1", ttl="P1D"),
                empty,
            ),
        ),
        body=True,
    ),
    Call(
        "DELETE",
        "namespaces/{namespace}/kv/{key}",
        (),
        (
            Answer(
                "it is deleted",
                200,
                lambda world: (world.put("old", "1"), world.ask("DELETE", f"namespaces/{NAMESPACE}/kv/old"))[1],
                lambda answer: answer.json() is True,
            ),
            Answer(
                "there is none",
                200,
                lambda world: world.ask("DELETE", f"namespaces/{NAMESPACE}/kv/none"),
                lambda answer: answer.json() is False,
            ),
        ),
    ),
    Call(
        "POST",
        "executions/webhook/{namespace}/{flow}/{key}",
        (),
        (
            Answer(
                "the flow's own answer, with the status that the flow decides (here 422)",
                422,
                lambda world: world.webhook(WEBHOOK_KEY),
                lambda answer: answer.json()["context"]["body"] == {"code": 422, "first_name": "Lệ"},
            ),
            Answer("another key, or no such flow", 404, lambda world: world.webhook("wrong"), says("Not Found")),
        ),
        door=True,
    ),
)


def table() -> str:
    """Return the calls as a table in Markdown."""
    lines = ["| call | content type | Kestra's answer |", "|---|---|---|"]
    for call in CALLS:
        sent = call.takes[0] if call.body else JSON if call.door else "no body"
        answers = "<br>".join(f"{each.status}: {each.when}" for each in call.answers)
        lines.append(f"| `{call.method} {call.path}` | {sent} | {answers} |")
    return "\n".join(lines)
