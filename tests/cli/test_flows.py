"""``christmas flows check`` reports the engine's faults of each flow with file and line."""

from __future__ import annotations

from pathlib import Path

from christmas_campaign.local import flow_check

#: A flow of each kind of fault, with a part of the problem and the line of the fault.
FAULTS = {
    "unknown-type.yml": (
        "id: a\nnamespace: christmas\ntasks:\n  - id: first\n    type: io.kestra.plugin.core.log.Log\n    message: fine\n"
        "  - id: second\n    type: io.kestra.plugin.core.log.Logg\n    message: not there\n",
        "io.kestra.plugin.core.log.Logg",
        8,
    ),
    "no-message.yml": (
        "id: b\nnamespace: christmas\ntasks:\n  - id: only\n    type: io.kestra.plugin.core.log.Log\n",
        "message",
        4,
    ),
    "not-yaml.yml": ("id: c\nnamespace: [christmas\ntasks: x\n", "", 3),
}


def test_faults_have_file_and_line_and_a_valid_flow_has_none(tmp_path: Path) -> None:
    good = "id: good\nnamespace: christmas\ntasks:\n  - {id: a, type: io.kestra.plugin.core.log.Log, message: fine}\n"
    (tmp_path / "good.yml").write_text(good, encoding="utf-8")
    for name, (source, _, _) in FAULTS.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    faults = {fault.file.name: fault for fault in reversed(flow_check.check(tmp_path, {}))}
    assert faults.keys() == FAULTS.keys()
    for name, (_, problem, line) in FAULTS.items():
        assert problem in faults[name].problem
        assert faults[name].line in (line, line - 1 if name == "not-yaml.yml" else line)
        assert str(faults[name]).startswith(f"{tmp_path / name}:{faults[name].line}: ")
