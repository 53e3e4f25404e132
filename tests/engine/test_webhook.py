"""Webhooks: who is let in, what arrives, what is answered."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.local.engine import Engine

KEY = "the key of the tests"
NAMESPACE = "engine.test"

#: What a customer may write, and no part of the engine may take for its own.
HOSTILE = {
    "braces": "{{ secret('X') }} {% for i in range(9) %} {# note #} {{ outputs }}",
    "quotes": 'O\'Brien "the" \\ back`tick` $HOME $(id) ; rm',
    "lines": "one\ntwo\r\nthree\ttab\u2028end",
    "emoji": "Lệ Ngọc 💅🏽 Bảo Sang",
    "outputs": '::{"outputs": {"code": 500}}::',
    "numbers": [0, -1, 1.5, 12345678901234567890, True, None],
}


def call(kestra: Kestra, body: Any) -> httpx.Response:
    return httpx.post(kestra.webhook_url("echo", KEY, NAMESPACE), json=body, timeout=30)


def test_a_python_step_decides_status_and_answer(kestra: Kestra) -> None:
    answer = call(kestra, {"code": 422, "name": "Ana"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["context"]["body"] == {"code": 422, "name": "Ana"}
    assert told["context"]["setting"] == "Bảo Sang"
    assert told["context"]["absent"] == "none"
    assert told["env"] == "Lệ Ngọc"


def test_python_in_a_task_is_this_very_interpreter(kestra: Kestra) -> None:
    told = Path(call(kestra, {}).json()["python"])
    assert told.parent == Path(sys.executable).parent


def test_what_a_customer_wrote_arrives_unchanged_and_is_never_expanded(kestra: Kestra) -> None:
    arrived = call(kestra, {"code": 200, "deep": {"list": [HOSTILE]}}).json()["context"]["body"]
    assert arrived == {"code": 200, "deep": {"list": [HOSTILE]}}


def test_what_a_customer_wrote_is_not_in_the_log_of_the_engine(kestra: Kestra, engine: Engine) -> None:
    call(kestra, {"marker": "marker-7d1f", "code": "not a number"})
    files = [file for file in engine.data.glob("engine.*") if file.suffix != ".lock"]
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "marker-7d1f" not in text
        assert KEY not in text


@pytest.mark.parametrize(("raw", "body"), [(b"[1, 2]", [1, 2]), (b"not json", "not json"), (b"5", "5")])
def test_a_body_that_is_no_object(kestra: Kestra, raw: bytes, body: Any) -> None:
    answer = httpx.post(kestra.webhook_url("echo", KEY, NAMESPACE), content=raw, timeout=30)
    assert answer.json()["context"]["body"] == body


def test_there_is_one_answer_for_everybody_who_is_not_let_in(kestra: Kestra) -> None:
    answers = [
        httpx.post(kestra.webhook_url(flow, key, namespace), json={})
        for flow, key, namespace in [
            ("echo", "wrong", NAMESPACE),
            ("echo", KEY + "x", NAMESPACE),
            ("echo", KEY[:-1], NAMESPACE),
            ("nobody", KEY, NAMESPACE),
            ("echo", KEY, "engine"),
            ("disabled", KEY, NAMESPACE),
            ("child", KEY, NAMESPACE),
            ("keyless", "", NAMESPACE),
            ("keyless", "null", NAMESPACE),
            ("keyless", "{{ secret('EMPTY') }}", NAMESPACE),
        ]
    ]
    assert {(answer.status_code, answer.content, answer.headers["content-type"]) for answer in answers} == {
        (404, b'{"message":"Not Found"}', "application/json")
    }


def test_other_addresses_and_methods(kestra: Kestra) -> None:
    url = kestra.webhook_url("echo", KEY, NAMESPACE)
    assert httpx.post(f"{url}/more", json={}).status_code == 404
    assert httpx.post(f"{url}/", json={}).status_code == 404
    assert httpx.delete(url).status_code == 405
    assert httpx.get(kestra.url).status_code == 404


def test_fifty_callers_at_once_each_get_their_own_answer(kestra: Kestra) -> None:
    codes = [200, 201, 422, 503]

    def one(number: int) -> tuple[int, Any]:
        answer = httpx.post(
            kestra.webhook_url("echo", KEY, NAMESPACE), json={"code": codes[number % 4], "n": number}, timeout=60
        )
        return answer.status_code, answer.json()["context"]["body"]["n"]

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(one, range(50))) == [(codes[number % 4], number) for number in range(50)]


def test_outputs_come_back_from_a_run_that_failed_and_a_null_does_not_come_at_all(kestra: Kestra) -> None:
    url = kestra.webhook_url("ends", "ends-key", NAMESPACE)
    well = httpx.post(url, json={"say": "well"}, timeout=30)
    assert (well.status_code, well.json()) == (200, {"said": "well", "empty": []})
    failed = httpx.post(url, json={"say": "badly", "fail": True}, timeout=30)
    assert (failed.status_code, failed.json()) == (500, {"said": "badly", "empty": []})
