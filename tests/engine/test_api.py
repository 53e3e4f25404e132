"""Kestra's official Python client can read the answers of the embedded API, and the product's client handles its errors."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, WEBHOOK_KEY

# The models of the official client shadow names of pydantic's, which causes these warnings.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic", "ignore::DeprecationWarning:kestrapy")


def run_echo(kestra: Kestra) -> str:
    """Run the flow ``echo`` to its end; return the id of the execution."""
    httpx.post(kestra.webhook_url("echo", WEBHOOK_KEY, NAMESPACE), json={"code": 201}, timeout=30)
    return kestra.executions(flow_id="echo", states=["SUCCESS"])[-1].id


def test_official_client_reads_validates_and_imports_flows(official: Any) -> None:
    flow = official.flows.flow(NAMESPACE, "echo", "main", source=True)
    assert (flow.id, flow.namespace, flow.revision) == ("echo", NAMESPACE, 1)
    assert "python -S step.py" in flow.source
    assert {flow.id for flow in official.flows.list_flows_by_namespace(NAMESPACE, "main")} >= {"echo", "parent"}
    source = "id: {id}\nnamespace: engine.made\ntasks:\n  - id: x\n    type: io.kestra.plugin.core.debug.Return\n"
    good, bad = official.flows.validate_flows("main", source.format(id="good") + "\n---\n" + "id: bad\nnamespace: a\n")
    assert (good.flow, good.constraints) == ("good", None)
    assert "tasks" in bad.constraints
    assert official.flows.import_flows("main", file_content=source.format(id="imported").encode()) == []
    assert [flow.id for flow in official.flows.list_flows_by_namespace("engine.made", "main")] == ["imported"]


def test_official_client_reads_and_searches_executions(official: Any, kestra: Kestra) -> None:
    run = run_echo(kestra)
    execution = official.executions.execution(run, "main")
    assert (execution.id, execution.flow_id, execution.state.current.value) == (run, "echo", "SUCCESS")
    assert execution.task_run_list[0].task_id == "step"
    assert {line.task_id for line in official.logs.list_logs_from_execution(run, "main")} >= {"step"}
    query: list[dict[str, Any]] = [
        {"field": "FLOW_ID", "operation": "EQUALS", "value": "echo"},
        {"field": "NAMESPACE", "operation": "PREFIX", "value": "engine"},
        {"field": "STATE", "operation": "IN", "value": ["SUCCESS", "WARNING"]},
        {"field": "LABELS", "operation": "EQUALS", "value": {"team": "tests"}},
    ]
    sort = ["state.startDate:desc"]
    page = official.executions.search_executions("main", page=1, size=1000, sort=sort, filters=query)
    assert run in [execution["id"] for execution in page["results"]]
    assert page["total"] == len(page["results"])
    query[3]["value"] = {"team": "nobody"}
    assert official.executions.search_executions("main", filters=query)["total"] == 0


def test_deleted_execution_leaves_no_log_and_no_file(kestra: Kestra, engine: Engine) -> None:
    run = run_echo(kestra)
    # A task with a file among its outputs leaves such a folder.
    folder = engine.data / "storage" / "main" / "engine" / "test" / "echo" / "executions" / run
    (folder / "tasks").mkdir(parents=True)
    (folder / "tasks" / "a.txt").touch()
    assert kestra.logs(run) != []
    kestra.delete_execution(run)
    assert (kestra.logs(run), folder.exists()) == ([], False)
    assert run not in [execution.id for execution in kestra.executions()]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "executions/search?size=1001", 422),
        ("GET", "executions/search?filters[nothing][EQUALS]=1", 422),
        ("PATCH", "flows/import", 405),
    ],
)
def test_error_is_a_message_without_a_stack_trace(engine: Engine, method: str, path: str, status: int) -> None:
    answer = httpx.request(method, f"{engine.url}/api/v1/main/{path}", timeout=30)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["message"]
    assert "\tat " not in answer.text


def test_refused_import_gives_file_line_and_reason(kestra: Kestra, tmp_path: Path) -> None:
    good, bad, broken = (tmp_path / f"{name}.yml" for name in ("good", "bad", "broken"))
    flow = "id: {}\nnamespace: engine.files\ntasks:\n  - id: x\n    type: {}\n"
    good.write_text(flow.format("g", "io.kestra.plugin.core.debug.Return"))
    bad.write_text(flow.format("b", "io.kestra.Nothing"))
    broken.write_text("id: c\nnamespace: [engine.files\n")
    with pytest.raises(KestraError) as refused:
        kestra.import_flows([bad, broken, good])
    first, *others = str(refused.value).splitlines()
    assert first == "flows were not imported:"
    assert any(line.startswith(f"{bad}:5: ") and "io.kestra.Nothing" in line for line in others)
    assert any(re.match(rf"{re.escape(str(broken))}:[23]: ", line) for line in others)
    assert [flow.id for flow in kestra.flows("engine.files")] == ["g"]


def test_client_waits_for_a_value_that_kestra_is_writing(engine: Engine, kestra: Kestra) -> None:
    """Kestra writes values in place, so a file is empty for a moment. If it stays empty, the error names the key."""
    kestra.kv_put("in.the.making", {"a": 1}, NAMESPACE)
    (file,) = (engine.data / "storage").rglob("in.the.making*.ion")
    content = file.read_bytes()
    file.write_bytes(b"")
    with pytest.raises(KestraError, match=r"the value of the key in\.the\.making cannot be read"):
        kestra.kv_get("in.the.making", NAMESPACE)
    timer = threading.Timer(0.5, file.write_bytes, [content])
    timer.start()
    assert kestra.kv_get("in.the.making", NAMESPACE) == {"a": 1}
    timer.join()


def test_client_writes_a_new_key_that_others_create_at_the_same_time(engine: Engine) -> None:
    """If several clients create a key at once, Kestra refuses all but one of them; the client then tries again."""
    keys = [f"of.many.{number}" for number in range(30)]
    barrier = threading.Barrier(4)

    def write(number: int) -> None:
        with Kestra(engine.url) as kestra:
            for key in keys:
                # After a failure of one client, the others stop waiting.
                barrier.wait(10)
                kestra.kv_put(key, number, NAMESPACE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with Kestra(engine.url) as kestra:
        assert {kestra.kv_get(key, NAMESPACE) for key in keys} <= set(range(4))
    assert "Unique index" in engine.log.read_text(encoding="utf-8"), "no write was refused, so this proves nothing"
