"""The embedded engine answers the product's REST calls as Kestra does, and the product makes no other calls."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from support import until

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.local.engine import Engine
from christmas_campaign.local.stack import PROJECT
from engine.rest_calls import CALLS, GOOD, Answer, Call, World, table
from engine.runs import NAMESPACE

CASES = [(call, answer) for call in CALLS for answer in call.answers]


@pytest.fixture
def world(engine: Engine, kestra: Kestra) -> Iterator[World]:
    """The shared engine. Afterwards no execution of the case waits or runs."""
    yield World(engine, kestra)

    def is_cleared() -> bool:
        live = [run for flow in ("lane", "waits") for run in kestra.executions(flow_id=flow) if run.live]
        for run in live:
            with suppress(KestraError):
                kestra.kill(run.id)
        return not live

    until(is_cleared, "the end of the waiting executions", 60)


def matches(call: Call, request: httpx.Request) -> bool:
    """Return whether a request is this call."""
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(f"/api/v1/main/{call.path}"))
    path = request.url.raw_path.decode().split("?")[0]
    return request.method == call.method and re.fullmatch(pattern, path) is not None


def call_of(request: httpx.Request) -> Call | None:
    """Return the call that a request is: of the matching ones, the one with the fewest placeholders in its path."""
    return min((call for call in CALLS if matches(call, request)), key=lambda call: call.path.count("{"), default=None)


@pytest.mark.parametrize(
    ("call", "answer"), CASES, ids=[f"{call.method} {call.path}: {answer.when}" for call, answer in CASES]
)
def test_call_is_answered_as_kestra_answers(world: World, call: Call, answer: Answer) -> None:
    response = answer.ask(world)
    assert matches(call, response.request)
    assert response.status_code == answer.status, response.text
    assert answer.is_right(response), response.text


@pytest.mark.parametrize("call", [call for call in CALLS if call.body], ids=lambda call: f"{call.method} {call.path}")
def test_body_of_another_content_type_is_refused(engine: Engine, call: Call) -> None:
    for other in {"application/json", "text/plain", "application/x-yaml", "application/x-www-form-urlencoded"}:
        if other in call.takes:
            continue
        address = f"{engine.url}/api/v1/main/{re.sub(r'{.+?}', 'none', call.path)}"
        answer = httpx.request(call.method, address, content=b'"x"', headers={"Content-Type": other})
        allowed = f"[{', '.join(call.takes)}]"
        assert answer.status_code == 415
        assert answer.json() == {"message": f"Content Type [{other}] not allowed. Allowed types: {allowed}"}


def test_the_client_makes_these_calls_and_no_others(world: World, tmp_path: Path) -> None:
    requests: list[httpx.Request] = []
    file = tmp_path / "good.yml"
    file.write_text(GOOD)
    queued, paused, failed, ended = world.queued(), world.paused(), world.failed(), world.ended()
    with Kestra(world.engine.url) as kestra:
        kestra._http.event_hooks = {"request": [requests.append]}
        uses: dict[str, Callable[[], object]] = {
            "health": lambda: kestra.health(),
            "validate_flows": lambda: kestra.validate_flows(file),
            "import_flows": lambda: kestra.import_flows([file]),
            "flows": lambda: kestra.flows(NAMESPACE),
            "flow": lambda: kestra.flow(NAMESPACE, "lane"),
            "run": lambda: [
                kestra.run("child", {"date": "x"}, namespace=NAMESPACE, labels={"a": "b"}),
                kestra.run("child", {"date": "x"}, namespace=NAMESPACE, scheduled=datetime(2099, 1, 1, tzinfo=UTC)),
                kestra.run("waits", namespace=NAMESPACE),
            ],
            "execution": lambda: kestra.execution(ended),
            "executions": lambda: kestra.executions(
                namespace=NAMESPACE, states=["QUEUED"], labels={"a": "b"}, parent="none"
            ),
            "executions_json": lambda: list(kestra.executions_json(namespace=NAMESPACE, flow_id="lane")),
            "last_ended": lambda: kestra.last_ended("child", NAMESPACE),
            "logs": lambda: kestra.logs(ended),
            "restart": lambda: kestra.restart(failed),
            "replay": lambda: kestra.replay(ended),
            "resume": lambda: kestra.resume(paused),
            "unqueue": lambda: kestra.unqueue(queued),
            "concurrency_limits": lambda: kestra.concurrency_limits(),
            "set_concurrency": lambda: kestra.set_concurrency(NAMESPACE, "lane", 2),
            "kill": lambda: kestra.kill(queued),
            "delete_execution": lambda: kestra.delete_execution(ended),
            "kv_put": lambda: kestra.kv_put("client", [1], NAMESPACE, ttl="P1D"),
            "kv_get": lambda: kestra.kv_get("client", NAMESPACE),
            "kv_list": lambda: kestra.kv_list(NAMESPACE),
            "kv_entries": lambda: kestra.kv_entries(NAMESPACE),
            "kv_delete": lambda: kestra.kv_delete("client", NAMESPACE),
        }
        for use in uses.values():
            use()
    methods = {name for name, _ in inspect.getmembers(Kestra, inspect.isfunction) if not name.startswith("_")}
    assert set(uses) == methods - {"close", "webhook_url"}, "a method of the client is missing in this test"
    health, *others = requests
    assert health.url.path == "/health"
    assert [request.url.path for request in others if call_of(request) is None] == []
    calls = {
        (call, request.headers.get("Content-Type", "").split(";")[0])
        for request in others
        if (call := call_of(request))
    }
    assert calls == {(call, call.takes[0] if call.body else "") for call in CALLS if not call.door}


def test_decision_0004_has_the_current_table_of_calls() -> None:
    text = (PROJECT / "docs" / "decisions" / "0004-pinned-engine.md").read_text(encoding="utf-8")
    assert table() in text, f"replace the table there by:\n{table()}"


def test_kill_does_not_kill_the_subflows(world: World) -> None:
    parent = world.run("parent", "SUCCESS", dates=["2099-01-01T00:00:00Z"])
    children = world.kestra.executions(parent=parent)
    assert [child.live for child in children] == [True]
    with pytest.raises(KestraError, match="already finished") as refused:
        world.kestra.kill(parent)
    assert refused.value.status == 409
    assert world.kestra.execution(children[0].id).live
    world.kestra.kill(children[0].id)
