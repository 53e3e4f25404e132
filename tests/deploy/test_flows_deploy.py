"""``christmas flows deploy``: creates and updates flows, deletes none, and reports every refusal.

A stand-in replaces Kestra, because a real one cannot be made to start late or to lose a flow. tests/engine holds the client
against the real engine: the import, its refusals and the login.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from christmas_campaign.clients.kestra import Flow, Kestra, KestraError
from deploy.conftest import PROJECT

FLOWS = PROJECT / "flows"


class StandIn:
    """Kestra's flows, with every revision. A source with ``tasks: broken`` is refused, and a flow in ``loses`` disappears."""

    def __init__(self) -> None:
        self.sources: dict[str, list[str]] = {}
        self.loses: set[str] = set()
        self.errors: list[KestraError] = []
        self.calls = 0

    def flows(self, namespace: str) -> list[Flow]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return [
            Flow(namespace, name, len(revisions), False, None)
            for name, revisions in self.sources.items()
            if name not in self.loses
        ]

    def import_flows(self, files: Iterable[Path]) -> None:
        refused = []
        for file in files:
            source = file.read_text(encoding="utf-8")
            revisions = self.sources.setdefault(flow_id(source), [])
            if "tasks: broken" in source:
                refused.append(file.name)
                del self.sources[flow_id(source)]
            elif source not in revisions[-1:]:
                revisions.append(source)
        if refused:
            raise KestraError(f"flows were not imported: {refused}")


def flow_id(source: str) -> str:
    return str(re.findall(r"^id: (\S+)", source, re.MULTILINE)[0])


@pytest.fixture
def kestra(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(Kestra, "flows", lambda _, namespace="christmas": stand_in.flows(namespace))
    monkeypatch.setattr(Kestra, "import_flows", lambda _, files: stand_in.import_flows(files))
    return stand_in


def deploy(folder: Path, *options: str) -> Result:
    return CliRunner(env={"CHRISTMAS_ENV_FILE": None}).invoke(main, ["flows", "deploy", str(folder), *options])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yml").write_text(f"id: {name}\nnamespace: christmas\n")
    return tmp_path


def test_second_deployment_changes_nothing(kestra: StandIn) -> None:
    result = deploy(FLOWS)
    assert result.exit_code == 0, result.output
    ids = {flow_id(file.read_text(encoding="utf-8")) for file in FLOWS.glob("*.yml")}
    assert set(kestra.sources) == ids
    assert set(result.output.splitlines()) == {f"new: {name}" for name in ids}
    assert deploy(FLOWS).output == f"{len(ids)} flows are unchanged.\n"
    assert {len(revisions) for revisions in kestra.sources.values()} == {1}


def test_changed_flow_gets_a_revision_and_removed_flow_stays(kestra: StandIn, folder: Path) -> None:
    deploy(folder)
    (folder / "a.yml").write_text("id: a\nnamespace: christmas\ndescription: new\n")
    (folder / "b.yml").unlink()
    (folder / "c.yml").write_text("id: c\nnamespace: christmas\n")
    assert deploy(folder).output.splitlines() == [
        "new: c",
        "new revision: a; waiting executions keep the old one",
        f"not in {folder}, and not deleted: b",
    ]
    assert set(kestra.sources) == {"a", "b", "c"}


def test_refused_flow_is_reported_and_the_others_are_deployed(kestra: StandIn, folder: Path) -> None:
    (folder / "a.yml").write_text("id: a\nnamespace: christmas\ntasks: broken\n")
    result = deploy(folder)
    assert (result.exit_code, "a.yml" in result.stderr, set(kestra.sources)) == (2, True, {"b"})


def test_flow_that_is_missing_afterwards_is_an_error(kestra: StandIn, folder: Path) -> None:
    kestra.loses = {"b"}
    result = deploy(folder)
    assert (result.exit_code, "has no flow b in the namespace christmas" in result.output) == (2, True)


def test_deployment_waits_for_a_kestra_that_starts(kestra: StandIn, folder: Path) -> None:
    kestra.errors = [KestraError("starting", 503)]
    assert deploy(folder).exit_code == 0
    kestra.errors = [KestraError("starting", 503)] * 5
    result = deploy(folder, "--wait", "0")
    assert (result.exit_code, "starting" in result.output) == (2, True)


def test_deployment_does_not_wait_after_a_wrong_password(kestra: StandIn, folder: Path) -> None:
    kestra.errors = [KestraError("refused the user or the password", 401)]
    result = deploy(folder)
    assert (result.exit_code, kestra.calls) == (2, 1)


def test_folder_without_flows_is_an_error(kestra: StandIn, tmp_path: Path) -> None:
    assert "there is no flow" in deploy(tmp_path).output
    assert kestra.sources == {}
