"""`christmas flows check`: the engine's words, with file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

from christmas_campaign.local import flow_check
from christmas_campaign.local.stack import PROJECT

NO_TYPE = """\
id: no-such-type
namespace: christmas
tasks:
  - id: first
    type: io.kestra.plugin.core.log.Log
    message: fine
  - id: second
    type: io.kestra.plugin.core.log.Logg
    message: not there
"""

NO_MESSAGE = """\
id: no-message
namespace: christmas
tasks:
  - id: only
    type: io.kestra.plugin.core.log.Log
"""

NOT_YAML = "id: not-yaml\nnamespace: [christmas\ntasks: x\n"


def test_each_fault_is_named_with_its_file_and_line_and_good_flows_have_none(tmp_path: Path) -> None:
    for file in (PROJECT / "flows").glob("*.yml"):
        shutil.copy(file, tmp_path)
    for name, source in {"a.yml": NO_TYPE, "b.yml": NO_MESSAGE, "c.yml": NOT_YAML}.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    faults = flow_check.check(tmp_path, {})

    assert {fault.file.name for fault in faults} == {"a.yml", "b.yml", "c.yml"}
    by_file = {fault.file.name: fault for fault in reversed(faults)}
    assert by_file["a.yml"].line == 8
    assert "io.kestra.plugin.core.log.Logg" in by_file["a.yml"].problem
    assert by_file["b.yml"].line == 4
    assert "message" in by_file["b.yml"].problem
    assert by_file["c.yml"].line in (2, 3)
    assert str(by_file["a.yml"]).startswith(f"{tmp_path / 'a.yml'}:8: ")
