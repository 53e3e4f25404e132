"""The JSON schema of Kestra's flows that editors read: `make flow-schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from christmas_campaign.local import flow_schema
from christmas_campaign.local.stack import PROJECT

FLOWS = sorted((PROJECT / "flows").glob("*.yml"))


def read_flow(name: str) -> Any:
    return yaml.safe_load((PROJECT / "flows" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> jsonschema_rs.Draft7Validator:
    file = tmp_path_factory.mktemp("schema") / "new folder" / "flow.schema.json"
    assert flow_schema.main([str(file)]) == 0
    return jsonschema_rs.Draft7Validator(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("file", FLOWS, ids=lambda file: file.stem)
def test_schema_accepts_every_flow(validator: jsonschema_rs.Draft7Validator, file: Path) -> None:
    assert [error.message for error in validator.iter_errors(read_flow(file.name))] == []


def test_schema_refuses_a_python_task_without_commands(validator: jsonschema_rs.Draft7Validator) -> None:
    flow = read_flow("stop.yml")
    del flow["tasks"][0]["commands"]
    assert not validator.is_valid(flow)
