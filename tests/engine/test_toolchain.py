"""Building the engine: once for each state of its sources, and what went wrong is said plainly."""

from __future__ import annotations

from pathlib import Path

import pytest

from christmas_campaign.cli import toolchain
from christmas_campaign.cli.jdk import ToolchainError


def test_a_build_that_fails_shows_mavens_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "pom.xml").write_text("<project/>")
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'downloading'\necho '[ERROR] cannot find symbol'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    said: list[str] = []
    with pytest.raises(ToolchainError, match=r"(?s)building the engine failed.*build\.log.*cannot find symbol"):
        toolchain.build_engine(tmp_path, said.append)
    assert len(said) == 1


def test_what_is_built_is_not_built_again_until_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "engine" / "src" / "A.java"
    source.parent.mkdir(parents=True)
    source.write_text("a")
    (tmp_path / "engine" / "pom.xml").write_text("<project/>")
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\ntouch target/engine.jar\necho built >> target/times\n")
    maven.chmod(0o755)
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    monkeypatch.setattr(toolchain, "_archive", lambda *made: made[2].touch())
    target = tmp_path / "engine" / "target"
    # The first half alone, as `make setup` does it while it installs the Python packages.
    toolchain.compile_engine(tmp_path)
    assert not list(target.glob("*.jsa"))
    for _ in range(2):
        built = toolchain.build_engine(tmp_path)[1]
    assert (target / "times").read_text() == "built\n"
    assert built.archive is not None
    first = built.archive
    source.write_text("b")
    assert toolchain.build_engine(tmp_path)[1].archive != first
    assert (target / "times").read_text() == "built\nbuilt\n"
    assert not first.exists()


def test_outside_a_checkout_there_is_nothing_to_build(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="checkout"):
        toolchain.build_engine(tmp_path)
