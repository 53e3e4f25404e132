"""Webhooks: permitted callers, the body in the flow, and the answer to the caller."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine
from engine.runs import NAMESPACE, WEBHOOK_KEY

#: Text that a customer may send and that no part of the engine may interpret.
HOSTILE = {
    "braces": "{{ secret('X') }} {% for i in range(9) %} {# note #} {{ outputs }}",
    "quotes": 'O\'Brien "the" \\ back`tick` $HOME $(id) ; rm',
    "lines": "one\ntwo\r\nthree\ttab\u2028end",
    "emoji": "Lệ Ngọc 💅🏽 Bảo Sang",
    "outputs": '::{"outputs": {"code": 500}}::',
    "numbers": [0, -1, 1.5, 12345678901234567890, True, None],
}


def call_echo(kestra: Kestra, body: Any) -> httpx.Response:
    """Call the webhook of ``echo``, which answers with what its Python step received."""
    return httpx.post(kestra.webhook_url("echo", WEBHOOK_KEY, NAMESPACE), json=body, timeout=60)


def test_python_step_chooses_status_and_answer(kestra: Kestra) -> None:
    answer = call_echo(kestra, {"code": 422, "name": "Ana"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    received = answer.json()
    assert received["context"]["body"] == {"code": 422, "name": "Ana"}
    assert (received["context"]["setting"], received["context"]["absent"]) == ("Bảo Sang", "none")
    assert received["env"] == "Lệ Ngọc"
    assert Path(received["python"]).parent == Path(sys.executable).parent


def test_body_arrives_unchanged_and_is_never_expanded(kestra: Kestra) -> None:
    body = {"code": 200, "deep": {"list": [HOSTILE]}}
    assert call_echo(kestra, body).json()["context"]["body"] == body


def test_body_and_key_are_not_in_the_log_of_the_engine(kestra: Kestra, engine: Engine) -> None:
    call_echo(kestra, {"marker": "marker-7d1f", "code": "not a number"})
    files = [file for file in engine.data.glob("engine.*") if file.suffix != ".lock"]
    assert files
    log = "".join(file.read_text(encoding="utf-8") for file in files)
    assert "marker-7d1f" not in log
    assert WEBHOOK_KEY not in log


@pytest.mark.parametrize(("raw", "body"), [(b"[1, 2]", [1, 2]), (b"not json", "not json"), (b"5", "5")])
def test_other_body_than_an_object_arrives_as_list_or_text(kestra: Kestra, raw: bytes, body: Any) -> None:
    answer = httpx.post(kestra.webhook_url("echo", WEBHOOK_KEY, NAMESPACE), content=raw, timeout=30)
    assert answer.json()["context"]["body"] == body


def test_every_refused_caller_gets_the_same_answer(kestra: Kestra) -> None:
    calls = [
        ("echo", "wrong", NAMESPACE),
        ("echo", WEBHOOK_KEY + "x", NAMESPACE),
        ("echo", WEBHOOK_KEY[:-1], NAMESPACE),
        ("nobody", WEBHOOK_KEY, NAMESPACE),
        ("echo", WEBHOOK_KEY, "engine"),
        ("disabled", WEBHOOK_KEY, NAMESPACE),
        ("child", WEBHOOK_KEY, NAMESPACE),
        ("keyless", "", NAMESPACE),
        ("keyless", "null", NAMESPACE),
        ("keyless", "{{ secret('EMPTY') }}", NAMESPACE),
    ]
    answers = [httpx.post(kestra.webhook_url(*call), json={}) for call in calls]
    assert {(answer.status_code, answer.content, answer.headers["content-type"]) for answer in answers} == {
        (404, b'{"message":"Not Found"}', "application/json")
    }


def test_each_of_fifty_simultaneous_callers_gets_their_own_answer(kestra: Kestra) -> None:
    codes = [200, 201, 422, 503]

    def call(number: int) -> tuple[int, Any]:
        answer = call_echo(kestra, {"code": codes[number % 4], "n": number})
        return answer.status_code, answer.json()["context"]["body"]["n"]

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(call, range(50))) == [(codes[number % 4], number) for number in range(50)]


def test_failed_run_returns_its_outputs_without_the_null_ones(kestra: Kestra) -> None:
    url = kestra.webhook_url("ends", "ends-key", NAMESPACE)
    succeeded = httpx.post(url, json={"say": "well"}, timeout=30)
    assert (succeeded.status_code, succeeded.json()) == (200, {"said": "well", "empty": []})
    failed = httpx.post(url, json={"say": "badly", "fail": True}, timeout=30)
    assert (failed.status_code, failed.json()) == (500, {"said": "badly", "empty": []})
