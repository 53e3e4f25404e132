"""The embedded API held to the original: Kestra's own Python client reads what it answers."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from kestrapy import Configuration, KestraClient

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.local.engine import Engine

NAMESPACE = "engine.test"
KEY = "the key of the tests"

# Its generated models shadow names of pydantic's, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic", "ignore::DeprecationWarning:kestrapy")


@pytest.fixture(scope="module")
def original(engine: Engine) -> Any:
    return KestraClient(Configuration(host=engine.url, username="any", password="any"))


@pytest.fixture(scope="module")
def ended(kestra: Kestra) -> str:
    """The id of an execution that has ended well."""
    httpx.post(kestra.webhook_url("echo", KEY, NAMESPACE), json={"code": 201}, timeout=30)
    return kestra.executions(flow_id="echo", states=["SUCCESS"])[-1].id


def test_flows(original: Any) -> None:
    one = original.flows.flow(NAMESPACE, "echo", "main", source=True)
    assert (one.id, one.namespace, one.revision) == ("echo", NAMESPACE, 1)
    assert "python -S step.py" in one.source
    assert {flow.id for flow in original.flows.list_flows_by_namespace(NAMESPACE, "main")} >= {"echo", "parent"}


def test_validate_and_import(original: Any) -> None:
    source = "id: {id}\nnamespace: engine.made\ntasks:\n  - id: x\n    type: io.kestra.plugin.core.debug.Return\n"
    good, bad = original.flows.validate_flows("main", source.format(id="good") + "\n---\n" + "id: bad\nnamespace: a\n")
    assert (good.flow, good.constraints) == ("good", None)
    assert "tasks" in bad.constraints
    assert original.flows.import_flows("main", file_content=source.format(id="imported").encode()) == []
    assert {flow.id for flow in original.flows.list_flows_by_namespace("engine.made", "main")} == {"imported"}


def test_executions(original: Any, ended: str) -> None:
    one = original.executions.execution(ended, "main")
    assert (one.id, one.flow_id, one.state.current.value) == (ended, "echo", "SUCCESS")
    assert one.task_run_list[0].task_id == "step"
    query: list[dict[str, Any]] = [
        {"field": "FLOW_ID", "operation": "EQUALS", "value": "echo"},
        {"field": "NAMESPACE", "operation": "PREFIX", "value": "engine"},
        {"field": "STATE", "operation": "IN", "value": ["SUCCESS", "WARNING"]},
        {"field": "LABELS", "operation": "EQUALS", "value": {"team": "tests"}},
    ]
    page = original.executions.search_executions(
        "main", page=1, size=1000, sort=["state.startDate:desc"], filters=query
    )
    assert ended in [each["id"] for each in page["results"]]
    assert page["total"] == len(page["results"])
    query[3]["value"] = {"team": "nobody"}
    assert original.executions.search_executions("main", filters=query)["total"] == 0


def test_logs_inputs_and_a_date(original: Any, kestra: Kestra, ended: str) -> None:
    assert {line.task_id for line in original.logs.list_logs_from_execution(ended, "main")} >= {"step"}
    made = original.executions.create_execution(
        "main", NAMESPACE, "child", labels=["a:b"], inputs={"date": "x"}, schedule_date="2099-01-01T00:00:00Z"
    )
    one = kestra.execution(made.id)
    assert (one.state, one.inputs, one.labels["a"]) == ("CREATED", {"date": "x"}, "b")
    assert one.scheduled is not None
    assert one.scheduled.year == 2099


def test_a_deleted_execution_leaves_no_log_and_no_file(original: Any, kestra: Kestra, engine: Engine) -> None:
    for delete in (
        lambda each: original.executions.delete_execution(
            each, "main", delete_logs=True, delete_metrics=True, delete_storage=True
        ),
        kestra.delete_execution,
    ):
        httpx.post(kestra.webhook_url("echo", KEY, NAMESPACE), json={"code": 201}, timeout=30)
        made = kestra.executions(flow_id="echo", states=["SUCCESS"])[-1].id

        # As a task leaves it that has a file among its outputs.
        folder = engine.data / "storage" / "main" / "engine" / "test" / "echo" / "executions" / made
        (folder / "tasks").mkdir(parents=True)
        (folder / "tasks" / "a.txt").touch()
        assert kestra.logs(made) != []
        delete(made)
        assert (kestra.logs(made), folder.exists()) == ([], False)
        assert made not in [each.id for each in kestra.executions()]


def test_key_and_value(original: Any, kestra: Kestra) -> None:
    original.kv.set_key_value(NAMESPACE, "of.theirs", "main", '{"a": [1, "é"]}')
    assert kestra.kv_get("of.theirs", NAMESPACE) == {"a": [1, "é"]}
    kestra.kv_put("of_ours", {"b": "{{ x }}"}, NAMESPACE, ttl="P1D")
    assert original.kv.key_value(NAMESPACE, "of_ours", "main").value == {"b": "{{ x }}"}
    assert set(kestra.kv_list(NAMESPACE)) >= {"of.theirs", "of_ours"}
    assert kestra.kv_delete("of.theirs", NAMESPACE)
    assert not kestra.kv_delete("of.theirs", NAMESPACE)
    assert kestra.kv_get("of.theirs", NAMESPACE) is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "executions/search?size=1001", 422),
        ("GET", "executions/search?page=x", 400),
        ("GET", "executions/search?filters[nothing][EQUALS]=1", 422),
        ("GET", "executions/search?filters[taskId][EQUALS]=1", 400),
        ("PATCH", "flows/import", 405),
        ("GET", "nothing/of/that/kind", 404),
    ],
)
def test_an_error_is_a_message(engine: Engine, method: str, path: str, status: int) -> None:
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


def test_a_server_that_is_not_there_is_said_plainly() -> None:
    with Kestra("http://127.0.0.1:9") as nobody:
        assert not nobody.health()
        with pytest.raises(KestraError, match=r"Kestra at http://127\.0\.0\.1:9 does not answer"):
            nobody.flows()


def test_a_value_that_is_being_written_is_waited_for(engine: Engine, kestra: Kestra) -> None:
    """Kestra writes it in place, so there is a moment in which its file is empty; a file that stays so is told by its key."""
    kestra.kv_put("in.the.making", {"a": 1}, NAMESPACE)
    (file,) = (engine.data / "storage").rglob("in.the.making*.ion")
    written = file.read_bytes()
    file.write_bytes(b"")
    with pytest.raises(KestraError, match=r"the value of the key in\.the\.making cannot be read"):
        kestra.kv_get("in.the.making", NAMESPACE)
    later = threading.Timer(0.5, file.write_bytes, [written])
    later.start()
    assert kestra.kv_get("in.the.making", NAMESPACE) == {"a": 1}
    later.join()


def test_a_value_that_two_write_at_once_is_written(engine: Engine) -> None:
    """The first ones to write a key at the same time announce it both, which Kestra refuses one of them."""
    keys = [f"of.many.{number}" for number in range(30)]

    def write(place: int) -> None:
        with Kestra(engine.url) as kestra:
            for key in keys:
                # Whoever is refused does not come to the next key, and the others are not to wait for ever.
                together.wait(10)
                kestra.kv_put(key, place, NAMESPACE)

    together = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with Kestra(engine.url) as kestra:
        assert {kestra.kv_get(key, NAMESPACE) for key in keys} <= set(range(4))
    assert "Unique index" in engine.log.read_text(encoding="utf-8"), "nobody was refused: this has shown nothing"
