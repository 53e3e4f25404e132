"""Finding a JDK and Maven: what is missing is said plainly."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from christmas_campaign.cli import jdk
from christmas_campaign.cli.jdk import ToolchainError


def make(home: Path, version: str, compiler: bool = True) -> Path:
    """A JDK that knows its version and nothing else."""
    (home / "bin").mkdir(parents=True)
    for name in ["java", "javac"] if compiler else ["java"]:
        command = home / "bin" / name
        command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
        command.chmod(0o755)
    return home


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Only what a test puts in this folder is in one of the usual places."""
    places = tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr(jdk, "_PLACES", ((str(places), "*"),))
    return places


def test_java_home_comes_first_then_the_path_then_the_usual_places(nowhere: Path, tmp_path: Path) -> None:
    make(nowhere / "jdk-25", "25.0.3")
    assert jdk.find_jdk({}).feature == 25
    on_path = make(tmp_path / "on-path", "21.0.5")
    assert jdk.find_jdk({"PATH": str(on_path / "bin")}).home == on_path
    home = make(tmp_path / "home", "23")
    found = jdk.find_jdk({"PATH": str(on_path / "bin"), "JAVA_HOME": str(home)})
    assert (found.home, found.feature, found.java) == (home, 23, home / "bin" / "java")


def test_old_ones_and_those_without_a_compiler_are_named_when_there_is_no_other(nowhere: Path) -> None:
    make(nowhere / "a", "1.8.0_402")
    make(nowhere / "b", "17.0.15")
    make(nowhere / "c", "21.0.5", compiler=False)
    with pytest.raises(ToolchainError) as told:
        jdk.find_jdk({})
    for part in ("of version 21 or later", "Java 1.8.0_402", "Java 17.0.15", "without a compiler", "JAVA_HOME"):
        assert part in str(told.value)
    make(nowhere / "d", "21")
    assert jdk.find_jdk({}).home == nowhere / "d"


def test_none_at_all(nowhere: Path) -> None:
    with pytest.raises(ToolchainError, match="found none"):
        jdk.find_jdk({"JAVA_HOME": str(nowhere / "gone"), "PATH": str(nowhere)})


def test_no_maven(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="there is no mvn command"):
        jdk.find_maven({"PATH": str(tmp_path)})


def test_this_machine_has_what_it_takes() -> None:
    assert jdk.find_jdk().feature >= jdk.OLDEST_JAVA
    assert shutil.which(jdk.find_maven())
